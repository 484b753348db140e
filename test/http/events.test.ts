import fs from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { LOCAL } from "../../src/domain/roles.ts";
import { EventStreams } from "../../src/http/events.ts";
import { revokeKey } from "../../src/store/keys.ts";
import { follow } from "../support/events.ts";
import { call } from "../support/http.ts";
import { makeKey } from "../support/keys.ts";
import { rawConnection } from "../support/raw.ts";
import { startServer, type TestServer } from "../support/server.ts";

const custom = { job_id: "custom" };

async function start(server: TestServer, body: object): Promise<string> {
  const { body: answer } = await call(server, "startRun", { params: custom, body });
  return answer.id ?? answer.run.id;
}

const good = { done: true, body: { study_set: { s: { title: "A study" } } } };
const bad = { done: true, body: { study_set: { s: { title: 7 } } } };

test("everything that happens to a run is told, in order, with what it has become", async () => {
  const server = await startServer();
  const client = await follow(server.url);
  expect(client.response.headers).toMatchObject({ "content-type": "text/event-stream; charset=utf-8" });
  const run_id = await start(server, {});
  const params = { run_id };
  await call(server, "patchRun", { params, body: { status: "running", body: bad.body } });
  await call(server, "patchRun", { params, body: { metadata: { a: 1 } } });
  await call(server, "patchRun", { params, body: { done: true } });
  await call(server, "patchRun", { params, body: good });
  await call(server, "createJob", { body: { executor: "external", job_id: "annotate" } });
  const seen = await client.until(10);
  expect(seen.map(({ type }) => type)).toEqual([
    "run.created",
    "run.running",
    "run.updated",
    "run.merging",
    "run.rejected",
    "merge.rejected",
    "run.merging",
    "run.success",
    "merge.merged",
    "job.created",
  ]);
  const run = (await call(server, "getRun", { params })).body;
  expect(seen[7]?.data).toEqual({
    run_id,
    job_id: "custom",
    status: "success",
    head: run.head,
    at: run.updated_at,
  });
  expect(seen[5]?.data).toMatchObject({ run_id, violation_count: 1, conflict_count: 0 });
  expect(seen[8]?.data).toMatchObject({ run_id, tip: run.head, checked: 1 });
});

test("a stream is answered as the contract says, and only GET follows it", async () => {
  const server = await startServer();
  expect((await call(server, "followEvents")).headers.get("cache-control")).toBe("no-store");
  const head = await fetch(`${server.url}/events`, { method: "HEAD" });
  expect([head.status, await head.text()]).toEqual([200, ""]);
});

test("an event is told when what it tells can be read", async () => {
  const server = await startServer();
  const client = await follow(server.url);
  const run_id = await start(server, good);
  await client.until(3);
  expect((await call(server, "getRun", { params: { run_id } })).body.status).toBe("success");
});

test("a refused request and a rehearsal tell nothing", async () => {
  const server = await startServer();
  const client = await follow(server.url);
  await call(server, "startRun", { params: custom, body: good, query: { dryRun: "true" } });
  await call(server, "startRun", { params: custom, body: { nonsense: 1 } });
  const run_id = await start(server, {});
  expect((await client.until(1))[0]?.data).toMatchObject({ run_id });
});

describe("a client that comes back", () => {
  test("gets what it missed, once and in order", async () => {
    const server = await startServer();
    const first = await follow(server.url);
    const one = await start(server, {});
    const [event] = await first.until(1);
    first.close();
    const two = await start(server, {});
    const three = await start(server, {});
    const again = await follow(server.url, { "last-event-id": event?.id ?? "" });
    const four = await start(server, {});
    const seen = await again.until(3);
    expect(seen.map(({ data }) => data["run_id"])).toEqual([two, three, four]);
    expect(event?.data["run_id"]).toBe(one);
  });

  test.each(["nonsense", "", "x-1", "__proto__-1", `1-${"9".repeat(400)}`])(
    "behind an event that is not known (%j) is told to read anew, and goes on",
    async (id) => {
      const server = await startServer();
      const client = await follow(server.url, { "last-event-id": id });
      await start(server, {});
      expect((await client.until(2)).map(({ type }) => type)).toEqual(["stream.reset", "run.created"]);
    },
  );

  test("after a restart is told to read anew, and can go on from there", async () => {
    const server = await startServer();
    const first = await follow(server.url);
    await start(server, {});
    const id = (await first.until(1))[0]?.id ?? "";
    await server.stop();
    const again = await startServer({ data: server.data });
    const client = await follow(again.url, { "last-event-id": id });
    const [reset] = await client.until(1);
    expect(reset?.type).toBe("stream.reset");
    client.close();
    await start(again, {});
    const third = await follow(again.url, { "last-event-id": reset?.id ?? "" });
    expect((await third.until(1))[0]?.type).toBe("run.created");
  });
});

