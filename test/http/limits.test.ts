import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../support/folders.ts";
import { type Answer, call } from "../support/http.ts";
import { makeKey } from "../support/keys.ts";
import { problemIn, raw, rawConnection } from "../support/raw.ts";
import { startServer, type TestServer } from "../support/server.ts";

/** A server with limits of its own, and the headers of an agent with a key. */
async function limited(limits: object): Promise<{ server: TestServer; headers: Record<string, string> }> {
  const data = temporaryFolder();
  writeFileSync(`${data}/runtree.config.json`, JSON.stringify({ limits }));
  const headers = { "x-api-key": makeKey(data, "agent") };
  return { server: await startServer({ data }), headers };
}

/** How many connections the system has open to a server's port, from its side. */
function openConnections({ url, process }: TestServer): number {
  const port = Number(new URL(url).port).toString(16).toUpperCase().padStart(4, "0");
  const lines = readFileSync(`/proc/${process.pid}/net/tcp`, "utf8").split("\n");
  return lines.filter((line) => new RegExp(`^\\s*\\d+: [0-9A-F]+:${port} [0-9A-F]+:[0-9A-F]+ 01 `).test(line)).length;
}

test("the requests of a key in a minute are counted, told, and refused beyond the limit", async () => {
  const { server, headers } = await limited({ requests_per_minute: 3 });
  for (const left of [2, 1, 0]) {
    const answer = await call(server, "listRuns", { headers });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("ratelimit-policy")).toBe('"requests";q=3;w=60');
    expect(answer.headers.get("ratelimit")).toMatch(new RegExp(`^"requests";r=${left};t=\\d+$`));
  }
  const refused = await call(server, "listRuns", { headers });
  expect([refused.status, refused.body.code]).toEqual([429, "rate_limited"]);
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  const other = { "x-api-key": makeKey(server.data, "reader", "other") };
  expect((await call(server, "listRuns", { headers: other })).status).toBe(200);
  expect((await call(server, "getHealth")).status).toBe(200);
});

test("who asks without a key is counted by address, and a server without keys counts nobody", async () => {
  const data = temporaryFolder();
  const config = { limits: { requests_per_minute: 1 }, anonymous_read: true };
  writeFileSync(`${data}/runtree.config.json`, JSON.stringify(config));
  const server = await startServer({ data });
  for (let count = 0; count < 3; count++) {
    const { status, headers } = await call(server, "listRuns");
    expect([status, headers.has("ratelimit")]).toEqual([200, false]);
  }
  makeKey(data, "reader");
  expect((await call(server, "listRuns")).status).toBe(200);
  expect((await call(server, "listRuns")).body.code).toBe("rate_limited");
});

test("a key may have so many open runs, and more when some are closed", async () => {
  const { server, headers } = await limited({ open_runs: 2 });
  const start = async (body: object): Promise<unknown[]> => {
    const { status, body: run } = await call(server, "startRun", { params: { job_id: "custom" }, headers, body });
    return [status, run.code ?? run.id];
  };
  const [, first] = await start({});
  await start({});
  expect(await start({})).toEqual([429, "too_many_runs"]);
  const steward = { "x-api-key": makeKey(server.data, "steward") };
  expect((await call(server, "startRun", { params: { job_id: "custom" }, headers: steward, body: {} })).status).toBe(
    201,
  );
  await call(server, "patchRun", { params: { run_id: String(first) }, headers, body: { status: "failed" } });
  expect((await start({}))[0]).toBe(201);
  await server.stop();
  const again = await startServer({ data: server.data });
  const refused = await call(again, "startRun", { params: { job_id: "custom" }, headers, body: {} });
  expect(refused.body.code).toBe("too_many_runs");
});

describe("bytes and seconds of a request", () => {
  test.each([
    ["headers that are too large", { header_bytes: 1000 }, `X: ${"x".repeat(1100)}\r\n\r\n`, 431, "headers_too_large"],
    ["headers that do not end", { headers_s: 1 }, "X: x\r\n", 408, "request_timeout"],
    [
      "a body that does not come",
      { headers_s: 1, request_s: 1 },
      "Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
      408,
      "request_timeout",
    ],
  ])("%s are answered with their code", async (_, limits, text, status, code) => {
    const { server, headers } = await limited(limits);
    const head = `POST /jobs HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${headers["x-api-key"]}\r\n`;
    expect(problemIn(await raw(server, head + text))).toEqual({ status, code });
  });
});

