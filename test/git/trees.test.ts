import { rmSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type EncodedObject, encodeObject, type Oid, type ReadObject } from "../../src/git/objects.ts";
import { applyDelta } from "../../src/git/pack.ts";
import { editFurther, editTree, type TreeEdits } from "../../src/git/tree-edit.ts";
import {
  diffTrees,
  FILE_MODE,
  findEntry,
  formatTree,
  parseTree,
  readTree,
  TREE_MODE,
  type TreeEntry,
  walkFiles,
} from "../../src/git/tree.ts";
import { blobs, emptyRepository, importBlobs, linesOf, openRepository, pipeGit, readerOf } from "./repositories.ts";

/** Names that sort around the slash, in other scripts, and beyond the BMP, where UTF-16 order is not the order of bytes. */
const NAMES = ["a", "a.b", "a-b", "a0", "a b", "A", "ab", "é", "e\u0301", "\uffee", "\u{1f9ec}", "0", "~"];
const CONTENTS = blobs(["one", "two", "three", "four"]);
const OIDS = CONTENTS.map(({ oid }) => oid);

const PATH = fc.array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 3 }).map((names) => names.join("/"));
const FILES = fc
  .dictionary(PATH, fc.constantFrom(...OIDS), { maxKeys: 14 })
  .map((files) => withoutClashes(Object.entries(files)));

/** Files of which none lies where another needs a folder. */
function withoutClashes<Value>(files: readonly (readonly [string, Value])[]): Map<string, Value> {
  const kept = new Map<string, Value>();
  for (const [path, value] of files) {
    if (![...kept.keys()].some((other) => other.startsWith(`${path}/`) || path.startsWith(`${other}/`)))
      kept.set(path, value);
  }
  return kept;
}

/** A repository of stock git's with the contents, and what it makes of lines for its index. */
function gitIndex(): { gitDir: string; writeTree: (lines: readonly string[]) => Oid } {
  const gitDir = emptyRepository();
  importBlobs(gitDir, CONTENTS);
  return {
    gitDir,
    writeTree: (lines) => {
      const env = { GIT_INDEX_FILE: `${gitDir}/index` };
      rmSync(env.GIT_INDEX_FILE, { force: true });
      pipeGit(gitDir, ["update-index", "-z", "--index-info"], {
        env,
        input: lines.map((line) => `${line}\0`).join(""),
      });
      return pipeGit(gitDir, ["write-tree"], { env }).toString().trim();
    },
  };
}

const added = ([path, oid]: readonly [string, Oid]): string => `100644 ${oid}\t${path}`;
const removed = (path: string): string => `0 ${"0".repeat(40)}\t${path}`;

/** A tree of ours with these files. */
function treeOf(files: TreeEdits): { root: Oid | null; objects: EncodedObject[] } {
  return editTree(readerOf([]), null, files);
}

const EMPTY = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

