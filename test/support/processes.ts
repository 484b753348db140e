import { existsSync, readFileSync } from "node:fs";
import { expect } from "vitest";

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

/** Expects something that comes to pass soon, also where others use the machine. */
export function soon<Value>(look: () => Value): ReturnType<typeof expect.poll<Value>> {
  return expect.poll(look, { timeout: 20_000 });
}
