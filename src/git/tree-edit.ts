import { spliceDelta } from "./delta.ts";
import { type EncodedObject, encodeObject, type Oid, type ReadObject } from "./objects.ts";
import { compareNames, corruptTree, entryEnd, ID_BYTES, isFileAt, isFolderAt, locateNames } from "./tree-bytes.ts";
import { findName, isNoted, noteEdited, placeOfNew } from "./tree-lookup.ts";
import { EMPTY_TREE, entryAt, FILE_MODE, formatEntry, isTree, TREE_MODE, treeBytes, type TreeEntry } from "./tree.ts";

/** What is to become of a path: a file with this content, or nothing. */
export type TreeEdits = ReadonlyMap<string, Oid | null>;

/** What is to become of one name of a directory: of the file there, and of what lies below the directory there. */
interface NameEdits {
  file?: Oid | null;
  below?: Map<string, Oid | null>;
}

function editsByName(edits: TreeEdits): Map<string, NameEdits> {
  const byName = new Map<string, NameEdits>();
  for (const [path, oid] of edits) {
    const slash = path.indexOf("/");
    const name = slash < 0 ? path : path.slice(0, slash);
    const found = byName.get(name) ?? {};
    byName.set(name, found);
    if (slash < 0) found.file = oid;
    else (found.below ??= new Map()).set(path.slice(slash + 1), oid);
  }
  return byName;
}

/** Edits entries in a directory's bytes, and returns the pieces of what it becomes: each name's entry, null where there is none, becomes what `edit` returns. */
function editEntries(
  data: Buffer,
  names: Iterable<string>,
  edit: (old: TreeEntry | null, name: string) => TreeEntry | null,
): Buffer[] {
  const edited = Array.from(names, (text): { text: string; entry: TreeEntry | null } => ({ text, entry: null }));
  // A name has two places, as git orders a directory otherwise than a file.
  const places = edited.flatMap((name) => {
    const bytes = Buffer.from(`${name.text}\0`, "utf8");
    return [
      { name, data: bytes, start: 0, isFolder: false },
      { name, data: bytes, start: 0, isFolder: true },
    ];
  });
  const located = locateNames(data, places.sort(compareNames));
  for (const { place, start, end } of located) {
    if (start === end) continue;
    if (place.name.entry !== null) throw corruptTree("has a name twice");
    place.name.entry = entryAt(data, start);
  }
  for (const name of edited) name.entry = edit(name.entry, name.text);
  const pieces: Buffer[] = [];
  let kept = 0;
  for (const { place, start, end } of located) {
    const { entry } = place.name;
    if (start > kept) pieces.push(data.subarray(kept, start));
    if (entry !== null && isTree(entry) === place.isFolder) pieces.push(formatEntry(entry));
    kept = end;
  }
  if (kept < data.length) pieces.push(data.subarray(kept));
  return pieces;
}

const NOTHING = Buffer.alloc(0);

/** What stays of a directory before and behind an edit, and what comes in between. */
type InPlace = readonly [head: Buffer, middle: Buffer, tail: Buffer];

function deltaOf(base: Buffer, [head, middle, tail]: InPlace): Buffer {
  return spliceDelta(base.length, head.length, middle, tail.length);
}

/**
 * Makes a tree from another by touching only the directories on the edited paths.
 * Directories that become empty disappear, as git has none. Returns the new root (null when nothing is left), the tree
 * objects that must be written with it, and what each new file that took another's place took it from, by id.
 * Throws `corrupt_object` as `readTree` does.
 */
