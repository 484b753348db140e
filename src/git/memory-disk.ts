import { createFsFromVolume, Volume } from "memfs";
import type { FileSystem } from "./files.ts";

/**
 * Makes an empty file system in memory. Where memfs differs from a kernel it is mended: it refuses to write to a file
 * that was just made read-only, and keeps for ever what a rename replaced or `rm` removed.
 */
export function makeMemoryDisk(): FileSystem {
  // memfs has the calls of node:fs, in types of its own.
  const disk = createFsFromVolume(new Volume()) as unknown as FileSystem;
  const { openSync, renameSync, rmSync } = disk;
  const isFile = (path: string): boolean => disk.statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  const mended: Pick<FileSystem, "openSync" | "renameSync" | "rmSync"> = {
    openSync: (path, flags) => openSync(path, flags),
    renameSync: (from, to) => {
      if (disk.existsSync(from) && isFile(String(to))) disk.unlinkSync(to);
      renameSync(from, to);
    },
    rmSync: (path, options) => (isFile(String(path)) ? disk.unlinkSync(path) : rmSync(path, options)),
  };
  return Object.assign(disk, mended);
}
