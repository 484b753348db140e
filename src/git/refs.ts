import { dirname } from "node:path";
import { hasCode, RuntreeError, systemCode } from "../domain/errors.ts";
import {
  type FileSystem,
  ioError,
  listFolder,
  makeFolder,
  readFileOrNull,
  syncFolderIfThere,
  syncPath,
} from "./files.ts";
import { isOid, type Oid } from "./objects.ts";

/** A move of one ref: from what it must be now, to what it shall be; null means "does not exist". */
export interface RefMove {
  readonly ref: string;
  readonly from: Oid | null;
  readonly to: Oid | null;
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

function readLooseRef(fs: FileSystem, gitDir: string, ref: string): Oid | null {
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
  return readLooseRef(fs, gitDir, ref) ?? parsePacked(readFileOrNull(fs, `${gitDir}/packed-refs`)).get(ref) ?? null;
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
  const packed = [...parsePacked(readFileOrNull(fs, `${gitDir}/packed-refs`))].filter(([ref]) =>
    ref.startsWith(prefix),
  );
  return new Map([...packed, ...loose]);
}

/** Takes git's lock on a file by creating `<path>.lock`; waits while git holds it. Throws `busy`. */
async function lock(fs: FileSystem, path: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await makeFolder(fs, dirname(path)).catch((error: unknown) => {
        throw systemCode(error) === "EEXIST" ? ioError(error, "making", dirname(path)) : error;
      });
      const handle = await fs.promises.open(`${path}.lock`, "wx", 0o644);
      await handle.close();
      return;
    } catch (error) {
      if (error instanceof RuntreeError) throw error;
      const code = systemCode(error);
      // ENOENT: `git pack-refs` removed the folder, or one above it, meanwhile.
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
async function unlock(fs: FileSystem, path: string): Promise<void> {
  const remove = (): Promise<void> => fs.promises.rm(`${path}.lock`, { force: true });
  await remove().catch(remove);
}

async function writeWhole(fs: FileSystem, path: string, text: string): Promise<void> {
  const handle = await fs.promises.open(path, "w", 0o644);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Renames a lock file onto its ref, past empty folders that deleted refs left in the way. */
async function commitLock(fs: FileSystem, path: string): Promise<void> {
  try {
    await fs.promises.rename(`${path}.lock`, path);
  } catch (error) {
    if (systemCode(error) !== "EISDIR" && systemCode(error) !== "ENOTEMPTY") throw error;
    await removeEmptyFolders(fs, path);
    await fs.promises.rename(`${path}.lock`, path);
  }
}

async function removeEmptyFolders(fs: FileSystem, path: string): Promise<void> {
  for (const { name, isFolder } of listFolder(fs, path)) if (isFolder) await removeEmptyFolders(fs, `${path}/${name}`);
  await fs.promises.rmdir(path);
}

/** Rewrites packed-refs without some refs; the caller holds its lock. */
async function dropPacked(fs: FileSystem, gitDir: string, gone: ReadonlySet<string>): Promise<void> {
  const path = `${gitDir}/packed-refs`;
  const bytes = readFileOrNull(fs, path);
  if (![...parsePacked(bytes).keys()].some((ref) => gone.has(ref))) return;
  const kept: string[] = [];
  let dropping = false;
  for (const line of bytes?.toString("utf8").split("\n") ?? []) {
    if (!line.startsWith("^")) dropping = gone.has(line.slice(41));
    if (!dropping && line !== "") kept.push(`${line}\n`);
  }
  try {
    await writeWhole(fs, `${path}.new`, kept.join(""));
    await fs.promises.rename(`${path}.new`, path);
  } catch (error) {
    // Left behind, it would stop every later `git pack-refs`.
    await fs.promises.rm(`${path}.new`, { force: true }).catch(() => undefined);
    throw error;
  }
  await syncPath(fs, gitDir);
}

/**
 * Moves refs as one transaction under git's own lock files: lock all, compare all, then write all, deletions last.
 * A deletion holds the lock of packed-refs until the loose file is gone, as git does, or a `git pack-refs` meanwhile
 * would bring the ref back. Durable when it returns. Throws `ref_moved` (with `ref`, `expected`, `actual`) and moves
 * nothing when one of them is not what the caller saw, `busy` when git keeps a lock.
 */
export async function moveRefs(fs: FileSystem, gitDir: string, moves: readonly RefMove[]): Promise<void> {
  const ordered = [...moves].sort((left, right) => (left.ref < right.ref ? -1 : 1));
  const gone = ordered.filter(({ to }) => to === null).map(({ ref }) => `${gitDir}/${ref}`);
  const paths = [
    ...ordered.map(({ ref }) => `${gitDir}/${ref}`),
    ...(gone.length > 0 ? [`${gitDir}/packed-refs`] : []),
  ];
  const held = new Set<string>();
  let failure: unknown;
  try {
    for (const path of paths) {
      await lock(fs, path);
      held.add(path);
    }
    for (const { ref, from } of ordered) {
      const [below] = from === null ? listRefs(fs, gitDir, `${ref}/`).keys() : [];
      if (below !== undefined)
        throw new RuntreeError("ref_moved", `${ref} cannot be made beside ${below}.`, { ref, below });
      const actual = readRef(fs, gitDir, ref);
      if (actual !== from) {
        throw new RuntreeError("ref_moved", `${ref} is ${actual ?? "absent"}, not ${from ?? "absent"}.`, {
          ref,
          expected: from,
          actual,
        });
      }
    }
    const written = ordered.filter(({ to }) => to !== null).map(({ ref, to }) => ({ path: `${gitDir}/${ref}`, to }));
    for (const { path, to } of written) await writeWhole(fs, `${path}.lock`, `${to}\n`);
    for (const { path } of written) {
      await commitLock(fs, path);
      held.delete(path);
    }
    // The folder above, too: another writer may have made this one a moment ago and not synced it yet.
    const folders = new Set(written.flatMap(({ path }) => [dirname(path), dirname(dirname(path))]));
    for (const folder of folders) await syncFolderIfThere(fs, folder);
    if (gone.length > 0)
      await dropPacked(fs, gitDir, new Set(ordered.filter(({ to }) => to === null).map(({ ref }) => ref)));
    for (const path of gone) await fs.promises.rm(path, { force: true });
    for (const folder of new Set(gone.map((path) => dirname(path)))) await syncFolderIfThere(fs, folder);
  } catch (error) {
    failure = error;
  }
  // Every lock is given back, whatever becomes of another.
  for (const path of held) await unlock(fs, path).catch((error: unknown) => (failure ??= error));
  if (failure !== undefined) throw ioError(failure, "moving refs in", gitDir);
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
