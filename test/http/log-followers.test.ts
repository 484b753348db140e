import { readdirSync, readlinkSync } from "node:fs";
import { expect, test } from "vitest";
import { call } from "../support/http.ts";
import { enqueue, jobBegun, makeTemplate } from "../support/jobs.ts";
import { soon } from "../support/processes.ts";
import { rawConnection, type RawConnection } from "../support/raw.ts";
import { startServer, type TestServer } from "../support/server.ts";

/** More than all buffers between two sockets hold. */
const FLOOD = "head -c 15000000 /dev/zero | tr '\\0' x; exec sleep 600";

/** A server with a job at work that printed a lot and is quiet now, and how its log is followed. */
async function flooded(limits: object): Promise<{ server: TestServer; job_id: string; path: string }> {
  const server = await startServer({ scripts: { floods: FLOOD }, more: { limits } });
  await makeTemplate(server, "floods");
  const { job_id, run_id } = await jobBegun(server, await enqueue(server, "floods"));
  const length = async (): Promise<number> =>
    (await call(server, "getRunLog", { params: { run_id } })).body.length as number;
  await soon(length).toBe(15_000_000);
  return { server, job_id, path: `/runs/${run_id}/log?follow=true` };
}

/** A client that reads the beginning of an answer, and no more. */
async function lazily({ url }: TestServer, path: string): Promise<RawConnection> {
  const lazy = rawConnection(url, `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  await new Promise((resolve) => lazy.socket.once("data", resolve));
  lazy.socket.pause();
  return lazy;
}

/** How many descriptors of logs a server holds. */
function openLogs({ process: { pid } }: TestServer): number {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).filter((name) => {
    try {
      return readlinkSync(`${folder}/${name}`).endsWith(".log");
    } catch {
      return false;
    }
  }).length;
}

test("who follows a log and never reads is cut, while the job goes on; who waits for more of it is not", async () => {
  const { server, job_id, path } = await flooded({ request_s: 1, headers_s: 1 });
  const head = await fetch(server.url + path, { method: "HEAD" });
  expect([head.status, openLogs(server)]).toEqual([200, 0]);
  const follower = fetch(server.url + path).then(async (answer) => answer.text());
  const lazy = [await lazily(server, path), await lazily(server, path)];
  expect(openLogs(server)).toBe(3);
  await soon(() => openLogs(server)).toBe(1);
  for (const { socket, closed, answer } of lazy) {
    socket.resume();
    await closed;
    expect(answer().length).toBeLessThan(15_000_000);
  }
  await call(server, "cancelJob", { params: { job_id }, body: {} });
  expect((await follower).length).toBe(15_000_000);
  await soon(() => openLogs(server)).toBe(0);
});

test("a stop does not wait for who never reads", async () => {
  const { server, path } = await flooded({});
  await lazily(server, path);
  const events = await lazily(server, "/events");
  const since = performance.now();
  expect(await server.stop()).toBe(0);
  // Requests at work are given ten.
  expect(performance.now() - since).toBeLessThan(6000);
  events.socket.destroy();
});