describe("a tree", () => {
  test("has the bytes that git mktree makes, in git's order", () => {
    const { gitDir, writeTree } = gitIndex();
    const folder = writeTree([added(["inside", OIDS[0] ?? ""])]);
    fc.assert(
      fc.property(fc.uniqueArray(fc.constantFrom(...NAMES)), fc.infiniteStream(fc.boolean()), (names, isFolder) => {
        const entries = names.map((name): TreeEntry => {
          return isFolder.next().value
            ? { mode: TREE_MODE, name, oid: folder }
            : { mode: FILE_MODE, name, oid: OIDS[1] ?? "" };
        });
        const lines = entries.map(({ mode, name, oid }) => {
          return mode === TREE_MODE ? `040000 tree ${oid}\t${name}\0` : `${mode} blob ${oid}\t${name}\0`;
        });
        const expected = pipeGit(gitDir, ["mktree", "-z"], { input: lines.join("") })
          .toString()
          .trim();
        const bytes = formatTree(entries);
        expect(encodeObject("tree", bytes).oid).toBe(expected);
        expect(new Set(parseTree(bytes))).toEqual(new Set(entries));
        expect(formatTree(parseTree(bytes))).toEqual(bytes);
      }),
      { numRuns: 60 },
    );
  });

  test("is listed as git ls-tree lists it, with every mode git knows", () => {
    const { gitDir, writeTree } = gitIndex();
    const [oid = ""] = OIDS;
    const commit = pipeGit(gitDir, ["commit-tree", EMPTY]).toString().trim();
    const root = writeTree([
      `100644 ${oid}\tfile`,
      `100755 ${oid}\tprogram`,
      `120000 ${oid}\tlink`,
      `160000 ${commit}\tmodule`,
      `100644 ${oid}\td/é`,
    ]);
    const listed = linesOf(pipeGit(gitDir, ["ls-tree", "-z", root]), "\0");
    const ours = readTree((wanted) => openRepository(gitDir).read(wanted), root);
    const types: Record<string, string> = { "40000": "040000 tree", "160000": "160000 commit" };
    expect(ours.map(({ mode, name, oid }) => `${types[mode] ?? `${mode} blob`} ${oid}\t${name}`)).toEqual(listed);
  });

  test("whose bytes are cut anywhere but between entries is a corrupt object", () => {
    const bytes = formatTree(["a", "b"].map((name) => ({ mode: FILE_MODE, name, oid: OIDS[0] ?? "" })));
    for (let length = 1; length < bytes.length; length++) {
      if (length === bytes.length / 2) continue;
      expect(() => parseTree(bytes.subarray(0, length))).toThrow(expect.objectContaining({ code: "corrupt_object" }));
    }
  });

  test("that is missing, or no tree, is a corrupt object", () => {
    for (const oid of ["1".repeat(40), OIDS[0] ?? ""]) {
      expect(() => readTree(readerOf(CONTENTS), oid)).toThrow(expect.objectContaining({ code: "corrupt_object" }));
    }
  });

  test("that is empty is known without being stored, as git knows it", () => {
    expect(readTree((oid) => openRepository(emptyRepository()).read(oid), EMPTY)).toEqual([]);
  });

  test("with names that are not UTF-8 keeps each name's bytes when their neighbour is edited", () => {
    const { gitDir } = gitIndex();
    const [oid = "", other = ""] = OIDS;
    const treeWith = (last: Oid): Oid => {
      const names = [
        ["caf\xe9", oid],
        ["caf\xe8", other],
        ["z", last],
      ] as const;
      const lines = names.map(([name, content]) => Buffer.from(`100644 blob ${content}\t${name}\0`, "latin1"));
      return pipeGit(gitDir, ["mktree", "-z"], { input: Buffer.concat(lines) })
        .toString()
        .trim();
    };
    const repository = openRepository(gitDir);
    const edited = editTree((wanted) => repository.read(wanted), treeWith(oid), new Map([["z", other]]));
    expect(edited.root).toBe(treeWith(other));
  });
});