/** Streams of their own, served over real HTTP. */
async function serveStreams(stillGood: () => boolean = () => true): Promise<{ streams: EventStreams; url: string }> {
  const streams = new EventStreams({ start: "s", stillGood });
  const server = createServer(({ headers }, response) => {
    const id = headers["last-event-id"];
    streams.follow(response, LOCAL, typeof id === "string" ? id : null);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    streams.close();
    server.closeAllConnections();
    server.close();
  });
  return { streams, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const JOB = { executor: "external", params: {}, created_at: "2026-01-01T00:00:00Z", created_by: "me" } as const;

function tell(streams: EventStreams, from: number, to: number): void {
  for (let index = from; index <= to; index++)
    streams.tell({
      was: null,
      jobs: [{ job: { ...JOB, id: `job-${index}` }, was: null, status: "queued", at: index }],
    });
}

test("what is kept for those who come back is bounded, and whole within the bound", async () => {
  const { streams, url } = await serveStreams();
  tell(streams, 1, 35_000);
  const behind = async (id: string, count: number): Promise<unknown[]> => {
    const client = await follow(url, { "last-event-id": id });
    const seen = await client.until(count);
    return [seen.length, seen[0]?.data["job_id"], seen.at(-1)?.data["job_id"]];
  };
  expect(await behind("s-25000", 10_000)).toEqual([10_000, "job-25001", "job-35000"]);
  for (const id of ["s-35001", "s-1", "s-0"]) expect(await behind(id, 1)).toEqual([1, undefined, undefined]);
  const present = await follow(url, { "last-event-id": "s-35000" });
  tell(streams, 35_001, 35_001);
  expect((await present.until(1))[0]?.id).toBe("s-35001");
});

test("a client that never reads is cut, within bounded memory; the others hear everything", async () => {
  const { streams, url } = await serveStreams();
  const lazy = rawConnection(url, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await new Promise((resolve) => lazy.socket.once("data", resolve));
  lazy.socket.pause();
  const eager = await follow(url);
  let told = 0;
  for (; streams.counts.cut === 0 && told < 200_000; told += 1000) {
    tell(streams, told + 1, told + 1000);
    await eager.until(told + 1000);
  }
  expect(streams.counts).toEqual({ cut: 1, followers: 1, events: told });
  expect(eager.seen.map(({ id }) => id)).toEqual(Array.from({ length: told }, (_, index) => `s-${index + 1}`));
});

test("a client that reads slowly hears everything, too", async () => {
  const { streams, url } = await serveStreams();
  const slow = await follow(url);
  slow.response.pause();
  tell(streams, 1, 9000);
  const again = await follow(url, { "last-event-id": "s-8999" });
  await again.until(1);
  slow.response.resume();
  expect((await slow.until(9000)).map(({ id }) => id).at(-1)).toBe("s-9000");
  expect(streams.counts.cut).toBe(0);
});

test("a stop ends the streams, after everything that was told", async () => {
  const server = await startServer();
  const client = await follow(server.url);
  await start(server, good);
  expect(await server.stop()).toBe(0);
  await client.ended;
  expect(client.response.complete).toBe(true);
  expect(client.seen.at(-1)?.type).toBe("merge.merged");
});

test("heartbeats keep a quiet stream alive, and end that of a key which is revoked", async () => {
  vi.useFakeTimers({ toFake: ["setInterval"] });
  onTestFinished(() => void vi.useRealTimers());
  let good = true;
  const { url } = await serveStreams(() => good);
  const client = rawConnection(url, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await new Promise((resolve) => client.socket.once("data", resolve));
  vi.advanceTimersByTime(15_000);
  await new Promise((resolve) => client.socket.once("data", resolve));
  expect(client.answer()).toContain(": heartbeat\n\n");
  good = false;
  vi.advanceTimersByTime(15_000);
  await vi.waitFor(() => expect(client.answer()).toMatch(/\r\n0\r\n\r\n$/));
});

test("what is told after a stream was ended is not written to it", async () => {
  vi.useFakeTimers({ toFake: ["setInterval"] });
  onTestFinished(() => void vi.useRealTimers());
  let good = true;
  const { streams, url } = await serveStreams(() => good);
  const lazy = rawConnection(url, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await new Promise((resolve) => lazy.socket.once("data", resolve));
  lazy.socket.pause();
  good = false;
  vi.advanceTimersByTime(15_000);
  expect(streams.counts.followers).toBe(0);
  tell(streams, 1, 100);
  const eager = await follow(url);
  tell(streams, 101, 101);
  expect((await eager.until(1))[0]?.id).toBe("s-101");
});

test("a revoked key follows no more", async () => {
  const server = await startServer();
  const key = makeKey(server.data, "reader");
  await follow(server.url, { "x-api-key": key });
  revokeKey(fs, server.data, key.split("_")[1] ?? "", Date.now());
  await expect(follow(server.url, { "x-api-key": key })).resolves.toMatchObject({ response: { statusCode: 401 } });
});
