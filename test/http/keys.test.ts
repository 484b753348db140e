import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { revokeKey } from "../../src/store/keys.ts";
import fs from "node:fs";
import { temporaryFolder } from "../support/folders.ts";
import { git } from "../support/git.ts";
import { follow } from "../support/events.ts";
import { call } from "../support/http.ts";
import { makeKey } from "../support/keys.ts";
import { raw } from "../support/raw.ts";
import { startServer, type TestServer } from "../support/server.ts";

const bearer = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });
const listRuns = async (server: TestServer, headers: Record<string, string>): Promise<unknown[]> => {
  const { status, body } = await call(server, "listRuns", { headers });
  return status === 200 ? [status] : [status, body.code, body.detail];
};

test("a key is sent in three ways", async () => {
  const data = temporaryFolder();
  const key = makeKey(data, "reader");
  const server = await startServer({ data });
  const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString("base64")}`;
  for (const headers of [
    { "x-api-key": key },
    bearer(key),
    { authorization: `bearer  ${key}` },
    { authorization: basic(`anyone:${key}`) },
  ])
    expect(await listRuns(server, headers)).toEqual([200]);
  for (const headers of [
    { "x-api-key": `${key}A` },
    { "x-api-key": key.replace(/.$/, (last) => (last === "A" ? "B" : "A")) },
    { "x-api-key": "x".repeat(5000) },
    { "x-api-key": "__proto__" },
    { "x-api-key": "wrong", authorization: `Bearer ${key}` },
    { authorization: basic(key) },
    { authorization: basic(`${key}:`) },
    { authorization: `Digest ${key}` },
    { authorization: key },
    {},
  ])
    expect((await listRuns(server, headers)).slice(0, 2)).toEqual([401, "unauthorized"]);
});

test("keys that are made, expire or are revoked while a server runs count from the next request on", async () => {
  const server = await startServer();
  expect(await listRuns(server, {})).toEqual([200]);
  const key = makeKey(server.data, "reader");
  expect(await listRuns(server, {})).toEqual([401, "unauthorized", expect.stringContaining("needs a key")]);
  expect(await listRuns(server, bearer(key))).toEqual([200]);
  const old = makeKey(server.data, "reader", "old", "2020-01-01T00:00:00Z");
  expect(await listRuns(server, bearer(old))).toEqual([
    401,
    "unauthorized",
    expect.stringContaining("expired at 2020"),
  ]);
  revokeKey(fs, server.data, key.split("_")[1] ?? "", Date.now());
  expect(await listRuns(server, bearer(key))).toEqual([401, "unauthorized", expect.stringContaining("was revoked")]);
});

test(
  "a server that has seen keys stays closed when their file is gone or cannot be read",
  { tags: "trial" },
  async () => {
    const server = await startServer();
    const key = makeKey(server.data, "reader");
    expect(await listRuns(server, bearer(key))).toEqual([200]);
    const client = await follow(server.url, bearer(key));
    writeFileSync(`${server.data}/keys.json`, "{");
    expect((await call(server, "listRuns", { headers: bearer(key) })).body.code).toBe("busy");
    expect((await listRuns(server, {})).slice(0, 2)).toEqual([401, "unauthorized"]);
    expect((await call(server, "getHealth")).status).toBe(200);
    // With the next heartbeat.
    await client.ended;
    expect(server.log()).toContain("until the keys can be read");
    rmSync(`${server.data}/keys.json`);
    expect((await listRuns(server, {})).slice(0, 2)).toEqual([401, "unauthorized"]);
  },
);

test("the name of a key is who made a run, and the author of its commits", async () => {
  const data = temporaryFolder();
  const headers = bearer(makeKey(data, "agent", "Ada Lovelace"));
  const server = await startServer({ data });
  const body = { done: true, body: { study_set: { s: { title: "A study" } } } };
  const { body: run } = await call(server, "startRun", { params: { job_id: "custom" }, headers, body });
  expect(run.created_by).toBe("Ada Lovelace");
  expect(git(server.gitDir, "log", "--no-walk", "--format=%an <%ae> by %cn", "main", "main^2")).toBe(
    "Ada Lovelace <Ada Lovelace@runtree.invalid> by runtree\n".repeat(2),
  );
  expect(git(server.gitDir, "fsck", "--full", "--strict")).toBe("");
});

test("two keys that send one Idempotency-Key are two requests", async () => {
  const data = temporaryFolder();
  const [one, two] = [makeKey(data, "agent", "one"), makeKey(data, "agent", "two")];
  const server = await startServer({ data });
  const start = async (key: string): Promise<string> =>
    (
      await call(server, "startRun", {
        params: { job_id: "custom" },
        headers: { ...bearer(key), "idempotency-key": "k" },
        body: {},
      })
    ).body.id;
  const first = await start(one);
  expect(await start(one)).toBe(first);
  expect(await start(two)).not.toBe(first);
});

test("anonymous reading lets GET pass without a key, and nothing else, nor a wrong key", async () => {
  const data = temporaryFolder();
  makeKey(data, "reader");
  const server = await startServer({ data, flags: ["--anonymous-read"] });
  expect(await listRuns(server, {})).toEqual([200]);
  expect((await listRuns(server, { "x-api-key": "wrong" })).slice(0, 2)).toEqual([401, "unauthorized"]);
  expect((await call(server, "startRun", { params: { job_id: "custom" }, body: {} })).status).toBe(401);
});

test("a file of keys that cannot be read keeps a server from starting", async () => {
  const data = temporaryFolder();
  writeFileSync(`${data}/keys.json`, "{");
  await expect(startServer({ data })).rejects.toThrow(/keys\.json is not JSON/);
});

describe("an address that others reach", () => {
  test("is served with keys, under any name, also when there are none any more", async () => {
    const data = temporaryFolder();
    const key = makeKey(data, "reader");
    const server = await startServer({ data, flags: ["--host", "0.0.0.0"] });
    const get = (more: string): string =>
      `GET /runs HTTP/1.1\r\nHost: runtree.example\r\nConnection: close\r\n${more}\r\n`;
    expect(await raw(server, get(`X-API-Key: ${key}\r\n`))).toMatch(/^HTTP\/1.1 200 /);
    expect(await raw(server, get(""))).toMatch(/^HTTP\/1.1 401 /);
    rmSync(`${data}/keys.json`);
    expect(await raw(server, get(""))).toMatch(/^HTTP\/1.1 401 /);
  });

  test("is refused when no key can be used", async () => {
    const data = temporaryFolder();
    makeKey(data, "admin", "old", "2020-01-01T00:00:00Z");
    await expect(startServer({ data, flags: ["--host", "0.0.0.0"] })).rejects.toThrow(/needs keys/);
  });
});

test("the file of keys is for its owner only, and holds no key", () => {
  const data = temporaryFolder();
  const key = makeKey(data, "admin");
  chmodSync(`${data}/keys.json`, 0o644);
  makeKey(data, "admin");
  expect(statSync(`${data}/keys.json`).mode & 0o777).toBe(0o600);
  expect(readFileSync(`${data}/keys.json`, "utf8")).not.toContain(key.slice(-43));
});

test("a key is not in the log", async () => {
  const data = temporaryFolder();
  const key = makeKey(data, "reader");
  const server = await startServer({ data });
  await listRuns(server, bearer(key));
  await listRuns(server, { "x-api-key": `${key}x` });
  await server.stop();
  expect(server.log()).toContain('"principal":"reader"');
  expect(server.log()).not.toContain(key.slice(-43));
});
