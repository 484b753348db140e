import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { RuntreeError, systemCode } from "../domain/errors.ts";
import { type FileSystem, readFileOrNull } from "../git/files.ts";

/** Who holds a data directory. `started` tells a process from a later one with the same number. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly started: string;
  readonly since: string;
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

/**
 * Takes the data directory for this process: one writer per repository. The lock names its holder; that of a process
 * which is gone is taken over. Returns what gives it back. Throws `repository_locked`.
 */
export function lockData(fs: FileSystem, dataDir: string): () => void {
  const path = `${dataDir}/runtree.lock`;
  const me: Holder = {
    pid: process.pid,
    host: hostname(),
    started: startOf(fs, process.pid),
    since: new Date().toISOString(),
  };
  const mine = JSON.stringify(me);
  const temporary = `${path}.${randomBytes(6).toString("hex")}`;
  fs.writeFileSync(temporary, mine, { flag: "wx", mode: 0o644 });
  try {
    for (let attempt = 0; attempt < 10; attempt++) {
      try {
        // A link either makes the whole lock or nothing, so nobody reads half a lock.
        fs.linkSync(temporary, path);
        return () => {
          if (readFileOrNull(fs, path)?.toString("utf8") === mine) fs.rmSync(path, { force: true });
        };
      } catch (error) {
        if (systemCode(error) !== "EEXIST") throw error;
      }
      const bytes = readFileOrNull(fs, path);
      const holder = parseHolder(bytes);
      if (holder !== null && isAlive(fs, holder)) {
        throw new RuntreeError(
          "repository_locked",
          `${dataDir} is in use by process ${holder.pid} on ${holder.host} since ${holder.since}. Talk to that server with --url, or stop it first.`,
          { holder },
        );
      }
      takeAside(fs, path, bytes, `${temporary}.stale`);
    }
    throw new RuntreeError("repository_locked", `${dataDir} is being taken by others; try again.`);
  } finally {
    fs.rmSync(temporary, { force: true });
  }
}

/** Moves a dead process's lock away. Should a living one have replaced it in between, that one is put back. */
function takeAside(fs: FileSystem, path: string, dead: Buffer | null, aside: string): void {
  try {
    fs.renameSync(path, aside);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return;
    throw error;
  }
  if (dead !== null && !fs.readFileSync(aside).equals(dead)) fs.linkSync(aside, path);
  fs.rmSync(aside, { force: true });
}
