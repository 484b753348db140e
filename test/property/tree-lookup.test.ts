import fc from "fast-check";
import { expect, test } from "vitest";
import { FILE_MODE, formatTree, TREE_MODE, type TreeEntry } from "../../src/git/tree.ts";
import { entryEnd } from "../../src/git/tree-bytes.ts";
import { findName } from "../../src/git/tree-lookup.ts";
import { holds } from "./runs.ts";

/** Names that begin alike and sort around the slash; so many that a tree of them is asked by halving. */
const name = fc.string({ unit: fc.constantFrom("a", "b", "-", ".", "0", " ", "é"), minLength: 1, maxLength: 5 });
const names = fc.uniqueArray(name, { minLength: 45, maxLength: 90 });
const MODES = { files: [FILE_MODE, "100755"], folders: [TREE_MODE], both: [FILE_MODE, TREE_MODE] };
const kind = fc.constantFrom(...(Object.keys(MODES) as (keyof typeof MODES)[]));

/** All names asked this often are more looks than there are before a tree is halved; one name alone must be asked more often. */
const OFTEN = 8;
const OFTEN_ALONE = 80;

function entry(name: string, mode: string): TreeEntry {
  return { mode, name, oid: "20".repeat(20) };
}

/** Those of some names that are not found where passing the tree finds them, each asked often. */
function wronglyAnswered(data: Buffer, wanted: readonly string[]): readonly string[] {
  return wanted.filter((name) => {
    const [bytes, place] = [Buffer.from(name, "utf8"), placeOf(data, name)];
    return Array.from({ length: OFTEN }, () => findName(data, bytes)).some((found) => found !== place);
  });
}

/** Where an entry begins, found by passing the tree. */
function placeOf(data: Buffer, wanted: string): number {
  for (let at = 0; at < data.length; at = entryEnd(data, at)) {
    const text = data.toString("utf8", at, entryEnd(data, at) - 21);
    if (text.slice(text.indexOf(" ") + 1) === wanted) return at;
  }
  return -1;
}

test("a tree gives the same answer however often it was asked", () => {
  holds(fc.tuple(names, kind, fc.array(name)), ([present, kind, others]) => {
    const modes = MODES[kind];
    const data = formatTree(present.map((name, at) => entry(name, modes[at % modes.length] ?? FILE_MODE)));
    expect(data.length).toBeGreaterThan(1024);
    const wanted = [...present, ...others, ...present.map((name) => `${name}\0`), `${present[0]}\0x`, ""];
    expect(wronglyAnswered(data, wanted)).toEqual([]);
  });
});

test("a tree that has a name as a file and as a directory is a corrupt object however often it was asked", () => {
  holds(fc.tuple(names, fc.nat()), ([present, dice]) => {
    const twin = present[dice % present.length] ?? "";
    const data = formatTree([...present.map((name) => entry(name, FILE_MODE)), entry(twin, TREE_MODE)]);
    for (let time = 0; time < OFTEN_ALONE; time++) {
      expect(() => findName(data, Buffer.from(twin, "utf8"))).toThrow(
        expect.objectContaining({ code: "corrupt_object" }),
      );
    }
  });
});

test("a tree out of git's order is asked by passing it", () => {
  holds(names, (present) => {
    const entries = present.map((name) => formatTree([entry(name, FILE_MODE)]));
    const data = Buffer.concat(entries);
    expect(wronglyAnswered(data, present)).toEqual([]);
  });
});
