import { rmSync } from "node:fs";
import { join } from "node:path";
import { JobLog, JobWork } from "./job-work.ts";

/** How long (ms) it holds that there was room. */
const LOOK_MS = 1000;

/** What is tried to be written, as params. */
const TRIED = "x".repeat(64 * 1024);

const LIMITS = { outputBytes: 0, artifactBytes: 0, logBytes: 0 };

/**
 * Makes what throws while no job could begin: while `requireFree` does, or while no private folder or no log can be made
 * below a folder. `clock` tells ms.
 */
export function roomForJobs(folder: string, requireFree: () => void, clock: () => number): () => void {
  let looked = -Infinity;
  return () => {
    requireFree();
    const now = clock();
    if (now >= looked && now - looked < LOOK_MS) return;
    tryRoom(join(folder, "work", "room"), join(folder, "logs", "room"));
    looked = now;
  };
}

/** Does what is done for a job before it begins, and undoes it. */
function tryRoom(work: string, log: string): void {
  const clear = (): void => {
    for (const path of [work, log]) rmSync(path, { recursive: true, force: true });
  };
  // A crash may have left them.
  clear();
  try {
    void new JobWork(work, TRIED, LIMITS);
    new JobLog(log, LIMITS.logBytes).close();
  } finally {
    clear();
  }
}
