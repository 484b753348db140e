import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeObject, hashObject, type Oid, type ReadObject } from "../../src/git/objects.ts";
import { editFurther, editTree } from "../../src/git/tree-edit.ts";
import {
  diffTrees,
  FILE_MODE,
  findEntry,
  formatTree,
  parseTree,
  readTree,
  TREE_MODE,
  walkFiles,
} from "../../src/git/tree.ts";
import { holds } from "./runs.ts";

/** What the trees are held against: folders as maps. Names are strings of bytes, so that they need not be UTF-8. */
type Folder = Map<string, File | Folder>;
type File = { readonly mode: string; readonly oid: Oid };

const bytesOf = (text: string): string => Buffer.from(text, "utf8").toString("latin1");
const textOf = (bytes: string): string => Buffer.from(bytes, "latin1").toString("utf8");

/** Names that sort around the slash and each other, with spaces, digits as of modes, other scripts, and the sign for what is not UTF-8. */
const TEXTS = ["a", "a.b", "a-b", "a0", "a b", "b", "ab", "aa", "é", "\uffee", "\u{1f9ec}", "0", "100644 a", "\ufffd"];
const NAMES = [...TEXTS.map(bytesOf), "caf\xe9", "caf\xe8", "\xff"];
const OIDS = [
  "00".repeat(20),
  "ff".repeat(20),
  "20".repeat(20),
  "61003130303634206100".repeat(2),
  hashObject("blob", Buffer.alloc(0)),
];

const file = fc.record({
  mode: fc.constantFrom(FILE_MODE, FILE_MODE, "100755", "120000", "160000"),
  oid: fc.constantFrom(...OIDS),
});
const { folder } = fc.letrec<{ folder: Folder; entry: File | Folder }>((tie) => ({
  folder: fc
    .uniqueArray(fc.tuple(fc.constantFrom(...NAMES), tie("entry")), { maxLength: 9, selector: ([name]) => name })
    .map((entries) => new Map(entries)),
  entry: fc.oneof({ maxDepth: 3, depthSize: "small", withCrossShrink: true }, file, tie("folder")),
}));
const path = fc.array(fc.constantFrom(...TEXTS), { minLength: 1, maxLength: 3 }).map((names) => names.join("/"));
const edits = fc
  .array(fc.tuple(path, fc.option(fc.constantFrom(...OIDS))), { maxLength: 6 })
  .map((pairs) => new Map<string, Oid | null>(pairs));

/** Trees kept in memory. */
class Shelf {
  readonly #trees = new Map<Oid, Buffer>();
  readonly read: ReadObject = (oid) => {
    const data = this.#trees.get(oid);
    return data === undefined ? null : { type: "tree", data };
  };

  put(data: Buffer): Oid {
    const { oid } = encodeObject("tree", data);
    this.#trees.set(oid, data);
    return oid;
  }

  /** Writes a folder; null when there is no file in it, as git has no empty folders. */
  write(folder: Folder): Oid | null {
    const entries = [...folder].flatMap(([name, entry]) => {
      const { mode, oid } = entry instanceof Map ? { mode: TREE_MODE, oid: this.write(entry) } : entry;
      return oid === null ? [] : [{ key: mode === TREE_MODE ? `${name}/` : name, mode, name, oid }];
    });
    // One character is one byte, so this is the order of bytes.
    entries.sort((left, right) => (left.key < right.key ? -1 : 1));
    if (entries.length === 0) return null;
    return this.put(Buffer.concat(entries.map(({ mode, name, oid }) => rawEntry(mode, name, oid))));
  }
}

function rawEntry(mode: string, name: string, oid: Oid): Buffer {
  return Buffer.concat([Buffer.from(`${mode} ${name}\0`, "latin1"), Buffer.from(oid, "hex")]);
}

/** The files in a folder by the bytes of their paths. */
function filesIn(folder: Folder, prefix = ""): Map<string, File> {
  const files = [...folder].flatMap(([name, entry]): [string, File][] =>
    entry instanceof Map ? [...filesIn(entry, `${prefix}${name}/`)] : [[prefix + name, entry]],
  );
  return new Map(files);
}