export function editTree(
  read: ReadObject,
  root: Oid | null,
  edits: TreeEdits,
): { root: Oid | null; objects: EncodedObject[]; replaced: Map<Oid, Oid> } {
  const objects: EncodedObject[] = [];
  const replaced = new Map<Oid, Oid>();
  const editEntry = (old: TreeEntry | null, name: string, { file, below }: NameEdits): TreeEntry | null => {
    const oldOrFile = file === null ? null : file === undefined ? old : { mode: FILE_MODE, name, oid: file };
    if (below === undefined) return oldOrFile;
    const folder = oldOrFile !== null && isTree(oldOrFile) ? oldOrFile.oid : null;
    // Where a file stands, nothing lies below it that could be removed.
    if (oldOrFile !== null && folder === null && [...below.values()].every((oid) => oid === null)) return oldOrFile;
    const oid = editFolder(folder, below);
    return oid === null ? null : { mode: TREE_MODE, name, oid };
  };
  /** One entry that stays what it is, a file or a directory, under another id, as most edits are on every level; or a new file among files. */
  const editInPlace = (data: Buffer, name: string, { file, below }: NameEdits): InPlace | null => {
    if (name.includes("\ufffd")) return null;
    const bytes = Buffer.from(name, "utf8");
    const at = findName(data, bytes);
    if (at < 0 && below === undefined && file != null) {
      const place = placeOfNew(data, bytes);
      if (place === null) return null;
      return [data.subarray(0, place), formatEntry({ mode: FILE_MODE, name, oid: file }), data.subarray(place)];
    }
    const stays = at >= 0 && (below === undefined ? isFileAt(data, at) : file === undefined && isFolderAt(data, at));
    if (!stays) return null;
    const end = entryEnd(data, at);
    const old = data.toString("hex", end - ID_BYTES, end);
    const oid = below === undefined ? (file ?? null) : editFolder(old, below);
    if (below === undefined && oid !== null) replaced.set(oid, old);
    return oid === null
      ? [data.subarray(0, at), NOTHING, data.subarray(end)]
      : [data.subarray(0, end - ID_BYTES), Buffer.from(oid, "hex"), data.subarray(end)];
  };
  /** Files that are there under other ids, several at once, where that takes no passing of the directory; null where it does. */
  const replaceFiles = (data: Buffer, names: ReadonlyMap<string, NameEdits>): Buffer[] | null => {
    if (names.size < 2 || !isNoted(data)) return null;
    const ids: { start: number; oid: Oid }[] = [];
    for (const [name, { file, below }] of names) {
      const at = name.includes("\ufffd") ? -1 : findName(data, Buffer.from(name, "utf8"));
      if (at < 0 || below !== undefined || file == null || !isFileAt(data, at)) return null;
      ids.push({ start: entryEnd(data, at) - ID_BYTES, oid: file });
    }
    const pieces: Buffer[] = [];
    let kept = 0;
    for (const { start, oid } of ids.sort((left, right) => left.start - right.start)) {
      const old = data.toString("hex", start, start + ID_BYTES);
      if (old !== oid) replaced.set(oid, old);
      pieces.push(data.subarray(kept, start), Buffer.from(oid, "hex"));
      kept = start + ID_BYTES;
    }
    return [...pieces, data.subarray(kept)];
  };
  const editFolder = (tree: Oid | null, inside: TreeEdits): Oid | null => {
    const names = editsByName(inside);
    const bytes = treeBytes(read, tree);
    const [[only = "", edit] = []] = names;
    const inPlace = names.size === 1 && edit !== undefined ? editInPlace(bytes, only, edit) : null;
    const replacing = inPlace === null ? replaceFiles(bytes, names) : null;
    const pieces =
      inPlace ??
      replacing ??
      editEntries(bytes, names.keys(), (old, name) => editEntry(old, name, names.get(name) ?? {}));
    if (pieces.every(({ length }) => length === 0)) return null;
    const object = encodeObject("tree", pieces);
    if (object.oid === tree) return tree;
    if (inPlace !== null || replacing !== null) noteEdited(bytes, object.data, inPlace?.[0].length ?? 0);
    if (tree === null || tree === EMPTY_TREE) objects.push(object);
    else objects.push({ ...object, base: tree, ...(inPlace === null ? {} : { delta: deltaOf(bytes, inPlace) }) });
    return object.oid;
  };
  return { root: editFolder(root, edits), objects, replaced };
}

/**
 * Edits a tree that is not written yet, outside of the directories in which it was edited itself. Its root was only a
 * step on the way and is left out; `objects` are those that the new tree needs, the step's among them.
 */
export function editFurther(
  read: ReadObject,
  step: { readonly root: Oid; readonly objects: readonly EncodedObject[] },
  edits: TreeEdits,
): { root: Oid; objects: EncodedObject[]; replaced: ReadonlyMap<Oid, Oid> } {
  const fresh = new Map(step.objects.map((object) => [object.oid, object]));
  const { root, objects, replaced } = editTree((oid) => fresh.get(oid) ?? read(oid), step.root, edits);
  if (root === step.root) return { root, objects: [...step.objects], replaced };
  const passed = fresh.get(step.root);
  const kept = step.objects.filter((object) => object !== passed);
  const made = objects.map((object) => {
    if (passed === undefined || object.base !== passed.oid) return object;
    const { oid, type, data } = object;
    const { base } = passed;
    return base === undefined || base === oid ? { oid, type, data } : { oid, type, data, base };
  });
  return { root: root ?? EMPTY_TREE, objects: [...kept, ...made], replaced };
}
