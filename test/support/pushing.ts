import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { documentPath } from "../../src/domain/layout.ts";
import type { Json } from "../../src/domain/json.ts";
import { runIdMaker } from "../../src/domain/run-id.ts";
import type { Verdict } from "../../src/domain/verdict.ts";
import { temporaryFolder, type Until } from "./folders.ts";
import { plainEnvironment } from "./git.ts";

const nextRunId = runIdMaker();

/** A new run id, as an agent makes one offline. */
export function newRunId(): string {
  return nextRunId(Date.now());
}

/** What became of a git command. */
export interface GitEnd {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What became of a push: what the server said, line by line, and the verdict among it. */
export interface PushEnd extends GitEnd {
  readonly remote: readonly string[];
  readonly verdict: Verdict | null;
}

/** Runs stock git in a folder without waiting in this process, so that a server in it can answer. */
export async function runGit(
  folder: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<GitEnd> {
  const child = spawn("git", args, {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...plainEnvironment(folder, "agent"), ...env },
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stdout, stderr };
}

/** A clone that an agent works in, with stock git only. */
export class Clone {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Clones a repository by its URL or path; more arguments go to `git clone`. */
  static async of(url: string, more: readonly string[] = [], until?: Until): Promise<Clone> {
    const folder = until === undefined ? temporaryFolder() : temporaryFolder(until);
    const clone = new Clone(join(folder, "clone"));
    const { code, stderr } = await runGit(folder, ["clone", "--quiet", ...more, url, clone.folder]);
    if (code !== 0) throw new Error(`git clone: ${stderr}`);
    return clone;
  }

  /** Runs git here and returns what it prints. Throws when it fails. */
  async git(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await runGit(this.folder, args);
    if (code !== 0) throw new Error(`git ${args.join(" ")} ended with ${code}: ${stderr}`);
    return stdout.trim();
  }

  /** Begins the branch of a new run at `main` as it was last fetched, or elsewhere; returns the run's id. */
  async begin(at = "origin/main", id: string = newRunId()): Promise<string> {
    await this.git("switch", "--quiet", "--create", `runs/${id}`, at);
    return id;
  }

  /** Writes a file; text as it is, anything else as JSON. */
  write(path: string, content: Json): void {
    mkdirSync(dirname(join(this.folder, path)), { recursive: true });
    writeFileSync(join(this.folder, path), typeof content === "string" ? content : JSON.stringify(content));
  }

  /** Writes a document in its place, in a collection of one level of folders. */
  put(collection: string, id: string, document: Json, shards = 1): void {
    this.write(documentPath(collection, id, shards), document);
  }

  /** Commits all that was changed. With a record, `run.json` is written first. Returns the commit. */
  async commit(record?: Json, message = "Work"): Promise<string> {
    if (record !== undefined) this.write("run.json", record);
    await this.git("add", "--all");
    await this.git("commit", "--quiet", "--allow-empty", "--message", message);
    return this.git("rev-parse", "HEAD");
  }

  /** Pushes, by default the branch it is on to where it was cloned from. */
  async push(...args: readonly string[]): Promise<PushEnd> {
    const given = args.length === 0 ? ["origin", "HEAD"] : args;
    const end = await runGit(this.folder, ["push", ...given]);
    const remote = end.stderr
      .split("\n")
      .filter((line) => line.startsWith("remote: "))
      .map((line) => line.slice("remote: ".length).trimEnd());
    const verdict = remote.find((line) => line.startsWith('runtree: {"'));
    return { ...end, remote, verdict: verdict === undefined ? null : (JSON.parse(verdict.slice(9)) as Verdict) };
  }
}

/** What an agent says of a run that it has finished. */
export const DONE = { job: "custom", done: true } as const;
