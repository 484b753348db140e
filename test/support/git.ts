import { execFileSync } from "node:child_process";

/** Runs stock git in a folder, untouched by the user's own configuration, and returns what it prints. */
export function git(folder: string, ...args: string[]): string {
  return execFileSync("git", args, {
    cwd: folder,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: process.env["PATH"] ?? "",
      HOME: folder,
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_AUTHOR_NAME: "tester",
      GIT_AUTHOR_EMAIL: "tester@example.org",
      GIT_COMMITTER_NAME: "tester",
      GIT_COMMITTER_EMAIL: "tester@example.org",
    },
  });
}

/** git's own check of a repository, as a list of complaints. Empty means clean. */
export function fsck(gitDir: string): string[] {
  return git(gitDir, "fsck", "--full", "--strict", "--no-progress")
    .split("\n")
    .filter((line) => line !== "");
}