/** What editing is to do, one name after another: files first, then what lies below folders. */
function edited(folder: Folder, edits: ReadonlyMap<string, Oid | null>): Folder {
  const result = new Map(folder);
  const below = new Map<string, Map<string, Oid | null>>();
  for (const [path, oid] of edits) {
    const [first = "", ...rest] = path.split("/");
    const name = bytesOf(first);
    if (rest.length > 0) below.set(name, new Map([...(below.get(name) ?? []), [rest.join("/"), oid]]));
    else if (oid === null) result.delete(name);
    else result.set(name, { mode: FILE_MODE, oid });
  }
  for (const [name, inside] of below) {
    const there = result.get(name);
    if (there !== undefined && !(there instanceof Map) && [...inside.values()].every((oid) => oid === null)) continue;
    const made = edited(there instanceof Map ? there : new Map(), inside);
    if (filesIn(made).size === 0) result.delete(name);
    else result.set(name, made);
  }
  return result;
}

const corrupt: unknown = expect.objectContaining({ code: "corrupt_object" });

test("an edited tree is the one that is made from the edited files, and names the tree it was made from", () => {
  holds(fc.tuple(folder, edits), ([before, edits]) => {
    const shelf = new Shelf();
    const root = shelf.write(before);
    const result = editTree(shelf.read, root, edits);
    const untouched = new Shelf();
    expect(result.root).toBe(untouched.write(edited(before, edits)));
    for (const { oid, data, base } of result.objects) {
      expect(encodeObject("tree", data).oid).toBe(oid);
      expect(untouched.read(oid)?.data).toEqual(data);
      expect(base).not.toBe(oid);
      if (base !== undefined) expect(shelf.read(base)).not.toBeNull();
    }
    if (result.root !== null && result.root !== root)
      expect(result.objects.find(({ oid }) => oid === result.root)?.base).toBe(root ?? undefined);
    if (result.root === null) return;
    const read: ReadObject = (oid) => result.objects.find((object) => object.oid === oid) ?? shelf.read(oid);
    const further = editFurther(
      read,
      { root: result.root, objects: result.objects },
      new Map([["~last", OIDS[0] ?? ""]]),
    );
    const whole = editTree(shelf.read, root, new Map([...edits, ["~last", OIDS[0] ?? ""]]));
    expect(further.root).toBe(whole.root);
    expect(new Set(further.objects)).toEqual(new Set(whole.objects));
  });
});

test("the files that differ are those that are not the same in both", () => {
  const pair = fc.oneof(
    fc.tuple(folder, folder),
    fc.tuple(folder, edits).map(([before, edits]) => [before, edited(before, edits)] as const),
  );
  holds(pair, ([before, after]) => {
    const shelf = new Shelf();
    const [olds, news] = [filesIn(before), filesIn(after)];
    const expected = [...new Set([...olds.keys(), ...news.keys()])]
      .map((path) => [textOf(path), olds.get(path) ?? null, news.get(path) ?? null] as const)
      .filter(([, old, now]) => old?.oid !== now?.oid || old?.mode !== now?.mode);
    const found = Array.from(diffTrees(shelf.read, shelf.write(before), shelf.write(after)), (change) => {
      const [old, now] = [change.before, change.after].map((entry) => entry && { mode: entry.mode, oid: entry.oid });
      return [change.path, old ?? null, now ?? null] as const;
    });
    const lines = (changes: readonly unknown[]): string[] => changes.map((change) => JSON.stringify(change)).sort();
    expect(lines(found)).toEqual(lines(expected));
  });
});

