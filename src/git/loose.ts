import { constants, deflateSync, inflateSync } from "node:zlib";
import { dirname } from "node:path";
import { RuntreeError } from "../domain/errors.ts";
import { type FileSystem, listFolder, readFileOrNull, replaceFiles, syncFolders } from "./files.ts";
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

/** Bytes of a file that are enough to tell what it inflates to. */
const HEAD_BYTES = 128;

/** The loose objects of a folder such as `objects`: how large the largest is, and all of them together, when inflated. Throws `corrupt_object`. */
export function looseSizes(fs: FileSystem, folder: string): { readonly largest: number; readonly total: number } {
  let [largest, total] = [0, 0];
  for (const { name } of listFolder(fs, folder).filter((each) => /^[0-9a-f]{2}$/.test(each.name))) {
    for (const file of listFolder(fs, `${folder}/${name}`)) {
      const size = inflatedSize(fs, `${folder}/${name}/${file.name}`);
      [largest, total] = [Math.max(largest, size), total + size];
    }
  }
  return { largest, total };
}

function inflatedSize(fs: FileSystem, path: string): number {
  const head = Buffer.alloc(HEAD_BYTES);
  const file = fs.openSync(path, "r");
  try {
    const read = fs.readSync(file, head, 0, HEAD_BYTES, 0);
    const begun = inflateSync(head.subarray(0, read), { finishFlush: constants.Z_SYNC_FLUSH });
    return Number(/^[a-z]+ (\d+)\0/.exec(begun.toString("latin1", 0, 40))?.[1]);
  } catch (error) {
    throw new RuntreeError("corrupt_object", `The object in ${path} cannot be inflated.`, { path }, error);
  } finally {
    fs.closeSync(file);
  }
}

/**
 * Writes objects as loose files and makes them durable, folders included. Always writes, also where a file
 * of that name exists: it may be torn from a crash, and rewriting it is what mends it.
 */
export async function writeLoose(fs: FileSystem, folder: string, objects: readonly EncodedObject[]): Promise<void> {
  const contents = objects.map(({ oid, type, data }) => ({
    path: loosePath(folder, oid),
    bytes: deflateSync(Buffer.concat([objectHeader(type, data.length), data]), { level: 1 }),
  }));
  const folders = new Set(contents.map(({ path }) => dirname(path)));
  // Made durable with all else below, by one sync of the folder that holds them.
  for (const each of folders) fs.mkdirSync(each, { recursive: true });
  await replaceFiles(fs, contents, 0o444);
  // The folder that holds them, too: another writer may have made one of them a moment ago and not synced it yet.
  if (objects.length > 0) folders.add(folder);
  // git takes a folder away when all in it lies in a pack as well, synced.
  await syncFolders(fs, folders);
}
