import { execFile } from "node:child_process";
import { RuntreeError, systemCode } from "../domain/errors.ts";

export interface GitResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** git's environment is made from scratch: nothing inherited can point it at another repository or configuration. */
function environment(): Record<string, string> {
  return {
    PATH: process.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
    LC_ALL: "C",
    HOME: "/nonexistent",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_TERMINAL_PROMPT: "0",
  };
}

/**
 * Runs stock git and returns its exit code and output. Arguments come as an array and are never user text.
 * Throws `git_missing` when there is no git program, `git_failed` when it cannot be run.
 */
export async function runGit(args: readonly string[]): Promise<GitResult> {
  return new Promise((resolve, reject) => {
    execFile("git", [...args], { env: environment(), maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error === null) return resolve({ code: 0, stdout, stderr });
      if (typeof error.code === "number") return resolve({ code: error.code, stdout, stderr });
      if (systemCode(error) === "ENOENT") {
        return reject(
          new RuntreeError(
            "git_missing",
            "There is no git program on the PATH. Install git 2.39 or newer (Debian: apt-get install git).",
            {},
            error,
          ),
        );
      }
      return reject(
        new RuntreeError("git_failed", `git ${args[0] ?? ""} could not be run: ${error.message}`, {}, error),
      );
    });
  });
}

/** Runs stock git and returns what it printed. Throws `git_failed` with its words on a non-zero exit. */
export async function git(args: readonly string[]): Promise<string> {
  const result = await runGit(args);
  if (result.code !== 0) {
    throw new RuntreeError("git_failed", `git ${args.join(" ")} ended with ${result.code}: ${result.stderr.trim()}`, {
      code: result.code,
    });
  }
  return result.stdout;
}

/** The version of the git program as `[major, minor]`, with its own words. */
export async function gitVersion(): Promise<{ text: string; major: number; minor: number }> {
  const text = (await git(["--version"])).trim();
  const [, major, minor] = /(\d+)\.(\d+)/.exec(text) ?? [];
  return { text, major: Number(major), minor: Number(minor) };
}
