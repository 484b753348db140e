import { randomBytes } from "node:crypto";
import { RuntreeError, systemCode } from "../domain/errors.ts";

/** The file system the store stands on: `node:fs`, or anything with its interface. */
export type FileSystem = typeof import("node:fs");

/** Turns a failed system call into a Runtree error: `disk_full` when there is no room, `io_failed` otherwise. */
export function ioError(error: unknown, doing: string, path: string): RuntreeError {
  const code = systemCode(error);
  return code === "ENOSPC" || code === "EDQUOT"
    ? new RuntreeError(
        "disk_full",
        `The disk is full: ${doing} ${path}. Free some space and send the request again.`,
        { path },
        error,
      )
    : new RuntreeError(
        "io_failed",
        `Failed ${doing} ${path} (${code ?? String(error)}). Nothing was acknowledged.`,
        { path },
        error,
      );
}

/** Reads a file; null when it, or a folder on its way, does not exist. */
export function readFileOrNull(fs: FileSystem, path: string): Buffer | null {
  try {
    return fs.readFileSync(path);
  } catch (error) {
    if (systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR") return null;
    throw ioError(error, "reading", path);
  }
}

/** Lists a folder; empty when it does not exist. */
export function listFolder(fs: FileSystem, path: string): { name: string; isFolder: boolean }[] {
  try {
    return fs
      .readdirSync(path, { withFileTypes: true })
      .map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() }));
  } catch (error) {
    if (systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR") return [];
    throw ioError(error, "listing", path);
  }
}

/** Makes a file's bytes, or a folder's entries, durable. */
export async function syncPath(fs: FileSystem, path: string): Promise<void> {
  const handle = await fs.promises.open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes bytes to a new file and makes them durable; the file must not exist. */
export async function writeNewFile(fs: FileSystem, path: string, bytes: Buffer, mode = 0o644): Promise<void> {
  const handle = await fs.promises.open(path, "wx", mode);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Brings bytes to their final name whole: temporary file in the same folder, fsync, rename.
 * The folder's own fsync is the caller's, who may have many files for one folder.
 */
export async function replaceFile(fs: FileSystem, path: string, bytes: Buffer, mode = 0o644): Promise<void> {
  const folder = path.slice(0, path.lastIndexOf("/"));
  const temporary = `${folder}/tmp_obj_${randomBytes(8).toString("hex")}`;
  try {
    await writeNewFile(fs, temporary, bytes, mode);
    await fs.promises.rename(temporary, path);
  } catch (error) {
    await fs.promises.rm(temporary, { force: true }).catch(() => undefined);
    throw ioError(error, "writing", path);
  }
}
