import { dirname } from "node:path";
import { hasCode, RuntreeError, systemCode } from "../domain/errors.ts";
import {
  type FileSystem,
  ioError,
  listFolder,
  makeFolder,
  readFileOrNull,
  removeQuietly,
  syncFolders,
  syncPath,
  writeAllSynced,
  writeSynced,
} from "./files.ts";
import { isOid, type Oid } from "./objects.ts";

/** A move of one ref: from what it must be now, to what it shall be; null means "does not exist". */
export interface RefMove {
  readonly ref: string;
  readonly from: Oid | null;
  readonly to: Oid | null;
  /** Stock git may move this ref as well: it is kept from doing so until git sees where we moved it. */
  readonly contested?: true;
  /** Where it may be instead: on the way from one to the other, of several moves that are made as one. */
  readonly through?: readonly (Oid | null)[];
}

/** How often and how long (ms) a lock that git holds is waited for; git itself gives up after 100 ms. */
const LOCK_TRIES = 40;
const LOCK_WAIT_MS = 25;

/** The packed refs, without the `^` lines that peel tags. */
function parsePacked(bytes: Buffer | null): Map<string, Oid> {
  const refs = new Map<string, Oid>();
  for (const line of bytes?.toString("utf8").split("\n") ?? []) {
    if (isOid(line.slice(0, 40)) && line[40] === " ") refs.set(line.slice(41), line.slice(0, 40));
  }
  return refs;
}

/** Reads a ref's own file; null when it has none. Throws `corrupt_ref` when it is empty or torn. */
export function readLooseRef(fs: FileSystem, gitDir: string, ref: string): Oid | null {
  let bytes: Buffer | null;
  try {
    bytes = readFileOrNull(fs, `${gitDir}/${ref}`);
  } catch (error) {
    if (hasCode(error, "io_failed") && systemCode(error.cause) === "EISDIR") return null;
    throw error;
  }
  if (bytes === null) return null;
  const text = bytes.toString("latin1").trim();
  if (isOid(text)) return text;
  // An empty or torn ref would otherwise resolve silently to its stale packed value.
  throw new RuntreeError(
    "corrupt_ref",
    `Ref ${ref} is torn ("${text.slice(0, 50)}"); restore it from \`git reflog\` or a clone.`,
    { ref },
  );
}

/** Reads a ref from disk; null when it does not exist. Throws `corrupt_ref` when its file is empty or torn. */
export function readRef(fs: FileSystem, gitDir: string, ref: string): Oid | null {
  return readLooseRef(fs, gitDir, ref) ?? readPackedRefs(fs, gitDir).get(ref) ?? null;
}

/** Every packed ref of a repository. */
export function readPackedRefs(fs: FileSystem, gitDir: string): Map<string, Oid> {
  return parsePacked(readFileOrNull(fs, `${gitDir}/packed-refs`));
}

/** Lists the refs below a prefix such as `refs/heads/runs/`, loose ones over packed ones. */
export function listRefs(fs: FileSystem, gitDir: string, prefix: string): Map<string, Oid> {
  const loose = new Map<string, Oid>();
  const walk = (folder: string): void => {
    for (const { name, isFolder } of listFolder(fs, `${gitDir}/${folder}`)) {
      const ref = `${folder}/${name}`;
      if (isFolder) walk(ref);
      else if (ref.startsWith(prefix) && !name.endsWith(".lock")) {
        const oid = readLooseRef(fs, gitDir, ref);
        if (oid !== null) loose.set(ref, oid);
      }
    }
  };
  // Loose first: `git pack-refs` writes packed-refs before it takes the loose files away.
  walk(prefix.replace(/\/$/, ""));
  const packed = [...readPackedRefs(fs, gitDir)].filter(([ref]) => ref.startsWith(prefix));
  return new Map([...packed, ...loose]);
}

