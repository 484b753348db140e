import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { policyLookup } from "../../src/domain/configuration.ts";
import { canonicalJson, type JsonObject } from "../../src/domain/json.ts";
import { mergeMarked } from "../../src/domain/marked-merge.ts";
import { mergeDocuments, type MergeWay } from "../../src/domain/merge.ts";
import { ATOMIC_MEMBER, KEYED_MEMBER, policyVersions, SET_MEMBER } from "./generators.ts";
import { holds } from "./runs.ts";

const policyAt = policyLookup([
  { at: [SET_MEMBER], policy: "set" },
  { at: [KEYED_MEMBER], policy: { by: "id" } },
  { at: [ATOMIC_MEMBER], policy: "atomic" },
]);
const NAMES = ["this branch", "the other"] as const;

/** A text with one side taken at each pair of marks: what an editor does at a press of a button. */
function taken(text: string, side: () => "ours" | "theirs"): string {
  const block = /^<<<<<<< this branch\n((?:.*\n)*?)=======\n((?:.*\n)*?)>>>>>>> the other\n/gm;
  return text.replace(block, (_, ours: string, theirs: string) => (side() === "ours" ? ours : theirs));
}

/** Versions whose base is there or, as for a document that both sides added, is not. */
const versions = fc.record({ versions: policyVersions, added: fc.boolean() }).map(({ versions, added }) => {
  const [ours, theirs] = versions.sides;
  return { base: added ? null : versions.base, ours, theirs };
});

function theirsTaken(base: JsonObject | null, ours: JsonObject, theirs: JsonObject): string {
  const way: MergeWay = { policyAt, settle: (conflict) => ({ value: conflict.theirs }) };
  return canonicalJson(mergeDocuments(base, ours, theirs, way).value ?? null);
}

describe("a merge with marks", () => {
  test("finds what the gate's merge finds, and is it where nothing conflicts", () => {
    holds(versions, ({ base, ours, theirs }) => {
      const { value = null, conflicts } = mergeDocuments(base, ours, theirs, { policyAt });
      const found = mergeMarked(base, ours, theirs, policyAt, NAMES);
      expect(found.conflicts).toEqual(conflicts);
      expect(taken(found.text, () => "ours")).toBe(canonicalJson(value));
      if (conflicts.length === 0) expect(found.text).toBe(canonicalJson(value));
    });
  });

  test("is canonical JSON whichever side is taken everywhere, and JSON whatever is taken where", () => {
    holds(fc.tuple(versions, fc.infiniteStream(fc.boolean())), ([{ base, ours, theirs }, coins]) => {
      const { text } = mergeMarked(base, ours, theirs, policyAt, NAMES);
      expect(taken(text, () => "theirs")).toBe(theirsTaken(base, ours, theirs));
      const mixed = taken(text, () => (coins.next().value === true ? "ours" : "theirs"));
      expect(() => JSON.parse(mixed) as unknown).not.toThrow();
    });
  });
});
