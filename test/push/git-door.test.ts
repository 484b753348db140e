import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { temporaryFolder } from "../support/folders.ts";
import { makeKey } from "../support/keys.ts";
import { soon } from "../support/processes.ts";
import { clonedFrom, newRun, tracesIn } from "../support/crafted.ts";
import { raw, rawConnection } from "../support/raw.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { DONE, study } from "./ground.ts";

const DOOR = "/git/repo.git";
const FETCH = `${DOOR}/info/refs?service=git-upload-pack`;

const line = (text: string): string => `${(text.length + 4).toString(16).padStart(4, "0")}${text}`;

/** The git programs at work for a repository, by what they were called with. */
function gitsFor({ gitDir }: TestServer): string[] {
  return readdirSync("/proc").flatMap((name) => {
    const file = `/proc/${name}/cmdline`;
    if (!/^\d+$/.test(name) || !existsSync(file)) return [];
    try {
      const called = readFileSync(file, "utf8").replaceAll("\0", " ");
      return /(receive|upload|index)-pack|unpack-objects|pre-receive/.test(called) && called.includes(gitDir)
        ? [called]
        : [];
    } catch {
      return [];
    }
  });
}

test("nothing but the three routes of smart HTTP leads to the repository", async () => {
  const server = await startServer();
  const statusOf = async (path: string, method = "GET", more = ""): Promise<number> => {
    const head = `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n${more}\r\n`;
    return Number(/^HTTP\/1.1 (\d+)/.exec(await raw(server, head))?.[1]);
  };
  for (const service of ["", "?service=", "?service=constructor", "?service=__proto__", "?service=git-upload-archive"])
    expect([service, await statusOf(`${DOOR}/info/refs${service}`)]).toEqual([service, 400]);
  const twice = "?service=git-upload-pack&service=git-receive-pack";
  expect(await statusOf(`${DOOR}/info/refs${twice}`)).toBe(400);
  expect(await statusOf(`${DOOR}/info/refs?service=git-upload-pack%00`)).toBe(400);
  for (const path of [
    "HEAD",
    "config",
    "objects/info/packs",
    "../../keys.json",
    "%2e%2e/keys.json",
    "..%2fkeys.json",
    "hooks/pre-receive",
    "runtree/door/ask",
  ])
    expect([path, await statusOf(`${DOOR}/${path}`)]).toEqual([path, 404]);
  for (const path of [`/${FETCH}`, `/git/${FETCH}`, FETCH.replace("/info", "%2finfo"), `/git/x/..${FETCH.slice(4)}`])
    expect([path, await statusOf(path)]).toEqual([path, 404]);
  expect(await statusOf(FETCH, "POST", "Content-Length: 0\r\n")).toBe(405);
  expect(await statusOf(`${DOOR}/git-receive-pack`, "PUT")).toBe(405);
  expect(await statusOf(`${DOOR}/git-upload-pack`, "OPTIONS")).toBe(405);
  expect(await statusOf(FETCH.replace("/git", "/api/v2/git"))).toBe(200);
});

