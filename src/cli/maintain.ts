import { execFile } from "node:child_process";
import fs from "node:fs";
import { constants, setPriority } from "node:os";
import { fileURLToPath } from "node:url";
import type { CommandModule } from "yargs";
import { resolveSettings } from "../config.ts";
import { countStorage } from "../git/maintenance.ts";
import { type Maintained, maintain } from "../store/maintain.ts";
import { gitDirOf, openForReading } from "../store/open.ts";
import type { Store } from "../store/store.ts";
import { Upkeep } from "../store/upkeep.ts";
import { printData } from "./output.ts";
import { facts } from "./table.ts";
import { withProgress } from "./progress-bar.ts";
import { dataFlags, GIT } from "./target.ts";

/** Aborts when the process is told to end, so that git ends before it and leaves nothing unfinished. */
function endSignal(): AbortSignal {
  const ending = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => ending.abort());
  return ending.signal;
}

export const maintainCommand: CommandModule<object, { json: boolean; data: string | undefined }> = {
  command: "maintain",
  describe: "pack objects and refs and write git's indexes; beside a server, which does so by itself, or without one",
  builder: dataFlags,
  handler: async (flags) => {
    const { values } = resolveSettings(flags.data === undefined ? {} : { data: flags.data });
    // For this process, and with it for every git that it starts: a server is to answer first.
    setPriority(constants.priority.PRIORITY_LOW);
    await (await openForReading(fs, GIT, values.data)).close();
    const done = await withProgress((progress) => maintain(GIT, values.data, () => Date.now(), endSignal(), progress));
    const { before, after, seconds } = done;
    const rows = [
      ["packs", `${before.packs} → ${after.packs}`],
      ["loose objects", `${before.loose} → ${after.loose}`],
      ["loose refs", `${before.loose_refs} → ${after.loose_refs}`],
      ["seconds", String(seconds)],
    ];
    printData(flags.json, done, facts(rows));
  },
};

const PROGRAM = fileURLToPath(new URL("./main.js", import.meta.url));

/**
 * Runs `runtree maintain` as a process of its own. It starts git from a small memory, which takes no time from this
 * process, and holds its lock for as long as it lives, should this one die. Throws when it fails or is ended.
 */
async function maintainAside(data: string, signal: AbortSignal): Promise<Maintained> {
  return new Promise((resolve, reject) => {
    const args = [PROGRAM, "maintain", "--json", "--data", data];
    execFile(process.execPath, args, { signal, env: process.env }, (error, stdout, stderr) => {
      if (error === null) resolve(JSON.parse(stdout) as Maintained);
      else reject(new Error(detailIn(stderr) ?? error.message, { cause: error }));
    });
  });
}

/** The words of the error that a command with --json ended with; null when it was ended before it could tell. */
function detailIn(stderr: string): string | null {
  try {
    return (JSON.parse(stderr) as { error: { detail: string } }).error.detail;
  } catch {
    return stderr.trim() || null;
  }
}

/** Calls some work again and again, so many ms apart, until what this returns is called. */
export function repeat(work: () => void, everyMs: number): () => void {
  const timer = setInterval(work, everyMs);
  return () => clearInterval(timer);
}

/** Keeps up the repository of a data directory that this process serves, until it is closed. */
export function keepUp(
  store: Store,
  data: string,
  log: { info(done: object, words: string): void; warn(done: object, words: string): void },
): Upkeep {
  return new Upkeep({
    store,
    clock: () => Date.now(),
    repeat,
    count: () => countStorage(gitDirOf(data)),
    maintain: async (signal) => log.info(await maintainAside(data, signal), "maintenance"),
    report: (message) => log.info({}, message),
    failed: (error) => log.warn({ err: error }, "maintenance failed; it is tried again later"),
  });
}
