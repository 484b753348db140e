import { RuntreeError } from "../domain/errors.ts";
import { type EncodedObject, encodeObject, type Oid, type ReadObject } from "./objects.ts";

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

/** What is to become of a path: a file with this content, or nothing. */
export type TreeEdits = ReadonlyMap<string, Oid | null>;

/** Reads the entries of a tree's bytes, in git's order. Throws `corrupt_object` when they do not add up. */
export function parseTree(data: Buffer): TreeEntry[] {
  const entries: TreeEntry[] = [];
  for (let at = 0; at < data.length;) {
    const space = data.indexOf(0x20, at);
    const nul = data.indexOf(0, space);
    if (space < 0 || nul < 0 || nul + 21 > data.length) {
      throw new RuntreeError("corrupt_object", "A tree object is cut off; run `git fsck`.");
    }
    const name = data.toString("utf8", space + 1, nul);
    entries.push({
      mode: data.toString("latin1", at, space),
      name,
      oid: data.toString("hex", nul + 1, nul + 21),
      ...(name.includes("\ufffd") ? { raw: data.subarray(space + 1, nul) } : {}),
    });
    at = nul + 21;
  }
  return entries;
}

/** Tells whether an entry is a directory. */
export function isTree(entry: TreeEntry): boolean {
  return entry.mode === TREE_MODE;
}

/** git orders a directory as if its name ended in a slash. */
function sortKey(entry: TreeEntry): Buffer {
  return isTree(entry) ? Buffer.concat([nameBytes(entry), Buffer.from("/")]) : nameBytes(entry);
}

/** Tells entries of a tree apart, also where their names are not UTF-8 and read alike. */
function keyOf({ name, raw }: TreeEntry): string {
  return raw === undefined ? name : `\0${raw.toString("latin1")}`;
}

function nameBytes({ name, raw }: TreeEntry): Buffer {
  return raw ?? Buffer.from(name, "utf8");
}

/** Makes a tree's bytes from entries in any order. */
export function formatTree(entries: Iterable<TreeEntry>): Buffer {
  const keyed = Array.from(entries, (entry) => ({ entry, key: sortKey(entry) }));
  keyed.sort((left, right) => Buffer.compare(left.key, right.key));
  return Buffer.concat(
    keyed.flatMap(({ entry }) => [
      Buffer.from(`${entry.mode} `, "latin1"),
      nameBytes(entry),
      Buffer.from([0]),
      Buffer.from(entry.oid, "hex"),
    ]),
  );
}

/** The empty tree, which git reads without having it; `git fsck` wants it stored where a commit names it. */
export const EMPTY_TREE_OBJECT: EncodedObject = encodeObject("tree", Buffer.alloc(0));
export const EMPTY_TREE: Oid = EMPTY_TREE_OBJECT.oid;

/** The entries of a tree by id; none for null. Throws `corrupt_object` when the tree is missing or not a tree. */
export function readTree(read: ReadObject, oid: Oid | null): TreeEntry[] {
  if (oid === null || oid === EMPTY_TREE) return [];
  const object = read(oid);
  if (object?.type !== "tree") {
    throw new RuntreeError("corrupt_object", `Tree ${oid} is missing; run \`git fsck\`.`, { oid });
  }
  return parseTree(object.data);
}

/** Finds the entry at a path of a tree; null when there is none. */
export function findEntry(read: ReadObject, root: Oid | null, path: string): TreeEntry | null {
  const names = path.split("/");
  let entry: TreeEntry | undefined;
  let tree = root;
  for (const [depth, name] of names.entries()) {
    entry = readTree(read, tree).find((candidate) => candidate.name === name);
    if (entry === undefined) return null;
    if (depth < names.length - 1 && !isTree(entry)) return null;
    tree = entry.oid;
  }
  return entry ?? null;
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
  const olds = new Map(readTree(read, before).map((entry) => [keyOf(entry), entry]));
  for (const entry of readTree(read, after)) {
    const old = olds.get(keyOf(entry)) ?? null;
    olds.delete(keyOf(entry));
    if (old === null || old.oid !== entry.oid || old.mode !== entry.mode) {
      yield* diffEntry(read, prefix + entry.name, old, entry);
    }
  }
  for (const old of olds.values()) yield* diffEntry(read, prefix + old.name, old, null);
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

/**
 * Makes a tree from another by touching only the directories on the edited paths.
 * Directories that become empty disappear, as git has none. Returns the new root (null when nothing is left)
 * and the tree objects that must be written with it.
 */
export function editTree(
  read: ReadObject,
  root: Oid | null,
  edits: TreeEdits,
): { root: Oid | null; objects: EncodedObject[] } {
  const objects: EncodedObject[] = [];
  const edit = (tree: Oid | null, inside: Map<string, Oid | null>): Oid | null => {
    const entries = new Map(readTree(read, tree).map((entry) => [keyOf(entry), entry]));
    const folders = new Map<string, Map<string, Oid | null>>();
    for (const [path, oid] of inside) {
      const slash = path.indexOf("/");
      if (slash >= 0) {
        const folder = path.slice(0, slash);
        const within = folders.get(folder) ?? new Map<string, Oid | null>();
        folders.set(folder, within.set(path.slice(slash + 1), oid));
      } else if (oid === null) entries.delete(path);
      else entries.set(path, { mode: FILE_MODE, name: path, oid });
    }
    for (const [name, within] of folders) {
      const folder = entries.get(name);
      // Where a file stands, nothing lies below it that could be removed.
      if (folder !== undefined && !isTree(folder) && [...within.values()].every((oid) => oid === null)) continue;
      const oid = edit(folder !== undefined && isTree(folder) ? folder.oid : null, within);
      if (oid === null) entries.delete(name);
      else entries.set(name, { mode: TREE_MODE, name, oid });
    }
    if (entries.size === 0) return null;
    const object = encodeObject("tree", formatTree(entries.values()));
    if (object.oid !== tree) objects.push(object);
    return object.oid;
  };
  return { root: edit(root, new Map(edits)), objects };
}

/** The objects of a list that a tree needs, so that what was only a step on the way is not written. */
export function neededBy(root: Oid, objects: readonly EncodedObject[]): EncodedObject[] {
  const fresh = new Map(objects.map((object) => [object.oid, object]));
  const needed = new Map<Oid, EncodedObject>();
  const visit = (oid: Oid): void => {
    const object = fresh.get(oid);
    if (object === undefined || needed.has(oid)) return;
    needed.set(oid, object);
    if (object.type === "tree") for (const entry of parseTree(object.data)) visit(entry.oid);
  };
  visit(root);
  return [...needed.values()];
}
