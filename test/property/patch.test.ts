import fc, { type Arbitrary } from "fast-check";
import { expect, test } from "vitest";
import { isObject, type Json, type JsonObject } from "../../src/domain/json.ts";
import { applyEdit, applyMergePatch } from "../../src/domain/patch.ts";
import { json, patchable } from "./generators.ts";
import { holds } from "./runs.ts";

/** `MergePatch(Target, Patch)` as RFC 7396 §2 writes it, on a map so that no key has a meaning of its own. */
function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const members = new Map(isObject(target) ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) members.delete(name);
    else members.set(name, mergePatch(members.get(name), value));
  }
  return Object.fromEntries(members);
}

/** What is given away is a copy, or a fault would change the random values while they are being made smaller. */
const copy = (value: Json): Json => JSON.parse(JSON.stringify(value)) as Json;

const targetAndPatch: Arbitrary<[Json, Json]> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(patchable, patchable) },
  { weight: 1, arbitrary: fc.tuple(json, json) },
);

test("a merge patch does what the RFC's own words say, whatever the members are called", () => {
  holds(targetAndPatch, ([target, patch]) => {
    expect(applyMergePatch(copy(target), copy(patch))).toEqual(mergePatch(target, patch));
  });
});

test("neither the target nor the patch is changed", () => {
  holds(targetAndPatch, ([target, patch]) => {
    const given = [copy(target), copy(patch)] as const;
    given.forEach(freeze);
    applyMergePatch(...given);
    expect(given).toEqual([target, patch]);
  });
});

test("an edit by merge patch makes a document with an id or changes one, and never loses its other members", () => {
  const object = patchable.filter(isObject);
  holds(fc.tuple(fc.option(object), object), ([before, patch]) => {
    const after = applyEdit(before, { collection: "samples", id: "s-1", kind: "patch", patch });
    const expected = mergePatch(before ?? {}, patch) as JsonObject;
    expect(after).toEqual(before === null ? { id: "s-1", ...expected } : expected);
  });
});

/** Lets nobody write into any object or array of a value: who tries, throws. */
function freeze(value: Json): void {
  if (typeof value !== "object" || value === null) return;
  for (const member of Object.values(value)) freeze(member as Json);
  Object.freeze(value);
}