test("runs that one key opens at once are counted, and those that were opened before are answered again", async () => {
  const { server, headers } = await limited({ open_runs: 3 });
  const start = async (key: number): Promise<Answer> =>
    call(server, "startRun", {
      params: { job_id: "custom" },
      headers: { ...headers, "idempotency-key": `run-${key}` },
      body: {},
    });
  const answers = await Promise.all(Array.from({ length: 12 }, async (_, key) => start(key)));
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(3);
  const made = answers.findIndex(({ status }) => status === 201);
  const again = await start(made);
  expect([again.status, again.body.id]).toEqual([201, answers[made]?.body.id]);
});

test("a large answer that nobody reads is cut", { tags: "trial" }, async () => {
  const { server, headers } = await limited({ request_s: 1, headers_s: 1 });
  const metadata = Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`m${index}`, "x".repeat(100_000)]));
  for (let count = 0; count < 12; count++)
    await call(server, "startRun", { params: { job_id: "custom" }, headers, body: { metadata } });
  const get = `GET /jobs/custom/runs HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${headers["x-api-key"]}\r\n\r\n`;
  const lazy = rawConnection(server.url, get);
  await new Promise((resolve) => lazy.socket.once("data", resolve));
  lazy.socket.pause();
  const whole = (await fetch(`${server.url}/jobs/custom/runs`, { headers })).arrayBuffer();
  expect((await whole).byteLength).toBeGreaterThan(20_000_000);
  // The server's end of the connection is cut after a second; what was sent before is read, and then comes the end.
  await expect.poll(async () => openConnections(server), { timeout: 20_000 }).toBe(0);
  lazy.socket.resume();
  await lazy.closed;
  expect(lazy.answer().length).toBeLessThan(20_000_000);
});

test("a request on a connection beyond the limit is not carried out", async () => {
  const { server, headers } = await limited({ connections: 1 });
  const held = rawConnection(server.url, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await new Promise((resolve) => held.socket.once("data", resolve));
  const post = `POST /jobs/custom/runs HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${headers["x-api-key"]}\r\nContent-Length: 0\r\n\r\n`;
  expect(problemIn(await raw(server, post))).toEqual({ status: 503, code: "busy" });
  held.socket.destroy();
  const total = async (): Promise<unknown> => (await call(server, "listRuns", { headers })).body.total;
  await expect.poll(total).toBe(0);
});

test("a body without a key is not kept where none is taken", async () => {
  const { server } = await limited({});
  const body = "x".repeat(1_000_000);
  const head = `GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n`;
  expect(problemIn(await raw(server, head + body))).toEqual({ status: 413, code: "too_large" });
});

test("connections beyond the limit are told so; when one goes the next is served", async () => {
  const { server } = await limited({ connections: 2 });
  const get = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const held = [rawConnection(server.url, get), rawConnection(server.url, get)];
  await Promise.all(held.map(async ({ socket }) => new Promise((resolve) => socket.once("data", resolve))));
  expect(problemIn(await raw(server, get))).toEqual({ status: 503, code: "busy" });
  held[0]?.socket.destroy();
  // When the server hears of it nobody here can tell.
  const ending = get.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
  await expect.poll(async () => raw(server, ending)).toMatch(/^HTTP\/1.1 200 /);
});

test("writes leave so much of the disk free; reading goes on", async () => {
  const { server, headers } = await limited({ free_disk_bytes: Number.MAX_SAFE_INTEGER });
  const refused = await call(server, "startRun", { params: { job_id: "custom" }, headers, body: {} });
  expect([refused.status, refused.body.code]).toEqual([507, "disk_full"]);
  expect((await call(server, "getReadiness")).body.code).toBe("disk_full");
  expect((await call(server, "listRuns", { headers })).status).toBe(200);
});

test("headers may be given longer than the request; then the request's time counts", async () => {
  const { server } = await limited({ headers_s: 100, request_s: 5 });
  expect((await call(server, "getHealth")).status).toBe(200);
});

test.each([
  ["a word", { connections: "many" }],
  ["zero", { connections: 0 }],
  ["a fraction", { headers_s: 1.5 }],
  ["a name that is not known", { conections: 1 }],
  ["a list", []],
  ["a name that every object has", { toString: 1 }],
  ["more seconds than a clock can take", { request_s: 1e9 }],
])("%s as a limit is refused at start", async (_, limits) => {
  await expect(limited(limits)).rejects.toThrow(/runtree\.config\.json: limits/);
});
