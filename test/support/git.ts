import { execFileSync } from "node:child_process";
import { closeSync, existsSync, openSync, readSync } from "node:fs";

/** How long a server may take to settle what it acknowledged (ms), and how often it is looked at. */
const SETTLED_WITHIN_MS = 5000;
const LOOK_MS = 1;

/** Tells whether a segment of a journal holds records that stock git does not see yet. */
function isFilled(segment: string): boolean {
  if (!existsSync(segment)) return false;
  const start = Buffer.alloc(8);
  const file = openSync(segment, "r");
  readSync(file, start, 0, start.length, 0);
  closeSync(file);
  return start.some((byte) => byte !== 0);
}

/** Waits until a server, another process, has settled what it acknowledged. A store of this process is settled by its own `settle`. */
function waitUntilSettled(gitDir: string): void {
  const segments = ["0", "1"].map((name) => `${gitDir}/runtree/journal/${name}`);
  const until = performance.now() + SETTLED_WITHIN_MS;
  while (segments.some(isFilled)) {
    if (performance.now() > until) throw new Error(`${gitDir} is not settled; await store.repository.settle() first`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_MS);
  }
}

/** The environment of a git that nobody has configured, in the name of somebody. */
export function plainEnvironment(home: string, name: string): Record<string, string> {
  return {
    PATH: process.env["PATH"] ?? "",
    HOME: home,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_TERMINAL_PROMPT: "0",
    GIT_AUTHOR_NAME: name,
    GIT_AUTHOR_EMAIL: `${name}@example.org`,
    GIT_COMMITTER_NAME: name,
    GIT_COMMITTER_EMAIL: `${name}@example.org`,
  };
}

/** Runs stock git in a folder, untouched by the user's own configuration, and returns what it prints. */
export function git(folder: string, ...args: string[]): string {
  for (const gitDir of [folder, `${folder}/repo.git`, `${folder}/data/repo.git`]) waitUntilSettled(gitDir);
  return execFileSync("git", args, {
    cwd: folder,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    env: plainEnvironment(folder, "tester"),
  });
}

/** git's own check of a repository, as a list of complaints. Empty means clean. */
export function fsck(gitDir: string): string[] {
  return git(gitDir, "fsck", "--full", "--strict", "--no-progress")
    .split("\n")
    .filter((line) => line !== "");
}
