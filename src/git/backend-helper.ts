import { execFileSync, spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { environment } from "./native.ts";

// A process of its own, started by `GitBackend` while that one's memory is small: runs `git http-backend` for each
// request that comes by a socket in the file system, and ends with whoever started it.
const [socket = "", program = "", gitDir = ""] = process.argv.slice(2);

/** Found once: `git http-backend` would only start it. */
const BACKEND = join(execFileSync(program, ["--exec-path"], { encoding: "utf8" }).trim(), "git-http-backend");

/** The most that is read of a head: http-backend writes a few lines. */
const HEAD_BYTES = 16 * 1024;

/** Tells whether a body is packed. It is unpacked here: git bounds what it reads (10 MB of a fetch), but not what that unpacks to. */
function isGzip({ "content-encoding": encoding }: IncomingMessage["headers"]): boolean {
  return encoding === "gzip" || encoding === "x-gzip";
}

function environmentOf({ method, url, headers }: IncomingMessage): Record<string, string> {
  const { pathname, search } = new URL(url ?? "", "http://localhost");
  const given = (name: string): string => String(headers[name] ?? "");
  const isNew = /\bversion=2\b/.test(given("git-protocol"));
  return {
    ...environment(program),
    GIT_PROJECT_ROOT: gitDir,
    GIT_HTTP_EXPORT_ALL: "1",
    PATH_INFO: pathname,
    QUERY_STRING: search.slice(1),
    REQUEST_METHOD: method ?? "GET",
    CONTENT_TYPE: given("content-type"),
    GIT_PROTOCOL: given("git-protocol"),
    REMOTE_USER: decodeURIComponent(given("x-runtree-user")),
    REMOTE_ADDR: given("x-runtree-address"),
    RUNTREE_WAY: given("x-runtree-way"),
    RUNTREE_KEY_ID: given("x-runtree-key"),
    // Without a length git reads until the end.
    ...(headers["content-length"] === undefined || isGzip(headers)
      ? {}
      : { CONTENT_LENGTH: headers["content-length"] }),
    GIT_CONFIG_COUNT: "2",
    // Nobody else closes a run whose branch this server moves, so that git need not ask for each.
    GIT_CONFIG_KEY_0: "core.hooksPath",
    GIT_CONFIG_VALUE_0: join(gitDir, "hooks/served"),
    // Before version 2 a client is told every ref that is not hidden.
    GIT_CONFIG_KEY_1: "uploadpack.hideRefs",
    GIT_CONFIG_VALUE_1: isNew ? "refs/runtree/lost" : "refs/runtree/results",
  };
}

/** Sends the head that http-backend wrote, once it is whole; returns what is left of the bytes, null while it is not. */
function sendHead(bytes: Buffer, response: ServerResponse): Buffer | null {
  const end = /\r?\n\r?\n/.exec(bytes.toString("latin1"));
  if (end === null) return null;
  let status = 200;
  for (const line of bytes.toString("latin1", 0, end.index).split(/\r?\n/)) {
    const at = line.indexOf(":");
    const [name, value] = [line.slice(0, at), line.slice(at + 1).trim()];
    if (name.toLowerCase() === "status") status = Number.parseInt(value, 10);
    else if (at > 0) response.setHeader(name, value);
  }
  response.writeHead(status);
  return bytes.subarray(end.index + end[0].length);
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  const pushes = request.url?.startsWith("/git-receive-pack") === true;
  const child = spawn(BACKEND, [], { env: environmentOf(request), stdio: ["pipe", "pipe", "pipe"] });
  let head: Buffer | null = Buffer.alloc(0);
  let said = "";
  child.stdout.on("data", (bytes: Buffer) => {
    let rest = bytes;
    if (head !== null) {
      head = Buffer.concat([head, bytes]);
      const body = sendHead(head, response);
      if (body === null) return void (head.length > HEAD_BYTES && child.kill());
      [head, rest] = [null, body];
    }
    if (!response.write(rest)) {
      child.stdout.pause();
      response.once("drain", () => child.stdout.resume());
    }
  });
  child.stderr.on("data", (bytes: Buffer) => (said = `${said}${bytes.toString("utf8")}`.slice(-2000)));
  child.on("error", (error) => (said = String(error)));
  child.on("close", (code) => {
    if (code !== 0) tell({ said: `git http-backend ended with ${code}: ${said.trim()}` });
    if (head !== null && !response.headersSent) response.writeHead(500);
    response.end();
  });
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on("error", () => undefined);
  if (isGzip(request.headers)) pipeline(request, createGunzip(), child.stdin, () => undefined);
  else request.pipe(child.stdin);
  // Who asked went away. What a push has sent whole is brought to its end.
  response.on("close", () => {
    if (!response.writableFinished && !(pushes && request.complete)) child.kill();
  });
}

/** Tells whoever started this process, if they are still there. */
function tell(message: { readonly said: string } | { readonly listening: true }): void {
  process.send?.(message, undefined, undefined, () => undefined);
}

// Also where an error ends it.
process.on("exit", () => rmSync(dirname(socket), { recursive: true, force: true }));
process.on("disconnect", () => process.exit());
// Whoever started this process may have ended before it came here.
if (!process.connected) process.exit();
createServer({ requestTimeout: 0, headersTimeout: 0 }, answer).listen(socket, () => tell({ listening: true }));
