import fc from "fast-check";
import { expect, test } from "vitest";
import { changedPointers, describeChange } from "../../src/domain/change.ts";
import { isArray, isObject, type Json, sameJson } from "../../src/domain/json.ts";
import { formatPointer } from "../../src/domain/pointer.ts";
import { patchable, plainVersions } from "./generators.ts";
import { holds } from "./runs.ts";

const pair = fc.oneof(
  plainVersions.map(({ base, sides }) => [base, sides[0]] as [Json, Json]),
  fc.tuple(patchable, patchable),
);

/** The scalars and empty containers in a value, by pointer. */
function leaves(value: Json, path: readonly string[] = []): [string, string][] {
  const members = isObject(value) || isArray(value) ? Object.entries(value) : [];
  if (members.length === 0) return [[formatPointer(path), JSON.stringify(value)]];
  return members.flatMap(([name, member]) => leaves(member as Json, [...path, name]));
}

test("the pointers of a change are the leaves that came, went or are another value, once each", () => {
  holds(pair, ([before, after]) => {
    const [old, now] = [new Map(leaves(before)), new Map(leaves(after))];
    const differing = [...new Set([...old.keys(), ...now.keys()])].filter((leaf) => old.get(leaf) !== now.get(leaf));
    // The root of a document that stays one is no leaf, though it be empty.
    const staysOne = (isObject(before) && isObject(after)) || (isArray(before) && isArray(after));
    const expected = differing.filter((leaf) => leaf !== "" || !staysOne);
    expect(changedPointers(before, after).toSorted()).toEqual(expected.toSorted());
  });
});

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
