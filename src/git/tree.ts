import { RuntreeError } from "../domain/errors.ts";
import { type EncodedObject, encodeObject, type Oid, type ReadObject } from "./objects.ts";
import {
  compareNames,
  corruptTree,
  differingEntries,
  entryEnd,
  ID_BYTES,
  isFileAt,
  isFolderAt,
  nameAt,
  orderedEntries,
} from "./tree-bytes.ts";
import { findName } from "./tree-lookup.ts";

/** The modes Runtree writes; git knows more (`120000` links, `160000` submodules, `100755` programs). */
export const FILE_MODE = "100644";
export const TREE_MODE = "40000";

export interface TreeEntry {
  /** As in the tree's bytes: `100644`, `40000`, … */
  readonly mode: string;
  readonly name: string;
  readonly oid: Oid;
  /** The name's bytes where they are not UTF-8, so that they survive an edit of a neighbour. */
  readonly raw?: Buffer;
}

/** A difference of one file between two trees; null where the file is absent. */
export interface FileChange {
  readonly path: string;
  readonly before: TreeEntry | null;
  readonly after: TreeEntry | null;
}

/**
 * Reads the entries of a tree's bytes, in git's order. Throws `corrupt_object` when they do not add up, are out of that
 * order, or have a name twice.
 */
export function parseTree(data: Buffer): TreeEntry[] {
  return orderedEntries(data).map((at) => entryAt(data, at));
}

/** The entry that begins at a place of a tree's bytes. */
export function entryAt(data: Buffer, at: number): TreeEntry {
  const { start, isFolder } = nameAt(data, at);
  const id = entryEnd(data, start) - ID_BYTES;
  const name = data.toString("utf8", start, id - 1);
  const oid = data.toString("hex", id, id + ID_BYTES);
  const mode = isFolder ? TREE_MODE : isFileAt(data, at) ? FILE_MODE : data.toString("latin1", at, start - 1);
  return name.includes("\ufffd") ? { mode, name, oid, raw: data.subarray(start, id - 1) } : { mode, name, oid };
}

/** Tells whether an entry is a directory. */
export function isTree(entry: TreeEntry): boolean {
  return entry.mode === TREE_MODE;
}

/** Tells entries of a tree apart, also where their names are not UTF-8 and read alike. */
function keyOf({ name, raw }: TreeEntry): string {
  return raw === undefined ? name : `\0${raw.toString("latin1")}`;
}

/** An entry's bytes. */
export function formatEntry({ mode, name, raw, oid }: TreeEntry): Buffer {
  const start = Buffer.from(`${mode} ${raw === undefined ? `${name}\0` : ""}`, "utf8");
  const id = Buffer.from(oid, "hex");
  return Buffer.concat(raw === undefined ? [start, id] : [start, raw, Buffer.from([0]), id]);
}

/** Makes a tree's bytes from entries in any order. */
export function formatTree(entries: Iterable<TreeEntry>): Buffer {
  const formatted = Array.from(entries, (entry) => nameAt(formatEntry(entry), 0));
  return Buffer.concat(formatted.sort(compareNames).map(({ data }) => data));
}

/** The empty tree, which git reads without having it; `git fsck` wants it stored where a commit names it. */
export const EMPTY_TREE_OBJECT: EncodedObject = encodeObject("tree", Buffer.alloc(0));
export const EMPTY_TREE: Oid = EMPTY_TREE_OBJECT.oid;

/** The bytes of a tree by id; none for null. Throws `corrupt_object` when the tree is missing or not a tree. */
export function treeBytes(read: ReadObject, oid: Oid | null): Buffer {
  if (oid === null || oid === EMPTY_TREE) return EMPTY_TREE_OBJECT.data;
  const object = read(oid);
  if (object?.type !== "tree") {
    throw new RuntreeError("corrupt_object", `Tree ${oid} is missing; run \`git fsck\`.`, { oid });
  }
  return object.data;
}

/** The entries of a tree by id; none for null. Throws `corrupt_object` when the tree is missing, damaged or not a tree. */
export function readTree(read: ReadObject, oid: Oid | null): TreeEntry[] {
  return parseTree(treeBytes(read, oid));
}

/** Finds the entry at a path of a tree; null when there is none. Throws `corrupt_object` as `readTree` does. */
export function findEntry(read: ReadObject, root: Oid | null, path: string): TreeEntry | null {
  const names = path.split("/");
  const last = names.pop() ?? "";
  let folder = root;
  for (const name of names) {
    const data = treeBytes(read, folder);
    const at = placeOf(data, name);
    if (at < 0 || !isFolderAt(data, at)) return null;
    const id = entryEnd(data, at) - ID_BYTES;
    folder = data.toString("hex", id, id + ID_BYTES);
  }
  const data = treeBytes(read, folder);
  const at = placeOf(data, last);
  return at < 0 ? null : entryAt(data, at);
}

function placeOf(data: Buffer, name: string): number {
  // What reads like this may be a name whose bytes are not UTF-8.
  if (name.includes("\ufffd")) return orderedEntries(data).find((at) => entryAt(data, at).name === name) ?? -1;
  return findName(data, Buffer.from(name, "utf8"));
}

/** Walks every file below a tree in git's order, with its whole path. */
export function* walkFiles(
  read: ReadObject,
  root: Oid | null,
  prefix = "",
): Generator<{ path: string; entry: TreeEntry }> {
  for (const entry of readTree(read, root)) {
    const path = prefix + entry.name;
    if (isTree(entry)) yield* walkFiles(read, entry.oid, `${path}/`);
    else yield { path, entry };
  }
}

/** Walks the files that differ between two trees, entering only directories whose ids differ. */
export function* diffTrees(
  read: ReadObject,
  before: Oid | null,
  after: Oid | null,
  prefix = "",
): Generator<FileChange> {
  if (before === after) return;
  const [oldBytes, newBytes] = [treeBytes(read, before), treeBytes(read, after)];
  const differing = differingEntries(oldBytes, newBytes);
  const olds = entriesByKey(oldBytes, differing.before);
  for (const [key, entry] of entriesByKey(newBytes, differing.after)) {
    const old = olds.get(key) ?? null;
    olds.delete(key);
    if (old === null || old.oid !== entry.oid || old.mode !== entry.mode) {
      yield* diffEntry(read, prefix + entry.name, old, entry);
    }
  }
  for (const old of olds.values()) yield* diffEntry(read, prefix + old.name, old, null);
}

/** Entries that begin at places of a tree. Throws `corrupt_object` when two have one name. */
function entriesByKey(data: Buffer, places: readonly number[]): Map<string, TreeEntry> {
  const entries = new Map<string, TreeEntry>();
  for (const at of places) {
    const entry = entryAt(data, at);
    if (entries.has(keyOf(entry))) throw corruptTree("has a name twice");
    entries.set(keyOf(entry), entry);
  }
  return entries;
}

function* diffEntry(
  read: ReadObject,
  path: string,
  before: TreeEntry | null,
  after: TreeEntry | null,
): Generator<FileChange> {
  const oldTree = before !== null && isTree(before) ? before.oid : null;
  const newTree = after !== null && isTree(after) ? after.oid : null;
  if (oldTree !== null || newTree !== null) yield* diffTrees(read, oldTree, newTree, `${path}/`);
  const oldFile = oldTree === null ? before : null;
  const newFile = newTree === null ? after : null;
  if (oldFile !== null || newFile !== null) yield { path, before: oldFile, after: newFile };
}