/** Takes git's lock on a file by creating `<path>.lock`; waits while git holds it. Throws `busy`. */
async function lock(fs: FileSystem, path: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      fs.closeSync(fs.openSync(`${path}.lock`, "wx", 0o644));
      return;
    } catch (error) {
      const code = systemCode(error);
      // ENOENT: the first ref of its folder, or `git pack-refs` removed the folder, or one above it.
      if (code === "ENOENT" && tries < LOCK_TRIES) {
        makeFolder(fs, dirname(path));
        continue;
      }
      if (code !== "EEXIST" && code !== "ENOENT") throw ioError(error, "locking", path);
      if (tries >= LOCK_TRIES) {
        throw new RuntreeError(
          "busy",
          `${path} is locked by another git process. If none runs, remove ${path}.lock.`,
          { path },
          error,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, LOCK_WAIT_MS));
    }
  }
}

/** Gives a lock back, at the second try if need be: one that stays keeps its ref busy. */
function unlock(fs: FileSystem, path: string): void {
  try {
    fs.rmSync(`${path}.lock`, { force: true });
  } catch {
    fs.rmSync(`${path}.lock`, { force: true });
  }
}

/** Renames a lock file onto its ref, past empty folders that deleted refs left in the way. */
function commitLock(fs: FileSystem, path: string): void {
  try {
    fs.renameSync(`${path}.lock`, path);
  } catch (error) {
    if (systemCode(error) !== "EISDIR" && systemCode(error) !== "ENOTEMPTY") throw error;
    removeEmptyFolders(fs, path);
    fs.renameSync(`${path}.lock`, path);
  }
}

function removeEmptyFolders(fs: FileSystem, path: string): void {
  for (const { name, isFolder } of listFolder(fs, path)) if (isFolder) removeEmptyFolders(fs, `${path}/${name}`);
  fs.rmdirSync(path);
}

/** Rewrites packed-refs without some refs; the caller holds its lock. */
function dropPacked(fs: FileSystem, gitDir: string, packed: ReadonlyMap<string, Oid>, gone: ReadonlySet<string>): void {
  if (![...gone].some((ref) => packed.has(ref))) return;
  const path = `${gitDir}/packed-refs`;
  const kept: string[] = [];
  let dropping = false;
  for (const line of readFileOrNull(fs, path)?.toString("utf8").split("\n") ?? []) {
    if (!line.startsWith("^")) dropping = gone.has(line.slice(41));
    if (!dropping && line !== "") kept.push(`${line}\n`);
  }
  try {
    writeSynced(fs, `${path}.new`, Buffer.from(kept.join("")), "w");
    fs.renameSync(`${path}.new`, path);
  } catch (error) {
    // Left behind, it would stop every later `git pack-refs`.
    removeQuietly(fs, `${path}.new`);
    throw error;
  }
  syncPath(fs, gitDir);
}

/**
 * Moves refs as one transaction under git's own lock files: lock all, compare all, then write all, deletions last.
 * A deletion holds the lock of packed-refs until the loose file is gone, as git does, or a `git pack-refs` meanwhile
 * would bring the ref back. Durable when it returns. Throws `ref_moved` (with `ref`, `expected`, `actual`) and moves
 * nothing when one of them is not what the caller saw, `busy` when git keeps a lock. A move that says `through` may
 * also find its ref on the way, or there already.
 */
