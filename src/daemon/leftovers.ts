import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { signalGroup } from "../store/process-group.ts";
import { removeFolder } from "./job-work.ts";

/** What the environment of a process says that works on a run. */
const RUN = /(?:^|\0)RUNTREE_RUN_ID=([0-9a-z]{26})(?:\0|$)/;

/** How often, and how long (ms) apart, is looked whether what was killed has gone. */
const LOOKS = 50;
const LOOK_MS = 10;

/**
 * Ends what is left of processes that worked on some runs, when they left their group or whoever looked after them was
 * killed: whatever has a run's id in its environment. Resolves when they have gone. Only Linux tells; elsewhere nothing is
 * ended.
 */
export async function endLeftProcesses(runs: ReadonlySet<string>): Promise<void> {
  if (runs.size === 0) return;
  // They may begin others meanwhile.
  for (let look = 0; look < LOOKS && killLeft(runs); look++) await pause(LOOK_MS);
}

/** Kills them as far as they are there now; false when none is. */
function killLeft(runs: ReadonlySet<string>): boolean {
  let isAny = false;
  for (const name of entriesOf("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid <= 1) continue;
    const run = RUN.exec(environmentOf(pid))?.[1];
    if (run === undefined || !runs.has(run)) continue;
    isAny = true;
    signalGroup(pid, "SIGKILL");
    endOne(pid);
  }
  return isAny;
}

function endOne(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}

function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1");
  } catch {
    // Somebody else's, or it has ended.
    return "";
  }
}

/** Removes the private folders of jobs that ended with a server that was killed. */
export async function clearLeftFolders(work: string): Promise<void> {
  for (const name of entriesOf(work)) await removeFolder(join(work, name));
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
