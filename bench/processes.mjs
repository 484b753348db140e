// The processes of the bench: git, servers, and sides, each of which is measured in a process of its own.
import { execFileSync, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** The environment of git as it comes: without what this machine or its user set. */
export const STOCK = {
  PATH: process.env["PATH"],
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_TERMINAL_PROMPT: "0",
};

const OUTPUT_BYTES = 1 << 28;

/** Runs git to its end and returns what it printed. Throws when it fails. */
export function git(args) {
  const env = { ...process.env, RUNTREE_MAINTENANCE: "1" };
  return execFileSync("git", args, {
    env,
    encoding: "utf8",
    maxBuffer: OUTPUT_BYTES,
    stdio: ["ignore", "pipe", "pipe"],
  });
}

const place = (file) => fileURLToPath(new URL(file, import.meta.url));

/** Processes that are still there; whatever goes wrong, they end with the bench. */
const living = new Set();

/** What is measured did not begin to work within the time it has: no fault of the bench's. */
export class TooSlow extends Error {}

/** Waits for what begins, and ends its process when that takes longer than it may. */
async function within(seconds, child, what, beginning) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new TooSlow(`${what} was not ready within ${seconds} s`));
    }, seconds * 1000);
  });
  try {
    return await Promise.race([beginning, late]);
  } finally {
    clearTimeout(timer);
  }
}

process.on("exit", () => living.forEach((child) => child.kill("SIGKILL")));

function keep(child) {
  living.add(child);
  child.once("exit", () => living.delete(child));
  return child;
}

/**
 * Starts a server and waits until it says where it listens. Throws `TooSlow`.
 * @param {readonly string[]} args of node
 * @param {RegExp} pattern the line that names the URL
 */
async function startServer(args, pattern, seconds) {
  const child = keep(
    spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], env: { PATH: process.env["PATH"] } }),
  );
  const gone = once(child, "exit");
  const said = [];
  child.stderr.on("data", (chunk) => {
    said.push(chunk.toString("utf8"));
    if (said.length > 50) said.shift();
  });
  const listening = Promise.race([
    new Promise((resolve) => {
      createInterface({ input: child.stdout }).on("line", (line) => {
        const found = pattern.exec(line)?.[1];
        if (found !== undefined) resolve(found);
      });
    }),
    gone.then(([code]) => {
      throw new Error(`the server ended with ${code} before it listened: ${said.join("")}`);
    }),
  ]);
  const url = await within(seconds, child, "the server", listening);
  return {
    url,
    pid: child.pid,
    /** Ends it as an operator would. */
    stop: async () => {
      child.kill("SIGTERM");
      await gone;
    },
  };
}

/** Starts `runtree serve` on a data directory, with these flags besides. Throws `TooSlow` after so many seconds. */
export async function serve(data, seconds, flags) {
  const args = [place("../dist/cli/main.js"), "serve", "--port", "0", "--data", data, ...flags];
  return startServer(args, /^runtree listening on (\S+)/, seconds);
}

/** Starts a bare Koa server that answers every request with the bytes of a file. */
export async function serveEcho(file, seconds) {
  return startServer([place("echo-server.mjs"), file], /^listening on (\S+)/, seconds);
}

/**
 * Starts a side: a module of `sides/` in a process of its own. It exports `open(options)`, which returns named functions;
 * each is called through `call(name, argument)`. `close` is called, when there is one, and the process ended, by `end`.
 * Each call may take so many seconds, then it throws `TooSlow`.
 */
export async function startSide(module, options, seconds) {
  const child = keep(fork(place("side-process.mjs"), [place(`sides/${module}.mjs`)], { serialization: "advanced" }));
  const gone = once(child, "exit").then(([code]) => {
    throw new Error(`side ${module} ended with ${code}`);
  });
  gone.catch(() => undefined);
  const ask = async (name, argument) => {
    child.send({ name, argument });
    const [answer] = await Promise.race([once(child, "message"), gone]);
    if ("error" in answer) throw new Error(`side ${module}, ${name}: ${answer.error}`);
    return answer.result;
  };
  const call = async (name, argument) => within(seconds, child, `side ${module}, ${name},`, ask(name, argument));
  try {
    await call("open", options);
  } catch (error) {
    // One that did not come up must not keep the bench from ending.
    child.kill("SIGKILL");
    throw error;
  }
  return {
    call,
    end: async () => {
      if (!child.connected) return;
      await call("close");
      child.disconnect();
      await gone.catch(() => undefined);
    },
  };
}