test("an entry is found exactly where there is one, and every file is walked in git's order", () => {
  holds(fc.tuple(folder, path), ([files, path]) => {
    const shelf = new Shelf();
    const root = shelf.write(files);
    let there: File | Folder | undefined = files;
    for (const name of path.split("/")) {
      // What is not UTF-8 reads as the sign for it; the first entry that reads like the name is taken.
      const alike: [string, File | Folder][] =
        there instanceof Map ? [...there].filter(([bytes]) => textOf(bytes) === name) : [];
      fc.pre(alike.length < 2);
      there = alike[0]?.[1];
    }
    const absent = there === undefined || (there instanceof Map && filesIn(there).size === 0);
    const found = findEntry(shelf.read, root, path);
    if (absent || there === undefined) expect(found).toBeNull();
    else if (there instanceof Map) expect(found).toMatchObject({ mode: TREE_MODE, oid: shelf.write(there) });
    else expect(found).toMatchObject(there);
    const walked = Array.from(walkFiles(shelf.read, root), ({ path, entry }) => `${path} ${entry.mode} ${entry.oid}`);
    const expected = Array.from(filesIn(files), ([path, { mode, oid }]) => `${textOf(path)} ${mode} ${oid}`);
    expect(walked.toSorted()).toEqual(expected.sort());
    expect(formatTree(readTree(shelf.read, root).toReversed())).toEqual(
      root === null ? Buffer.alloc(0) : shelf.read(root)?.data,
    );
  });
});

/** A tree's entries as bytes. */
function entriesOf(shelf: Shelf, root: Oid | null): Buffer[] {
  return readTree(shelf.read, root).map(({ mode, name, raw, oid }) =>
    rawEntry(mode, raw?.toString("latin1") ?? bytesOf(name), oid),
  );
}

test("a tree that is cut off is a corrupt object, whatever is asked of it", () => {
  holds(fc.tuple(folder, fc.nat(), path), ([files, dice, path]) => {
    const shelf = new Shelf();
    const whole = shelf.write(files);
    const entries = entriesOf(shelf, whole);
    const bytes = Buffer.concat(entries);
    const ends = entries.map((_, index) => Buffer.concat(entries.slice(0, index + 1)).length);
    const length = dice % (bytes.length + 1);
    fc.pre(length > 0 && !ends.includes(length));
    const cut = shelf.put(bytes.subarray(0, length));
    expect(() => parseTree(bytes.subarray(0, length))).toThrow(corrupt);
    expect(() => findEntry(shelf.read, cut, path)).toThrow(corrupt);
    expect(() => editTree(shelf.read, cut, new Map([[path, OIDS[0] ?? ""]]))).toThrow(corrupt);
    expect(() => [...diffTrees(shelf.read, cut, null)]).toThrow(corrupt);
    expect(() => [
      ...diffTrees(
        shelf.read,
        shelf.put(Buffer.concat([rawEntry(FILE_MODE, "!", OIDS[1] ?? ""), bytes.subarray(0, length)])),
        cut,
      ),
    ]).toThrow(corrupt);
  });
});

test("a tree that has a name twice, or is out of order, is a corrupt object", () => {
  holds(fc.tuple(folder, file, fc.nat()), ([files, other, dice]) => {
    const shelf = new Shelf();
    const root = shelf.write(files);
    const entries = entriesOf(shelf, root);
    fc.pre(entries.length > 0);
    const at = dice % entries.length;
    const { name, raw, mode } = readTree(shelf.read, root)[at] ?? { name: "", mode: "" };
    const twin = rawEntry(mode === TREE_MODE ? mode : other.mode, raw?.toString("latin1") ?? bytesOf(name), other.oid);
    const twice = shelf.put(Buffer.concat(entries.toSpliced(at, 0, twin)));
    expect(() => readTree(shelf.read, twice)).toThrow(corrupt);
    expect(() => findEntry(shelf.read, twice, name)).toThrow(corrupt);
    expect(() => [...diffTrees(shelf.read, null, twice)]).toThrow(corrupt);
    if (entries.length === 1) return;
    const turned = shelf.put(Buffer.concat(entries.toReversed()));
    expect(() => readTree(shelf.read, turned)).toThrow(corrupt);
  });
});
