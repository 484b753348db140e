import { randomBytes } from "node:crypto";
import { dirname } from "node:path";
import { RuntreeError, systemCode } from "../domain/errors.ts";

/** The file system the store stands on: `node:fs`, or anything with its interface. */
export type FileSystem = typeof import("node:fs");

/** Turns a failed system call into a Runtree error: `disk_full` when there is no room, `io_failed` otherwise. One that is one stays. */
export function ioError(error: unknown, doing: string, path: string): RuntreeError {
  if (error instanceof RuntreeError) return error;
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
export function syncPath(fs: FileSystem, path: string): void {
  try {
    const file = fs.openSync(path, "r");
    try {
      fs.fsyncSync(file);
    } finally {
      fs.closeSync(file);
    }
  } catch (error) {
    throw ioError(error, "syncing", path);
  }
}

/** Makes a folder's entries durable, unless git's maintenance took the folder away, as it does with empty ones. */
export function syncFolderIfThere(fs: FileSystem, path: string): void {
  try {
    syncPath(fs, path);
  } catch (error) {
    if (!(error instanceof RuntreeError) || systemCode(error.cause) !== "ENOENT") throw error;
  }
}

/** Makes open files, or folders, durable side by side: they share what the disk does for each. */
async function syncTogether(fs: FileSystem, files: readonly number[]): Promise<void> {
  const synced = files.map(
    async (file) =>
      new Promise<void>((resolve, reject) => {
        fs.fsync(file, (error) => (error === null ? resolve() : reject(error)));
      }),
  );
  for (const { reason } of (await Promise.allSettled(synced)).filter((each) => each.status === "rejected"))
    throw reason as Error;
}

/** Makes the entries of folders durable, but for those that git's maintenance took away. Throws `disk_full`, `io_failed`. */
export async function syncFolders(fs: FileSystem, paths: Iterable<string>): Promise<void> {
  const files: number[] = [];
  try {
    for (const path of paths) {
      try {
        files.push(fs.openSync(path, "r"));
      } catch (error) {
        if (systemCode(error) !== "ENOENT") throw ioError(error, "opening", path);
      }
    }
    await syncTogether(fs, files).catch((error: unknown) => {
      throw ioError(error, "syncing", [...paths][0] ?? "");
    });
  } finally {
    for (const file of files) fs.closeSync(file);
  }
}

/** Bytes for a file. */
export interface FileContent {
  readonly path: string;
  readonly bytes: Buffer;
}

/** Writes files and makes them durable, all of them side by side; with the flag `wx` none may exist. Throws the system's error. */
export async function writeAllSynced(
  fs: FileSystem,
  contents: readonly FileContent[],
  flag: "w" | "wx",
  mode = 0o644,
): Promise<void> {
  const files: number[] = [];
  try {
    for (const { path, bytes } of contents) {
      const file = fs.openSync(path, flag, mode);
      files.push(file);
      writeFully(fs, file, bytes, 0);
    }
    await syncTogether(fs, files);
  } finally {
    for (const file of files) fs.closeSync(file);
  }
}

/**
 * Brings files to their final names whole, as `replaceFile` does, and side by side. Where that cannot be it is done one
 * by one, which also makes folders that are missing.
 */
export async function replaceFiles(fs: FileSystem, contents: readonly FileContent[], mode = 0o644): Promise<void> {
  const temporary = contents.map(({ path, bytes }) => ({
    path: `${dirname(path)}/tmp_obj_${randomBytes(8).toString("hex")}`,
    bytes,
  }));
  try {
    await writeAllSynced(fs, temporary, "wx", mode);
    for (const [at, { path }] of contents.entries()) fs.renameSync(temporary[at]?.path ?? "", path);
  } catch {
    for (const { path } of temporary) removeQuietly(fs, path);
    for (const { path, bytes } of contents) replaceFile(fs, path, bytes, mode);
  }
}

/** How often a folder is tried again because git took away the one above it, or somebody made it, in between. */
const FOLDER_TRIES = 5;

/**
 * Makes a folder and those above it that are missing, durably: each is synced into the one that holds it. One by one, as
 * Node's own way never ends where the system makes none, as below `/proc`. Throws the system's error.
 */
export function makeFolder(fs: FileSystem, path: string): void {
  for (let tries = 1; fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true; tries++) {
    try {
      fs.mkdirSync(path);
      syncFolderIfThere(fs, dirname(path));
    } catch (error) {
      const code = systemCode(error);
      if (tries === FOLDER_TRIES || (code !== "ENOENT" && code !== "EEXIST")) throw error;
      if (code === "ENOENT") makeFolder(fs, dirname(path));
    }
  }
}

/** Writes all of some bytes to an open file, from a place on. */
export function writeFully(fs: FileSystem, file: number, bytes: Buffer, at: number): void {
  for (let done = 0; done < bytes.length;) done += fs.writeSync(file, bytes, done, bytes.length - done, at + done);
}

/** Writes bytes to a file and makes them durable; with the flag `wx` the file must not exist. */
export function writeSynced(fs: FileSystem, path: string, bytes: Buffer, flag: "w" | "wx", mode = 0o644): void {
  const file = fs.openSync(path, flag, mode);
  try {
    writeFully(fs, file, bytes, 0);
    fs.fsyncSync(file);
  } finally {
    fs.closeSync(file);
  }
}

/**
 * Brings bytes to their final name whole: temporary file in the same folder, fsync, rename. The folder is made when it
 * is missing, also when git's maintenance takes it away meanwhile. Its own fsync is the caller's, who may have many
 * files for one folder.
 */
export function replaceFile(fs: FileSystem, path: string, bytes: Buffer, mode = 0o644): void {
  const folder = dirname(path);
  for (let attempt = 0; ; attempt++) {
    const temporary = `${folder}/tmp_obj_${randomBytes(8).toString("hex")}`;
    try {
      if (attempt > 0) makeFolder(fs, folder);
      writeSynced(fs, temporary, bytes, "wx", mode);
      fs.renameSync(temporary, path);
      return;
    } catch (error) {
      removeQuietly(fs, temporary);
      if (systemCode(error) !== "ENOENT" || attempt >= FOLDER_ATTEMPTS) throw ioError(error, "writing", path);
    }
  }
}

/** How often a folder is made anew that git's maintenance took away. */
const FOLDER_ATTEMPTS = 5;

/** Removes a file of our own, at the second try if need be; that it cannot be removed is not what is told. */
export function removeQuietly(fs: FileSystem, path: string): void {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      fs.rmSync(path, { force: true });
      return;
    } catch {
      // What led here is the thing to tell, or nothing is: a start clears what stays.
    }
  }
}
