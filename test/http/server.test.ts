import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, test } from "vitest";
import { call } from "../support/http.ts";
import { problemIn, raw } from "../support/raw.ts";
import { startServer } from "../support/server.ts";

describe("requests that Node itself cannot read", () => {
  test.each([
    [
      "headers that are too large",
      `GET / HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(20_000)}\r\n\r\n`,
      431,
      "headers_too_large",
    ],
    ["nonsense", "NONSENSE\r\n\r\n", 400, "bad_request"],
    [
      "two lengths",
      "POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
      400,
      "bad_request",
    ],
  ])("%s are answered as a problem", async (_, text, status, code) => {
    const answer = await raw(await startServer(), text);
    expect(answer).toContain("application/problem+json");
    expect(problemIn(answer)).toEqual({ status, code });
  });
});

test("a request id is taken over when it is a plain word, and made otherwise", async () => {
  const server = await startServer();
  const given = await fetch(`${server.url}/healthz`, { headers: { "x-request-id": "mine-1" } });
  expect(given.headers.get("x-request-id")).toBe("mine-1");
  const made = await fetch(`${server.url}/nowhere`, { headers: { "x-request-id": "a b" } });
  expect(made.headers.get("x-request-id")).not.toBe("a b");
  expect(await made.json()).toMatchObject({ request_id: made.headers.get("x-request-id") });
});

test("every request is a line of JSON in the log, with its id", async () => {
  const server = await startServer();
  await call(server, "getHealth", { headers: { "x-request-id": "line-1" } });
  await server.stop();
  const lines = server
    .log()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { request_id?: string });
  expect(lines.find(({ request_id }) => request_id === "line-1")).toMatchObject({
    method: "GET",
    path: "/healthz",
    status: 200,
  });
});

test("what a Galaxy is at fault for is a warning in the log, by its code", async () => {
  const server = await startServer();
  const body = { dataset_id: "d", workflow_name: "w" };
  await call(server, "createJob", { headers: { "x-request-id": "line-2" }, body });
  await server.stop();
  const line = server.log().match(/^.*"line-2".*$/m)?.[0] ?? "{}";
  expect(JSON.parse(line)).toMatchObject({ level: 40, status: 503, code: "galaxy_not_configured" });
  expect(line).not.toContain("stack");
});

test("a stop lets the requests at work end", async () => {
  const server = await startServer();
  const bodies = Array.from({ length: 10 }, (_, index) => ({
    done: true,
    body: { data_object_set: { [`d${index}`]: { name: "x" } } },
  }));
  const first = call(server, "startRun", { params: { job_id: "custom" }, body: bodies[0] });
  await first;
  const answers = bodies.slice(1).map((body) => call(server, "startRun", { params: { job_id: "custom" }, body }));
  await Promise.race(answers);
  expect(await server.stop()).toBe(0);
  const settled = await Promise.allSettled(answers);
  const merged = settled.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value.body.id as string] : []));
  const again = await startServer({ data: server.data });
  for (const id of merged)
    expect((await call(again, "getRun", { params: { run_id: id } })).body.status).toBe("success");
  expect(merged.length).toBeGreaterThan(0);
});

test("a connection that a client keeps ready holds up no stop", async () => {
  const server = await startServer();
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  await once(socket, "connect");
  await call(server, "getHealth");
  const begun = Date.now();
  expect(await server.stop()).toBe(0);
  expect(Date.now() - begun).toBeLessThan(8000);
  socket.destroy();
});

test("an address that anybody could reach is refused without keys", async () => {
  await expect(startServer({ flags: ["--host", "0.0.0.0"] })).rejects.toThrow(/needs keys/);
});

test("a request to another name is refused, as a page that leads its own name here would send it", async () => {
  const server = await startServer();
  const answer = await raw(server, "GET /runs HTTP/1.1\r\nHost: evil.example:80\r\nConnection: close\r\n\r\n");
  expect(answer).toMatch(/^HTTP\/1.1 403 /);
  expect(answer).toContain('"code":"forbidden"');
  const own = await raw(server, "GET /runs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  expect(own).toMatch(/^HTTP\/1.1 200 /);
});

test("a web page of another origin is refused, also with a request that browsers send without asking", async () => {
  const server = await startServer();
  const foreign = { method: "POST", headers: { origin: "http://evil.example" } };
  expect((await fetch(`${server.url}/jobs/custom/runs`, foreign)).status).toBe(403);
  expect((await call(server, "listRuns")).body.total).toBe(0);
  const own = { method: "POST", headers: { origin: server.url } };
  expect((await fetch(`${server.url}/jobs/custom/runs`, own)).status).toBe(201);
});
