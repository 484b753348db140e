import { existsSync, readFileSync } from "node:fs";
import { expect, onTestFinished } from "vitest";
import { signalGroup } from "../../src/store/process-group.ts";

/** Tells whether a process is alive; one that only waits to be buried is not. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

/** The number of a process that it wrote into a file; 0 while there is none. */
export function pidIn(path: string): number {
  return existsSync(path) ? Number(readFileSync(path, "utf8")) : 0;
}

/** Ends a group with the test at the latest, by the number that its first process wrote into a file. */
export function endWithTest(path: string): void {
  onTestFinished(() => {
    if (pidIn(path) > 1) signalGroup(pidIn(path), "SIGKILL");
  });
}

/** Expects something that comes to pass soon, also where others use the machine. */
export function soon<Value>(look: () => Value): ReturnType<typeof expect.poll<Value>> {
  return expect.poll(look, { timeout: 20_000 });
}