test("a client of HTTP/1.0, and one that asks to close, get an answer that ends", async () => {
  const server = await startServer();
  for (const version of ["HTTP/1.0", "HTTP/1.1"]) {
    const answer = await raw(server, `GET ${FETCH} ${version}\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`);
    const [head = "", body = ""] = answer.split("\r\n\r\n");
    expect(head).toMatch(/^HTTP\/1.1 200 OK\r\n/);
    expect(head).toMatch(/^connection: close$/im);
    if (version === "HTTP/1.0") {
      expect(head).not.toMatch(/^transfer-encoding/im);
      expect(body).toMatch(/^001e# service=git-upload-pack\n/);
    }
  }
});

test("a fetch of a few MB that unpack to 500 is not read to its end, and does not keep the server from stopping", async () => {
  const server = await startServer();
  const asked = Buffer.concat([
    Buffer.from(`${line("command=fetch\n")}0001`),
    Buffer.alloc(512 * 1024 * 1024, line(`have ${"1".repeat(40)}\n`)),
  ]);
  const body = gzipSync(asked, { level: 1 });
  const headers = {
    "content-type": "application/x-git-upload-pack-request",
    "content-encoding": "gzip",
    "git-protocol": "version=2",
    connection: "close",
  };
  const started = performance.now();
  const answer = await fetch(`${server.url}${DOOR}/git-upload-pack`, { method: "POST", headers, body })
    .then(async (reply) => reply.text())
    .catch(() => "");
  expect([answer, performance.now() - started < 5000]).toEqual(["", true]);
  await soon(() => gitsFor(server)).toEqual([]);
  expect(clonedFrom(`${server.url}${DOOR}`).main).toMatch(/^[0-9a-f]{40}$/);
  const stopping = performance.now();
  expect(await server.stop()).toBe(0);
  expect(performance.now() - stopping).toBeLessThan(9000);
});

test("a fetch whose request is packed well is answered", async () => {
  const server = await startServer();
  const body = gzipSync(`${line("command=ls-refs\n")}0001${line("ref-prefix refs/heads/main\n")}0000`);
  const headers = {
    "content-type": "application/x-git-upload-pack-request",
    "content-encoding": "gzip",
    "git-protocol": "version=2",
  };
  const reply = await fetch(`${server.url}${DOOR}/git-upload-pack`, { method: "POST", headers, body });
  expect(await reply.text()).toMatch(/^[0-9a-f]{44} refs\/heads\/main\n0000$/);
});

test("a push that is cut off, or whose body is nonsense, leaves nothing", async () => {
  const server = await startServer();
  const clone = clonedFrom(`${server.url}${DOOR}`);
  const before = tracesIn(server.gitDir);
  const head = `POST ${DOOR}/git-receive-pack HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-git-receive-pack-request\r\n`;
  for (const body of [
    "Content-Length: 100000\r\n\r\n00a5",
    "Transfer-Encoding: chunked\r\n\r\n4\r\n00a5\r\n",
    "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "Content-Length: 4\r\n\r\nzzzz",
    "Content-Length: 7\r\n\r\nfff0abc",
    "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nzzzz",
    "Content-Encoding: gzip\r\nContent-Length: 400\r\n\r\n\x1f\x8b",
    `Content-Length: 100000\r\n\r\n${line(`${"0".repeat(40)} ${clone.main} refs/heads/runs/${newRun()}\0report-status`)}0000PACK`,
  ]) {
    const { socket } = rawConnection(server.url, head + body);
    await new Promise((resolve) => setTimeout(resolve, 100));
    socket.destroy();
  }
  await soon(() => gitsFor(server)).toEqual([]);
  expect(tracesIn(server.gitDir)).toEqual(before);
  const tip = clone.commit({ "run.json": DONE, ...study("s-1") });
  const { told } = await clone.push(`${server.url}${DOOR}`, [`${tip}:refs/heads/runs/${newRun()}`]);
  expect(told).toMatch(/^remote: runtree: merged /m);
});

/** How many requests of git are at work for a repository: there they run. */
function backendsFor({ gitDir }: TestServer): number {
  const isOne = (name: string): boolean => {
    try {
      const called = readFileSync(`/proc/${name}/cmdline`, "utf8");
      return called.includes("git-http-backend") && readlinkSync(`/proc/${name}/cwd`) === gitDir;
    } catch {
      return false;
    }
  };
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name) && isOne(name)).length;
}

test("pushes of one key that do not arrive keep no other key from pushing, and wait for each other", async () => {
  const data = temporaryFolder();
  const [slow, quick] = [makeKey(data, "agent", "slow"), makeKey(data, "agent", "quick")];
  const server = await startServer({ data });
  const type = "Content-Type: application/x-git-receive-pack-request";
  const head = (key: string): string =>
    `POST ${DOOR}/git-receive-pack HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: ${key}\r\n${type}\r\nContent-Length: 100\r\n\r\n0`;
  const open = Array.from({ length: 20 }, () => rawConnection(server.url, head(slow)));
  await soon(() => backendsFor(server)).toBe(8);
  const clone = clonedFrom(`${server.url.replace("//", `//x:${quick}@`)}${DOOR}`);
  const tip = clone.commit({ "run.json": DONE, ...study("s-quick") });
  const to = `${server.url.replace("//", `//x:${quick}@`)}${DOOR}`;
  expect((await clone.push(to, [`${tip}:refs/heads/runs/${newRun()}`])).told).toContain("runtree: merged");
  expect(backendsFor(server)).toBe(8);
  for (const connection of open) connection.socket.destroy();
  await soon(() => backendsFor(server)).toBe(0);
  const again = clone.commit({ "run.json": DONE, ...study("s-slow") });
  const slowly = `${server.url.replace("//", `//x:${slow}@`)}${DOOR}`;
  expect((await clone.push(slowly, [`${again}:refs/heads/runs/${newRun()}`])).told).toContain("runtree: merged");
});
