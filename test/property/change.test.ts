import fc from "fast-check";
import { expect, test } from "vitest";
import { changedPointers, describeChange } from "../../src/domain/change.ts";
import { isArray, isObject, type Json, sameJson } from "../../src/domain/json.ts";
import { parsePointer, valueAt } from "../../src/domain/pointer.ts";
import { patchable, plainVersions } from "./generators.ts";
import { holds } from "./runs.ts";

const pair = fc.oneof(
  plainVersions.map(({ base, sides }) => [base, sides[0]] as [Json, Json]),
  fc.tuple(patchable, patchable),
);

const at = (root: Json, pointer: string): Json | undefined => valueAt(root, parsePointer(pointer) ?? ["no pointer"]);

/** The scalars in a value, by pointer. */
function scalars(value: Json, way: readonly string[] = []): string[] {
  if (!isObject(value) && !isArray(value))
    return [way.map((part) => `/${part.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("")];
  return Object.entries(value).flatMap(([name, member]) => scalars(member as Json, [...way, name]));
}

test("every pointer names a place where the two values differ, once", () => {
  holds(pair, ([before, after]) => {
    const pointers = changedPointers(before, after);
    expect(new Set(pointers).size).toBe(pointers.length);
    for (const pointer of pointers) expect(sameJson(at(before, pointer), at(after, pointer))).toBe(false);
  });
});

test("every scalar that came or changed is named", () => {
  holds(pair, ([before, after]) => {
    const differing = scalars(after).filter((leaf) => !sameJson(at(before, leaf), at(after, leaf)));
    expect(changedPointers(before, after)).toEqual(expect.arrayContaining(differing));
  });
});

test("every scalar that went from an object or array which stayed one is named", () => {
  holds(pair, ([before, after]) => {
    const gone = scalars(before).filter((leaf) => at(after, leaf) === undefined && !replacedAbove(before, after, leaf));
    expect(changedPointers(before, after)).toEqual(expect.arrayContaining(gone));
  });
});

/** Tells whether something on the way to a leaf became another kind of value. */
function replacedAbove(before: Json, after: Json, leaf: string): boolean {
  const path = parsePointer(leaf) ?? [];
  return path.some((_, depth) => {
    const [old, now] = [valueAt(before, path.slice(0, depth)), valueAt(after, path.slice(0, depth))];
    return now !== undefined && (isObject(old) !== isObject(now) || isArray(old) !== isArray(now));
  });
}

test("nothing is described exactly when nothing changed", () => {
  const document = fc.option(patchable.filter(isObject));
  holds(fc.tuple(document, document), ([before, after]) => {
    const change = describeChange("samples", "s-1", before, after);
    if (sameJson(before ?? undefined, after ?? undefined)) {
      expect(change).toBeNull();
      return;
    }
    expect(change?.op).toBe(before === null ? "add" : after === null ? "delete" : "modify");
    expect(change?.pointers.length).toBeGreaterThan(0);
  });
});