export async function moveRefs(fs: FileSystem, gitDir: string, moves: readonly RefMove[]): Promise<void> {
  const ordered = [...moves].sort((left, right) => (left.ref < right.ref ? -1 : 1));
  const gone = ordered.filter(({ to }) => to === null).map(({ ref }) => `${gitDir}/${ref}`);
  const paths = [
    ...ordered.map(({ ref }) => `${gitDir}/${ref}`),
    ...(gone.length > 0 ? [`${gitDir}/packed-refs`] : []),
  ];
  const written = ({ ref, to }: RefMove): { path: string; to: Oid }[] =>
    to === null ? [] : [{ path: `${gitDir}/${ref}`, to }];
  const held = new Set<string>();
  let failure: unknown;
  try {
    for (const path of paths) {
      await lock(fs, path);
      held.add(path);
    }
    // Once, now that all are locked: `git pack-refs` takes a loose file away only under its lock.
    const packed = readPackedRefs(fs, gitDir);
    const due = ordered.filter((move) => isDue(fs, gitDir, packed, move));
    const contents = due
      .flatMap(written)
      .map(({ path, to }) => ({ path: `${path}.lock`, bytes: Buffer.from(`${to}\n`) }));
    await writeAllSynced(fs, contents, "w");
    for (const { path } of due.flatMap(written)) {
      commitLock(fs, path);
      held.delete(path);
    }
    dropPacked(fs, gitDir, packed, new Set(ordered.filter(({ to }) => to === null).map(({ ref }) => ref)));
    for (const path of gone) fs.rmSync(path, { force: true });
    // The folder above, too: another writer may have made this one a moment ago and not synced it yet.
    const folders = ordered.flatMap(written).flatMap(({ path }) => [dirname(path), dirname(dirname(path))]);
    await syncFolders(fs, new Set([...folders, ...gone.map((path) => dirname(path))]));
  } catch (error) {
    failure = error;
  }
  // Every lock is given back, whatever becomes of another.
  for (const path of held) {
    try {
      unlock(fs, path);
    } catch (error) {
      failure ??= error;
    }
  }
  if (failure !== undefined) throw ioError(failure, "moving refs in", gitDir);
}

/** Tells whether a locked ref has yet to be moved. Throws `ref_moved` when it is where the move does not start from. */
function isDue(fs: FileSystem, gitDir: string, packed: ReadonlyMap<string, Oid>, move: RefMove): boolean {
  const { ref, from, to, through } = move;
  const actual = readLooseRef(fs, gitDir, ref) ?? packed.get(ref) ?? null;
  if (actual === to && through !== undefined) return false;
  if (actual !== from && through?.includes(actual) !== true) throw refMoved(ref, from, actual);
  const below = from === null ? refBelow(fs, gitDir, packed, ref) : undefined;
  if (below === undefined) return true;
  throw new RuntreeError("ref_moved", `${ref} cannot be made beside ${below}.`, { ref, below });
}

/** A ref whose name goes on where another's ends, so that the two cannot both be files. */
function refBelow(fs: FileSystem, gitDir: string, packed: ReadonlyMap<string, Oid>, ref: string): string | undefined {
  const [loose] = fs.existsSync(`${gitDir}/${ref}`) ? listRefs(fs, gitDir, `${ref}/`).keys() : [];
  if (loose !== undefined) return loose;
  for (const name of packed.keys()) if (name.startsWith(`${ref}/`)) return name;
  return undefined;
}

/** The error of a ref that is not where a move was to start from. */
export function refMoved(ref: string, expected: Oid | null, actual: Oid | null): RuntreeError {
  const words = `${ref} is ${actual ?? "absent"}, not ${expected ?? "absent"}.`;
  return new RuntreeError("ref_moved", words, { ref, expected, actual });
}

/**
 * Removes lock files that a crash of ours left behind. Only for the holder of the data directory's lock, at start:
 * git holds such a lock for milliseconds, so one that outlives `graceMs` belongs to nobody. Returns their paths.
 */
export async function clearStaleLocks(fs: FileSystem, gitDir: string, graceMs: number): Promise<string[]> {
  const find = (folder: string): string[] =>
    listFolder(fs, folder).flatMap(({ name, isFolder }) =>
      isFolder ? find(`${folder}/${name}`) : name.endsWith(".lock") ? [`${folder}/${name}`] : [],
    );
  const all = (): string[] => [
    ...find(`${gitDir}/refs`),
    ...["packed-refs.lock", "packed-refs.new"].map((name) => `${gitDir}/${name}`).filter((path) => fs.existsSync(path)),
  ];
  const stamp = (path: string): string => {
    const stat = fs.statSync(path, { throwIfNoEntry: false });
    return stat === undefined ? "" : `${stat.ino}:${stat.mtimeMs}`;
  };
  const before = new Map(all().map((path) => [path, stamp(path)]));
  if (before.size === 0) return [];
  await new Promise((resolve) => setTimeout(resolve, graceMs));
  const stale = all().filter((path) => before.get(path) === stamp(path));
  for (const path of stale) fs.rmSync(path, { force: true });
  return stale;
}
