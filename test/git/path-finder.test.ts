import { expect, test } from "vitest";
import { encodeObject, type Oid, type ReadObject } from "../../src/git/objects.ts";
import { PathFinder } from "../../src/git/path-finder.ts";
import { editTree } from "../../src/git/tree-edit.ts";
import { findEntry } from "../../src/git/tree.ts";

const objects = new Map<Oid, { type: "tree" | "blob" | "commit" | "tag"; data: Buffer }>();
const asked: Oid[] = [];
const read: ReadObject = (oid) => {
  asked.push(oid);
  return objects.get(oid) ?? null;
};

/** A tree with blobs of these names; returns its id. */
function treeOf(files: Readonly<Record<string, string>>): Oid {
  const edited = editTree(
    read,
    null,
    new Map(Object.entries(files).map(([path, text]) => [path, encodeObject("blob", text).oid])),
  );
  for (const object of edited.objects) objects.set(object.oid, object);
  return edited.root ?? "";
}

test("finds in each tree what is in that tree, whatever was asked before", () => {
  const finder = new PathFinder();
  const trees = [
    treeOf({ "a/b/c": "1", "a/b/d": "2", "a/e": "3", f: "4" }),
    treeOf({ "a/b/c": "5", f: "6" }),
    treeOf({ a: "7" }),
    treeOf({ "a/b": "8" }),
  ];
  const paths = ["a/b/c", "a/b/d", "a/b", "a/e", "a", "f", "a/b/c/d", "x/y", "", "a/", "/a", "a//b"];
  for (const root of [...trees, ...trees.toReversed(), ...trees.flatMap((tree) => [tree, tree])]) {
    for (const path of [...paths, ...paths]) {
      expect(finder.find(read, root, path), `${path} of tree ${trees.indexOf(root)}`).toEqual(
        findEntry(read, root, path),
      );
    }
  }
});

test("passes the folders of a tree once", () => {
  const finder = new PathFinder();
  const root = treeOf({ "a/b/c": "1", "a/b/d": "2" });
  const folder = findEntry(read, root, "a/b")?.oid;
  finder.find(read, root, "a/b/c");
  asked.length = 0;
  finder.find(read, root, "a/b/d");
  expect(asked).toEqual([folder]);
});
