import { readdir, rm, stat } from "node:fs/promises";
import { systemCode } from "../domain/errors.ts";
import type { NativeGit } from "./native.ts";

/** How many files a repository keeps what it holds in: the fewer, the faster stock git and a start are. */
export interface StorageCounts {
  readonly packs: number;
  readonly loose: number;
  readonly loose_refs: number;
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    // git takes folders away when they are empty.
    if (systemCode(error) === "ENOENT") return [];
    throw error;
  }
}

async function countRefs(folder: string): Promise<number> {
  let count = 0;
  try {
    for (const entry of await readdir(folder, { withFileTypes: true }))
      count += entry.isDirectory() ? await countRefs(`${folder}/${entry.name}`) : 1;
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw error;
  }
  return count;
}

/** Counts the packs, loose objects and loose refs of a repository on disk, by their names alone. */
export async function countStorage(gitDir: string): Promise<StorageCounts> {
  let loose = 0;
  for (const name of await namesIn(`${gitDir}/objects`))
    if (/^[0-9a-f]{2}$/.test(name)) loose += (await namesIn(`${gitDir}/objects/${name}`)).length;
  const packs = (await namesIn(`${gitDir}/objects/pack`)).filter((name) => name.endsWith(".pack")).length;
  return { packs, loose, loose_refs: await countRefs(`${gitDir}/refs`) };
}

/** Where git's own maintenance leaves files when it is killed, and what they are called. */
const LEFTOVERS: readonly (readonly [folder: string, name: RegExp])[] = [
  ["objects/pack", /^(\.tmp-|tmp_)|\.lock$/],
  ["objects/info", /\.lock$/],
  ["objects/info/commit-graphs", /^tmp_|\.lock$/],
];

/** A file of git's that is not finished after this time (ms) belongs to a process that died. */
const LEFTOVER_AGE_MS = 24 * 60 * 60 * 1000;

/** Removes what maintenance that was killed left: files that nobody finishes, and locks that would stop the next one. */
async function clearLeftovers(gitDir: string, now: number): Promise<void> {
  for (const [folder, pattern] of LEFTOVERS) {
    for (const name of await namesIn(`${gitDir}/${folder}`)) {
      const path = `${gitDir}/${folder}/${name}`;
      if (!pattern.test(name)) continue;
      const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: now }));
      if (now - mtimeMs > LEFTOVER_AGE_MS) await rm(path, { force: true });
    }
  }
}

/** One thread; what is derived is synced, too; and the hook that keeps refs from strangers is not asked for each ref. */
const SETTINGS = ["pack.threads=1", "core.fsync=all", "core.hooksPath=/dev/null"];

/**
 * What is run, in this order. None of it takes away an object: `--geometric` puts all objects of the packs it replaces
 * and all loose ones into the new pack, reached or not, and nothing is ever pruned.
 */
const STEPS: readonly (readonly string[])[] = [
  ["pack-refs", "--all"],
  ["repack", "-d", "--geometric=2", "--write-midx", "-n", "-q"],
  ["commit-graph", "write", "--reachable", "--changed-paths", "--split", "--no-progress"],
];

/**
 * Brings a repository into the form in which stock git is fast: few packs under one index, a commit-graph, packed refs.
 * Safe beside a process that writes; two of it at once are the caller's to prevent. `now` is in ms since 1970; `signal`
 * ends the step at work; `begins` hears of each. Throws `git_failed`.
 */
export async function maintainRepository(
  git: NativeGit,
  gitDir: string,
  now: number,
  signal: AbortSignal,
  begins: (step: string, place: number, steps: number) => void = () => undefined,
): Promise<void> {
  await clearLeftovers(gitDir, now);
  const settings = SETTINGS.flatMap((setting) => ["-c", setting]);
  for (const [place, step] of STEPS.entries()) {
    begins(step[0] ?? "", place, STEPS.length);
    await git.print(["--git-dir", gitDir, ...settings, ...step], signal);
  }
}
