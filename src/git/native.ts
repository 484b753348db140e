import { execFile } from "node:child_process";
import { dirname } from "node:path";
import { RuntreeError, systemCode } from "../domain/errors.ts";

export interface GitResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The git programs that were run so far. */
export interface GitCounts {
  readonly processes: number;
  /** Those that ended with an exit code other than 0, or could not be run. */
  readonly failures: number;
  readonly seconds: number;
}

const OLDEST = { major: 2, minor: 39 };
const OUTPUT_BYTES = 64 * 1024 * 1024;

/** More than this are missing for good: each is asked for by a process of its own. */
const MISSED_BESIDE_WRITERS = 20;

/** Stock git. Arguments go as an array and are never user text; the environment is made from scratch. */
export class NativeGit {
  readonly #program: string | null;
  #counts: GitCounts = { processes: 0, failures: 0, seconds: 0 };

  /** `program` is git's absolute path; null when there is none, and then every call throws `git_missing`. */
  constructor(program: string | null) {
    this.#program = program;
  }

  /** git's absolute path. Throws `git_missing`. */
  get program(): string {
    if (this.#program === null) throw missing();
    return this.#program;
  }

  get counts(): GitCounts {
    return this.#counts;
  }

  #count(started: number, failed: boolean): void {
    const { processes, failures, seconds } = this.#counts;
    this.#counts = {
      processes: processes + 1,
      failures: failures + (failed ? 1 : 0),
      seconds: seconds + (performance.now() - started) / 1000,
    };
  }

  /** Runs git and returns its exit code and output. Throws `git_missing`, or `git_failed` when it cannot be run or `signal` ends it. */
  async run(args: readonly string[], signal?: AbortSignal): Promise<GitResult> {
    const program = this.#program;
    if (program === null) throw missing();
    return new Promise((resolve, reject) => {
      const options = {
        env: environment(program),
        maxBuffer: OUTPUT_BYTES,
        ...(signal === undefined ? {} : { signal }),
      };
      const started = performance.now();
      execFile(program, [...args], options, (error, stdout, stderr) => {
        this.#count(started, error !== null);
        if (error === null) resolve({ code: 0, stdout, stderr });
        else if (typeof error.code === "number") resolve({ code: error.code, stdout, stderr });
        else if (systemCode(error) === "ENOENT") reject(missing(error));
        else
          reject(new RuntreeError("git_failed", `git ${args[0] ?? ""} could not be run: ${error.message}`, {}, error));
      });
    });
  }

  /** Runs git and returns what it printed. Throws `git_failed` with git's words on a non-zero exit. */
  async print(args: readonly string[], signal?: AbortSignal): Promise<string> {
    const { code, stdout, stderr } = await this.run(args, signal);
    if (code === 0) return stdout;
    throw new RuntreeError("git_failed", `git ${args.join(" ")} ended with ${code}: ${stderr.trim()}`, { code });
  }

  /** git's own words for its version. Throws `git_missing` when it is older than what Runtree is tried with. */
  async version(): Promise<string> {
    const text = (await this.print(["--version"])).trim();
    const [, major = "0", minor = "0"] = /(\d+)\.(\d+)/.exec(text) ?? [];
    if (Number(major) > OLDEST.major || (Number(major) === OLDEST.major && Number(minor) >= OLDEST.minor)) return text;
    throw new RuntreeError(
      "git_missing",
      `${text} is too old; Runtree needs git ${OLDEST.major}.${OLDEST.minor} or newer.`,
    );
  }

  /**
   * Runs git's own check of a repository; its complaints, none when it is clean. Beside a writer git misses objects that
   * came into folders it had looked into: what is there afterwards is not missing.
   */
  async fsck(gitDir: string): Promise<string[]> {
    const { code, stdout, stderr } = await this.run([
      "--git-dir",
      gitDir,
      "fsck",
      "--full",
      "--strict",
      "--no-progress",
      "--no-dangling",
    ]);
    const lines = `${stdout}\n${stderr}`
      .split("\n")
      .filter((line) => line.trim() !== "" && !line.startsWith("notice:"));
    const complaints = code === 0 ? lines.filter((line) => /^(error|warning|missing|broken)/.test(line)) : lines;
    const told = complaints.map((line) => /^missing \w+ ([0-9a-f]+)$/.exec(line)?.[1]);
    if (told.filter((oid) => oid !== undefined).length > MISSED_BESIDE_WRITERS) return complaints;
    const kept = await Promise.all(told.map(async (oid) => oid === undefined || !(await this.#has(gitDir, oid))));
    return complaints.filter((_, at) => kept[at]);
  }

  async #has(gitDir: string, oid: string): Promise<boolean> {
    return (await this.run(["--git-dir", gitDir, "cat-file", "-e", oid])).code === 0;
  }
}

function missing(cause?: unknown): RuntreeError {
  return new RuntreeError(
    "git_missing",
    "There is no git program on the PATH. Install git 2.39 or newer (Debian: apt-get install git).",
    {},
    cause,
  );
}

/** Nothing inherited can point git at another repository or configuration; its hooks find the usual programs. */
export function environment(program: string): Record<string, string> {
  return {
    PATH: `${dirname(program)}:/usr/local/bin:/usr/bin:/bin`,
    LC_ALL: "C",
    HOME: "/nonexistent",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_TERMINAL_PROMPT: "0",
  };
}
