import fs from "node:fs";
import { resolve } from "node:path";
import { hasCode } from "../domain/errors.ts";
import { countStorage, maintainRepository, type StorageCounts } from "../git/maintenance.ts";
import type { NativeGit } from "../git/native.ts";
import { lockMaintenance } from "./data-lock.ts";
import { gitDirOf } from "./open.ts";
import type { Progress } from "./progress.ts";

/** What maintenance did. */
export interface Maintained {
  readonly before: StorageCounts;
  readonly after: StorageCounts;
  readonly seconds: number;
}

/**
 * Maintains the repository of a data directory, beside a server or without one. `clock` is in ms since 1970. Throws
 * `repository_locked` when somebody does so already or checks it, `git_failed`.
 */
export async function maintain(
  git: NativeGit,
  data: string,
  clock: () => number,
  signal: AbortSignal,
  progress: Progress = () => undefined,
): Promise<Maintained> {
  const unlock = lockMaintenance(fs, resolve(data));
  try {
    const gitDir = gitDirOf(data);
    const started = clock();
    const before = await countStorage(gitDir);
    await maintainRepository(git, gitDir, started, signal, (step, done, total) => progress(`git ${step}`, done, total));
    return { before, after: await countStorage(gitDir), seconds: (clock() - started) / 1000 };
  } finally {
    unlock();
  }
}

/** How often (ms) a lock is looked at while it is waited for. */
const LOOK_MS = 100;

/** Does some work while nobody replaces packs; waits for maintenance that goes on, and tells so. */
export async function withoutMaintenance<Result>(
  data: string,
  waits: () => void,
  work: () => Promise<Result>,
): Promise<Result> {
  for (let tries = 0; ; tries++) {
    let unlock: () => void;
    try {
      unlock = lockMaintenance(fs, resolve(data));
    } catch (error) {
      if (!hasCode(error, "repository_locked")) throw error;
      if (tries === 0) waits();
      await new Promise((done) => setTimeout(done, LOOK_MS));
      continue;
    }
    try {
      return await work();
    } finally {
      unlock();
    }
  }
}