describe("editing a tree", () => {
  test("gives the tree that git builds from the same files, folders that become empty included", () => {
    const { writeTree } = gitIndex();
    fc.assert(
      fc.property(FILES, FILES, fc.infiniteStream(fc.nat(2)), (before, after, dice) => {
        const deletions = [...before.keys()].filter((path) => !after.has(path) && dice.next().value === 0);
        const absent = [...after.keys()].map((path) => `${path}x`).filter(() => dice.next().value === 0);
        const clashing = [...before.keys()].filter((path) => clashes(path, after));
        const edits: TreeEdits = new Map<string, Oid | null>([
          ...[...deletions, ...absent, ...clashing].map((path) => [path, null] as const),
          ...after,
        ]);
        const base = treeOf(before);
        expect(base.root ?? EMPTY).toBe(writeTree([...before].map(added)));
        const edited = editTree(readerOf(base.objects), base.root, edits);
        const lines = [...[...before].map(added), ...[...edits.keys()].map(removed), ...[...after].map(added)];
        expect(edited.root ?? EMPTY).toBe(writeTree(lines));
        const read = readerOf([...base.objects, ...edited.objects]);
        const kept = [...before].filter(([path]) => !edits.has(path));
        const files = [...walkFiles(read, edited.root)].map(({ path, entry }) => [path, entry.oid] as const);
        expect(new Map(files)).toEqual(new Map([...kept, ...after]));
      }),
      { numRuns: 80 },
    );
  });

  test("gives the same tree step by step as at once, and the delta that was made on the way, however long the folder", () => {
    // Names are told apart by their beginnings, so that new ones come before, between and behind those that are there.
    const nameOf = (number: number): string => `${String(number).padStart(4, "0")}-a-name-of-some-length`;
    const step = fc.array(fc.tuple(fc.nat(400).map(nameOf), fc.option(fc.constantFrom(...OIDS))), {
      minLength: 1,
      maxLength: 3,
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 150, maxLength: 300 }), (steps) => {
        const [oid = ""] = OIDS;
        const files = new Map(Array.from({ length: 100 }, (_, number) => [nameOf(number * 4), oid]));
        const { root, objects } = treeOf(files);
        const known = new Map(objects.map((object) => [object.oid, object]));
        const read: ReadObject = (wanted) => known.get(wanted) ?? null;
        let tip = root;
        for (const step of steps) {
          const edits = new Map(step);
          const edited = editTree(read, tip, edits);
          const isSame = edited.objects.every(
            ({ base, delta, data }) =>
              delta === undefined || applyDelta(read(base ?? "")?.data ?? Buffer.alloc(0), delta).equals(data),
          );
          expect(isSame).toBe(true);
          for (const object of edited.objects) if (!known.has(object.oid)) known.set(object.oid, object);
          tip = edited.root;
          for (const [name, now] of edits) {
            if (now === null) files.delete(name);
            else files.set(name, now);
          }
        }
        expect(tip).toBe(treeOf(files).root);
      }),
      { numRuns: 10 },
    );
  });

  test("makes no object where nothing changes, and only those on the way where something does", () => {
    const [oid = "", other = ""] = OIDS;
    const base = treeOf(
      new Map([
        ["a/b/c", oid],
        ["a/d", oid],
        ["e/f", oid],
      ]),
    );
    const read = readerOf(base.objects);
    expect(
      editTree(
        read,
        base.root,
        new Map([
          ["a/d", oid],
          ["nowhere", null],
        ]),
      ),
    ).toMatchObject({ root: base.root, objects: [] });
    expect(editTree(read, base.root, new Map([["e/f", other]])).objects).toHaveLength(2);
  });

  test("tells what the files were that others took the place of", () => {
    const [oid = "", other = ""] = OIDS;
    const base = treeOf(new Map([["a/b", oid]]));
    const read = readerOf(base.objects);
    expect(editTree(read, base.root, new Map([["a/b", other]])).replaced).toEqual(new Map([[other, oid]]));
    expect(editTree(read, base.root, new Map([["a/c", other]])).replaced).toEqual(new Map());
    expect(editTree(read, base.root, new Map([["a", other]])).replaced).toEqual(new Map());
  });

  test("takes a whole folder away with the last file in it", () => {
    const [oid = ""] = OIDS;
    const base = treeOf(new Map([["a/b/c", oid]]));
    const { root, objects } = editTree(readerOf(base.objects), base.root, new Map([["a/b/c", null]]));
    expect({ root, objects }).toEqual({ root: null, objects: [] });
  });

  test("puts a folder where a file was", () => {
    const [oid = ""] = OIDS;
    const base = treeOf(new Map([["a", oid]]));
    const edited = editTree(
      readerOf(base.objects),
      base.root,
      new Map([
        ["a", null],
        ["a/b", oid],
      ]),
    );
    expect(edited.root).toBe(treeOf(new Map([["a/b", oid]])).root);
  });

  test("puts a file where a folder was, in whatever order the edits come", () => {
    const [oid = ""] = OIDS;
    const base = treeOf(new Map([["a/b", oid]]));
    const edits: [string, Oid | null][] = [
      ["a", oid],
      ["a/b", null],
    ];
    for (const ordered of [edits, edits.toReversed()]) {
      expect(editTree(readerOf(base.objects), base.root, new Map(ordered)).root).toBe(
        treeOf(new Map([["a", oid]])).root,
      );
    }
  });

  test("leaves a file alone when something below its path is deleted", () => {
    const [oid = ""] = OIDS;
    const base = treeOf(new Map([["a", oid]]));
    expect(editTree(readerOf(base.objects), base.root, new Map([["a/b", null]])).root).toBe(base.root);
  });
});

describe("the base of a tree", () => {
  const [oid = "", other = "", third = ""] = OIDS;
  const files = new Map([
    ["a/b", oid],
    ["c", oid],
  ]);

  test("is the tree that it was edited from, and a new tree has none", () => {
    const first = treeOf(files);
    expect(first.objects.map(({ base }) => base)).toEqual([undefined, undefined]);
    const read = readerOf(first.objects);
    const second = editTree(read, first.root, new Map([["a/b", other]]));
    const folder = findEntry(read, first.root, "a")?.oid;
    expect(second.objects.map(({ base }) => base)).toEqual([folder, first.root]);
  });

  test("is not a root that was only a step and is never written, but what that was made from", () => {
    const first = treeOf(files);
    const read = readerOf(first.objects);
    const step = editTree(read, first.root, new Map([["a/b", other]]));
    const last = editFurther(read, { root: step.root ?? "", objects: step.objects }, new Map([["c", third]]));
    const whole = editTree(
      read,
      first.root,
      new Map([
        ["a/b", other],
        ["c", third],
      ]),
    );
    expect([last.root, new Set(last.objects)]).toEqual([whole.root, new Set(whole.objects)]);
  });

  test("is none where an edit was taken back", () => {
    const first = treeOf(files);
    const read = readerOf(first.objects);
    const there = editTree(read, first.root, new Map([["c", other]]));
    const back = editFurther(read, { root: there.root ?? "", objects: there.objects }, new Map([["c", oid]]));
    expect(back.root).toBe(first.root);
    expect(back.objects.map((object) => [object.oid, object.base])).toEqual([[first.root, undefined]]);
  });
});

