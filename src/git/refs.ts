import { dirname } from "node:path";
import { hasCode, RuntreeError, systemCode } from "../domain/errors.ts";
import { type FileSystem, ioError, listFolder, readFileOrNull, syncPath } from "./files.ts";
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
  const refs = new Map<string, Oid>();
  for (const [ref, oid] of parsePacked(readFileOrNull(fs, `${gitDir}/packed-refs`))) {
    if (ref.startsWith(prefix)) refs.set(ref, oid);
  }
  const walk = (folder: string): void => {
    for (const { name, isFolder } of listFolder(fs, `${gitDir}/${folder}`)) {
      const ref = `${folder}/${name}`;
      if (isFolder) walk(ref);
      else if (ref.startsWith(prefix) && !name.endsWith(".lock")) {
        const oid = readLooseRef(fs, gitDir, ref);
        if (oid !== null) refs.set(ref, oid);
      }
    }
  };
  walk(prefix.replace(/\/$/, ""));
  return refs;
}

/** Takes git's lock on a file by creating `<path>.lock`; waits while git holds it. Throws `busy`. */
async function lock(fs: FileSystem, path: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await fs.promises.mkdir(dirname(path), { recursive: true });
      const handle = await fs.promises.open(`${path}.lock`, "wx", 0o644);
      await handle.close();
      return;
    } catch (error) {
      const code = systemCode(error);
      // ENOENT: `git pack-refs` removed the folder between mkdir and open.
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

async function writeLock(fs: FileSystem, path: string, text: string): Promise<void> {
  const handle = await fs.promises.open(`${path}.lock`, "w", 0o644);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function unlock(fs: FileSystem, path: string): Promise<void> {
  await fs.promises.rm(`${path}.lock`, { force: true });
}

/** Removes refs from packed-refs under its own lock, so that a deleted ref cannot come back from there. */
async function dropPacked(fs: FileSystem, gitDir: string, gone: ReadonlySet<string>): Promise<void> {
  const path = `${gitDir}/packed-refs`;
  const present = (bytes: Buffer | null): boolean => [...parsePacked(bytes).keys()].some((ref) => gone.has(ref));
  if (!present(readFileOrNull(fs, path))) return;
  await lock(fs, path);
  try {
    const kept: string[] = [];
    let dropping = false;
    for (const line of readFileOrNull(fs, path)?.toString("utf8").split("\n") ?? []) {
      if (!line.startsWith("^")) dropping = gone.has(line.slice(41));
      if (!dropping && line !== "") kept.push(line);
    }
    await writeLock(fs, path, `${kept.join("\n")}\n`);
    await fs.promises.rename(`${path}.lock`, path);
    await syncPath(fs, gitDir);
  } catch (error) {
    await unlock(fs, path);
    throw error;
  }
}

/**
 * Moves refs as one transaction under git's own lock files: lock all, compare all, then write all, deletions last.
 * Durable when it returns. Throws `ref_moved` (with `ref`, `expected`, `actual`) and moves nothing when one of them
 * is not what the caller saw, `busy` when git keeps a lock.
 */
export async function moveRefs(fs: FileSystem, gitDir: string, moves: readonly RefMove[]): Promise<void> {
  const ordered = [...moves].sort((left, right) => (left.ref < right.ref ? -1 : 1));
  const held: string[] = [];
  const folders = new Set<string>();
  try {
    for (const { ref } of ordered) {
      await lock(fs, `${gitDir}/${ref}`);
      held.push(ref);
    }
    for (const { ref, from } of ordered) {
      const actual = readRef(fs, gitDir, ref);
      if (actual !== from) {
        throw new RuntreeError("ref_moved", `${ref} is ${actual ?? "absent"}, not ${from ?? "absent"}.`, {
          ref,
          expected: from,
          actual,
        });
      }
    }
    for (const { ref, to } of ordered) if (to !== null) await writeLock(fs, `${gitDir}/${ref}`, `${to}\n`);
    for (const { ref, to } of ordered) {
      if (to === null) continue;
      await fs.promises.rename(`${gitDir}/${ref}.lock`, `${gitDir}/${ref}`);
      held.splice(held.indexOf(ref), 1);
      folders.add(dirname(`${gitDir}/${ref}`));
    }
    for (const folder of folders) await syncPath(fs, folder);
    const gone = ordered.filter(({ to }) => to === null).map(({ ref }) => ref);
    if (gone.length > 0) await dropPacked(fs, gitDir, new Set(gone));
    for (const ref of gone) await fs.promises.rm(`${gitDir}/${ref}`, { force: true });
    for (const ref of gone) await syncPath(fs, dirname(`${gitDir}/${ref}`));
  } catch (error) {
    throw error instanceof RuntreeError ? error : ioError(error, "moving refs in", gitDir);
  } finally {
    for (const ref of held) await unlock(fs, `${gitDir}/${ref}`);
  }
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
    ...(fs.existsSync(`${gitDir}/packed-refs.lock`) ? [`${gitDir}/packed-refs.lock`] : []),
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
