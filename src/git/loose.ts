import { deflateSync, inflateSync } from "node:zlib";
import { dirname } from "node:path";
import { RuntreeError } from "../domain/errors.ts";
import { type FileSystem, readFileOrNull, replaceFile, syncFolderIfThere } from "./files.ts";
import { type EncodedObject, type GitObject, hashObject, objectHeader, type ObjectType, type Oid } from "./objects.ts";

function loosePath(folder: string, oid: Oid): string {
  return `${folder}/${oid.slice(0, 2)}/${oid.slice(2)}`;
}

/** Reads a loose object of a folder such as `objects`; null when there is none. Throws `corrupt_object` when its bytes do not have its id. */
export function readLoose(fs: FileSystem, folder: string, oid: Oid): GitObject | null {
  const path = loosePath(folder, oid);
  const packed = readFileOrNull(fs, path);
  if (packed === null) return null;
  try {
    const whole = inflateSync(packed);
    const nul = whole.indexOf(0);
    const type = whole.toString("latin1", 0, whole.indexOf(0x20)) as ObjectType;
    const data = whole.subarray(nul + 1);
    if (hashObject(type, data) === oid) return { type, data };
  } catch (error) {
    throw new RuntreeError("corrupt_object", `Object ${oid} cannot be inflated (${path}).`, { oid, path }, error);
  }
  throw new RuntreeError("corrupt_object", `Object ${oid} does not have the content its name promises (${path}).`, {
    oid,
    path,
  });
}

/**
 * Writes objects as loose files and makes them durable, folders included. Always writes, also where a file
 * of that name exists: it may be torn from a crash, and rewriting it is what mends it.
 */
export function writeLoose(fs: FileSystem, folder: string, objects: readonly EncodedObject[]): void {
  for (const { oid, type, data } of objects) {
    const bytes = deflateSync(Buffer.concat([objectHeader(type, data.length), data]), { level: 1 });
    replaceFile(fs, loosePath(folder, oid), bytes, 0o444);
  }
  const folders = new Set(objects.map(({ oid }) => dirname(loosePath(folder, oid))));
  // The folder that holds them, too: another writer may have made one of them a moment ago and not synced it yet.
  if (objects.length > 0) folders.add(folder);
  // git takes a folder away when all in it lies in a pack as well, synced.
  for (const path of folders) syncFolderIfThere(fs, path);
}
