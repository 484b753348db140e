import { createHash, randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { RuntreeError, systemCode } from "../domain/errors.ts";
import { type FileSystem, ioError, readFileOrNull } from "../git/files.ts";

/** Who holds a data directory. `started` tells a process from a later one with the same number. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly started: string;
  readonly since: string;
  /** Different for every lock ever made. */
  readonly token: string;
}

/** When a process started, in the kernel's ticks since boot, with the boot's id; empty where the system does not say. */
function startOf(fs: FileSystem, pid: number): string {
  const stat = readFileOrNull(fs, `/proc/${pid}/stat`)?.toString("latin1") ?? "";
  const boot = readFileOrNull(fs, "/proc/sys/kernel/random/boot_id")?.toString("latin1").trim() ?? "";
  const ticks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  return ticks === undefined ? "" : `${boot} ${ticks}`;
}

function isAlive(fs: FileSystem, holder: Holder): boolean {
  if (holder.host !== hostname()) return true;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    return systemCode(error) === "EPERM";
  }
  return holder.started === startOf(fs, holder.pid);
}

function parseHolder(bytes: Buffer | null): Holder | null {
  try {
    return bytes === null ? null : (JSON.parse(bytes.toString("utf8")) as Holder);
  } catch {
    return null;
  }
}

/** What a lock is for, and what to do about its holder, for people. */
interface Purpose {
  readonly held: string;
  readonly advice: string;
}

function lockedBy(path: string, holder: Holder | null, { held, advice }: Purpose): RuntreeError {
  const words =
    holder === null
      ? `${path} is being taken by another process; try again.`
      : `${dirname(path)} is ${held} by process ${holder.pid} on ${holder.host} since ${holder.since}. ${advice}${holder.host === hostname() ? "" : ` If that machine is gone for good, remove ${path}.`}`;
  return new RuntreeError("repository_locked", words, { holder });
}

/** How often a lock is looked at anew because others take it at the same moment. */
const ATTEMPTS = 10;

/**
 * Makes a lock file that names this process. The file of a dead one is replaced while a lock of its own guards it,
 * named after the dead one's content, which no other holder ever has; so there is no moment without a lock, and
 * of several who find the dead one a single one follows it. Returns what gives the lock back.
 */
function acquire(fs: FileSystem, path: string, purpose: Purpose): () => void {
  const me: Holder = {
    pid: process.pid,
    host: hostname(),
    started: startOf(fs, process.pid),
    since: new Date().toISOString(),
    token: randomBytes(6).toString("hex"),
  };
  const mine = JSON.stringify(me);
  const release = (): void => {
    if (readFileOrNull(fs, path)?.toString("utf8") === mine) fs.rmSync(path, { force: true });
  };
  const temporary = `${path}.${me.token}`;
  try {
    fs.writeFileSync(temporary, mine, { flag: "wx", mode: 0o644 });
  } catch (error) {
    throw ioError(error, "locking", path);
  }
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      try {
        // A link makes the whole lock or nothing, so nobody reads half of one.
        fs.linkSync(temporary, path);
        return release;
      } catch (error) {
        if (systemCode(error) !== "EEXIST") throw error;
      }
      const bytes = readFileOrNull(fs, path);
      if (bytes === null) continue;
      const holder = parseHolder(bytes);
      if (holder !== null && isAlive(fs, holder)) throw lockedBy(path, holder, purpose);
      const guard = `${path}.${createHash("sha1").update(bytes).digest("hex").slice(0, 12)}`;
      const unguard = acquire(fs, guard, purpose);
      try {
        if (readFileOrNull(fs, path)?.equals(bytes) === true) {
          fs.renameSync(temporary, path);
          return release;
        }
      } finally {
        unguard();
      }
    }
    throw lockedBy(path, null, purpose);
  } finally {
    fs.rmSync(temporary, { force: true });
  }
}

function dataLock(dataDir: string): string {
  return `${dataDir}/runtree.lock`;
}

/**
 * Takes the data directory for this process: one writer per repository. The lock names its holder; that of a process
 * which is gone is taken over. Returns what gives it back. Throws `repository_locked`.
 */
export function lockData(fs: FileSystem, dataDir: string): () => void {
  return acquire(fs, dataLock(dataDir), {
    held: "in use",
    advice: "Talk to that server with --url, or stop it first.",
  });
}

/** Tells whether a process that lives writes to a data directory, as its server does. */
export function isServed(fs: FileSystem, dataDir: string): boolean {
  const holder = parseHolder(readFileOrNull(fs, dataLock(dataDir)));
  return holder !== null && isAlive(fs, holder);
}

function maintenanceLock(dataDir: string): string {
  return `${dataDir}/maintain.lock`;
}

/**
 * Takes the packs of a data directory for this process: to replace them, or to read them all without one vanishing. A
 * server beside it writes on. Returns what gives them back. Throws `repository_locked`.
 */
export function lockMaintenance(fs: FileSystem, dataDir: string): () => void {
  return acquire(fs, maintenanceLock(dataDir), {
    held: "being maintained or checked",
    advice: "Try again when it has ended.",
  });
}

/** Tells whether a process that lives maintains or checks a data directory. */
export function isMaintained(fs: FileSystem, dataDir: string): boolean {
  const holder = parseHolder(readFileOrNull(fs, maintenanceLock(dataDir)));
  return holder !== null && isAlive(fs, holder);
}