function clashes(path: string, files: ReadonlyMap<string, unknown>): boolean {
  return [...files.keys()].some((other) => other.startsWith(`${path}/`) || path.startsWith(`${other}/`));
}

const MODES = ["100644", "100755", "120000"];

describe("the difference of two trees", () => {
  test("is what git diff-tree -r finds, file by file and with modes", () => {
    const { gitDir, writeTree } = gitIndex();
    const files = FILES.chain((found) =>
      fc.array(fc.constantFrom(...MODES), { minLength: found.size, maxLength: found.size }).map((modes) => {
        return [...found].map(([path, oid], index) => `${modes[index]} ${oid}\t${path}`);
      }),
    );
    fc.assert(
      fc.property(files, files, (before, after) => {
        const [left, right] = [writeTree(before), writeTree(after)];
        const repository = openRepository(gitDir);
        const read: ReadObject = (oid) => repository.read(oid);
        const ours = [...diffTrees(read, rootOf(left), rootOf(right))].map(({ path, before, after }) => {
          const side = (entry: TreeEntry | null): string[] => [entry?.mode ?? "000000", entry?.oid ?? "0".repeat(40)];
          const [[oldMode, oldOid], [newMode, newOid]] = [side(before), side(after)];
          return `${oldMode} ${newMode} ${oldOid} ${newOid} ${path}`;
        });
        expect(ours.sort()).toEqual(diffByGit(gitDir, left, right).sort());
        const walked = [...walkFiles(read, rootOf(left))].map(
          ({ path, entry }) => `${entry.mode} blob ${entry.oid}\t${path}`,
        );
        expect(walked).toEqual(linesOf(pipeGit(gitDir, ["ls-tree", "-r", "-z", left]), "\0"));
      }),
      { numRuns: 50 },
    );
  });

  test("enters only folders that differ", () => {
    const [oid = "", other = ""] = OIDS;
    const base = treeOf(
      new Map([
        ["same/deep/file", oid],
        ["other/file", oid],
      ]),
    );
    const edited = editTree(readerOf(base.objects), base.root, new Map([["other/file", other]]));
    const read = readerOf([...base.objects, ...edited.objects]);
    const same = findEntry(read, base.root, "same")?.oid;
    const reads: Oid[] = [];
    const changes = [...diffTrees((oid) => (reads.push(oid), read(oid)), base.root, edited.root)];
    expect(changes.map(({ path }) => path)).toEqual(["other/file"]);
    expect(reads).toHaveLength(4);
    expect(reads).not.toContain(same);
  });
});

/** Our word for git's empty root is null. */
function rootOf(tree: Oid): Oid | null {
  return tree === EMPTY ? null : tree;
}

/** `git diff-tree -r` as lines of both modes, both ids and the path. */
function diffByGit(gitDir: string, left: Oid, right: Oid): string[] {
  const printed = linesOf(
    pipeGit(gitDir, ["diff-tree", "-r", "-z", "--no-renames", "--full-index", left, right]),
    "\0",
  );
  return printed.flatMap((line, index) => {
    if (index % 2 === 1) return [];
    const [oldMode = "", newMode, oldOid, newOid] = line.slice(1).split(" ");
    return [`${oldMode} ${newMode} ${oldOid} ${newOid} ${printed[index + 1]}`];
  });
}

describe("finding a path", () => {
  test("gives what git ls-tree names there, and null elsewhere", () => {
    const [oid = ""] = OIDS;
    const { root, objects } = treeOf(
      new Map([
        ["a/b", oid],
        ["a.b", oid],
        ["a0", oid],
      ]),
    );
    const read = readerOf(objects);
    expect(findEntry(read, root, "a/b")).toEqual({ mode: FILE_MODE, name: "b", oid });
    expect(findEntry(read, root, "a")?.mode).toBe(TREE_MODE);
    for (const path of ["b", "a/c", "a/b/c", "a.b/c", "", "a/", "/a"]) expect(findEntry(read, root, path)).toBeNull();
    expect(findEntry(read, null, "a")).toBeNull();
  });
});
