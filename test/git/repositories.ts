import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { devNull } from "node:os";
import { onTestFinished } from "vitest";
import type { FileSystem } from "../../src/git/files.ts";
import { type EncodedObject, encodeObject, type Oid, type ReadObject } from "../../src/git/objects.ts";
import { BareRepository } from "../../src/git/bare-repository.ts";
import { temporaryFolder } from "../support/folders.ts";
import { git } from "../support/git.ts";

const STRANGER = { NAME: "stranger", EMAIL: "stranger@example.org", DATE: "1700000000 +0000" };

/** Runs stock git with bytes on its standard input and returns the bytes it prints. */
export function pipeGit(
  folder: string,
  args: readonly string[],
  options: { readonly input?: string | Buffer; readonly env?: Readonly<Record<string, string>> } = {},
): Buffer {
  const people = ["AUTHOR", "COMMITTER"].flatMap((role) =>
    Object.entries(STRANGER).map(([member, value]) => [`GIT_${role}_${member}`, value] as const),
  );
  return execFileSync("git", [...args], {
    cwd: folder,
    input: options.input ?? "",
    maxBuffer: 2 ** 28,
    stdio: ["pipe", "pipe", "pipe"],
    env: {
      PATH: process.env["PATH"],
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_GLOBAL: devNull,
      ...Object.fromEntries(people),
      ...options.env,
    },
  });
}

/** What git prints, cut into its lines, or into what `separator` keeps apart. */
export function linesOf(bytes: Buffer | string, separator = "\n"): string[] {
  return bytes
    .toString("utf8")
    .split(separator)
    .filter((line) => line !== "");
}

/** An empty bare repository made by stock git, gone when the test has ended. */
export function emptyRepository(): string {
  const folder = temporaryFolder();
  git(folder, "init", "--quiet", "--bare", "--template=", "--initial-branch=main", folder);
  return folder;
}

/** Our own reader and writer of a repository, closed when the test has ended. */
export function openRepository(gitDir: string, fileSystem: FileSystem = fs): BareRepository {
  const repository = new BareRepository(fileSystem, gitDir);
  onTestFinished(() => repository.close());
  return repository;
}

/** Blobs with these contents. */
export function blobs(contents: Iterable<string | Buffer>): EncodedObject[] {
  return Array.from(contents, (content) => encodeObject("blob", content));
}

/** Stores blobs by stock git, through one fast-import. */
export function importBlobs(gitDir: string, objects: readonly EncodedObject[]): void {
  const parts = objects.flatMap(({ data }) => [Buffer.from(`blob\ndata ${data.length}\n`), data, Buffer.from("\n")]);
  pipeGit(gitDir, ["-c", "fastimport.unpackLimit=1000000", "fast-import", "--quiet", "--force"], {
    input: Buffer.concat(parts),
  });
}

/** A reader over objects in memory. */
export function readerOf(objects: Iterable<EncodedObject>): ReadObject {
  const known = new Map(Array.from(objects, (object) => [object.oid, object]));
  return (oid) => known.get(oid) ?? null;
}

/** A commit by stock git, without a ref. */
export function commitTree(gitDir: string, tree: Oid, parents: readonly Oid[], message: string): Oid {
  const args = ["commit-tree", tree, ...parents.flatMap((parent) => ["-p", parent])];
  return pipeGit(gitDir, args, { input: message }).toString("utf8").trim();
}

/** The lock files below a folder. */
export function locksIn(folder: string): string[] {
  return fs.readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".lock"));
}

/** What something else does to the repository in the middle of our work. */
export interface Disturbance {
  readonly beforeReadingFile?: (path: string) => void;
  readonly beforeOpening?: (path: string) => void;
  readonly afterRenaming?: (to: string) => void;
}

/** The real file system, on which something else is at work at given moments. */
export function disturbed({ beforeReadingFile, beforeOpening, afterRenaming }: Disturbance): FileSystem {
  const readFileSync = ((path: string, ...rest: never[]) => {
    beforeReadingFile?.(path);
    return fs.readFileSync(path, ...rest);
  }) as FileSystem["readFileSync"];
  const openSync: FileSystem["openSync"] = (path, flags, mode) => {
    if (flags === "r") beforeReadingFile?.(String(path));
    else beforeOpening?.(String(path));
    return fs.openSync(path, flags, mode);
  };
  const renameSync = ((from: string, to: string) => {
    fs.renameSync(from, to);
    afterRenaming?.(to);
  }) as FileSystem["renameSync"];
  return { ...fs, readFileSync, openSync, renameSync };
}

/** Does something the first time only. */
export function once(work: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    work();
  };
}

/** A repository with a chain of commits that no ref names yet, oldest first. */
export function repositoryWithCommits(count: number): { gitDir: string; commits: Oid[] } {
  const gitDir = emptyRepository();
  const tree = pipeGit(gitDir, ["hash-object", "-t", "tree", "-w", "--stdin"]).toString().trim();
  const commits: Oid[] = [];
  for (let at = 0; at < count; at++) commits.push(commitTree(gitDir, tree, commits.slice(-1), `commit ${at}`));
  return { gitDir, commits };
}

/** git's own opinion of a repository and its refs: complaints, and lock files left behind. */
export function leftoversIn(gitDir: string): string[] {
  const complaints = git(gitDir, "fsck", "--full", "--strict", "--no-progress", "--no-dangling");
  return [...linesOf(complaints), ...locksIn(gitDir)];
}

/** Every ref as git lists them. */
export function refsByGit(gitDir: string): Map<string, Oid> {
  const lines = linesOf(git(gitDir, "for-each-ref", "--format=%(refname) %(objectname)"));
  return new Map(lines.map((line) => line.split(" ") as [string, Oid]));
}
