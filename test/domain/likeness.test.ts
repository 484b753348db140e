import fc from "fast-check";
import { expect, test } from "vitest";
import type { Json } from "../../src/domain/json.ts";
import { likenessTo } from "../../src/domain/likeness.ts";

/** The leaves of a value as texts: each with the way to it. */
function leavesOf(value: Json, path: string = ""): string[] {
  if (typeof value !== "object" || value === null) return [`${path} ${JSON.stringify(value)}`];
  const kind = Array.isArray(value) ? "[" : "{";
  const members = Object.entries(value) as [string, Json][];
  if (members.length === 0) return [`${path} ${kind}`];
  return members.flatMap(([key, member]) => leavesOf(member, `${path}${kind}${JSON.stringify(key)}`));
}

/** Few keys and scalars, so that values have something in common. */
const value: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom<Json>(0, 1, "0", "", null, true),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom("a", "b", "0", "__proto__", "constructor"), tie("value"), { maxKeys: 4 }),
  ),
})).value;

test("two values are as alike as the leaves that they share", () => {
  fc.assert(
    fc.property(value, value, (left, right) => {
      const [mine, others] = [new Set(leavesOf(left)), new Set(leavesOf(right))];
      const shared = [...mine].filter((leaf) => others.has(leaf)).length;
      expect(likenessTo(left)(right)).toBe(shared / (mine.size + others.size - shared));
      expect(likenessTo(left)(left)).toBe(1);
    }),
  );
});
