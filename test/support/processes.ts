import { existsSync, readFileSync } from "node:fs";

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
