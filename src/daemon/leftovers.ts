import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { signalGroup } from "../store/process-group.ts";
import { removeFolder } from "./job-work.ts";

/** What the environment of a process says that works on a run. */
const RUN = /(?:^|\0)RUNTREE_RUN_ID=([0-9a-z]{26})(?:\0|$)/;

/**
 * Ends what is left of processes that worked on some runs when a server was killed together with the process that looks
 * after them: whatever has the run's id in its environment. Only Linux tells; elsewhere nothing is ended.
 */
export function endLeftProcesses(runs: ReadonlySet<string>): void {
  if (runs.size === 0) return;
  for (const name of entriesOf("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid <= 1) continue;
    const run = RUN.exec(environmentOf(pid))?.[1];
    if (run === undefined || !runs.has(run)) continue;
    signalGroup(pid, "SIGKILL");
    endOne(pid);
  }
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
