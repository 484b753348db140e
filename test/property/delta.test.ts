import fc from "fast-check";
import { expect, test } from "vitest";
import { makeDelta } from "../../src/git/delta.ts";
import { applyDelta } from "../../src/git/pack.ts";
import { holds } from "./runs.ts";

/** git takes no delta that is shorter. */
const SHORTEST_FOR_GIT = 4;

/** Bytes of few kinds, so that what was cut out looks like what stayed; some longer than what is compared at once. */
const bytes = fc
  .tuple(fc.uint8Array({ max: 2, maxLength: 12 }), fc.constantFrom(1, 1, 40, 700))
  .map(([some, times]) => Buffer.concat(Array.from({ length: times }, () => Buffer.from(some))));

/** Bytes, and the same with a piece in the middle replaced. */
const edited = fc
  .record({ base: bytes, from: fc.double({ min: 0, max: 1, noNaN: true }), cut: fc.nat(300), piece: bytes })
  .map(({ base, from, cut, piece }) => {
    const at = Math.floor(from * base.length);
    return { base, result: Buffer.concat([base.subarray(0, at), piece, base.subarray(at + cut)]) };
  });

const unrelated = fc.record({ base: bytes, result: bytes });

test("a delta gives the result from its base, in git's form, and is made only where it is the shorter way", () => {
  let made = 0;
  holds(fc.oneof(edited, edited, unrelated), ({ base, result }) => {
    const delta = makeDelta(base, result);
    if (delta === null) return;
    made++;
    expect(applyDelta(base, delta).equals(result)).toBe(true);
    expect(delta.length).toBeGreaterThanOrEqual(SHORTEST_FOR_GIT);
    // What is put in comes in pieces of 127 bytes, each with a byte before it.
    expect(delta.length).toBeLessThan((result.length / 2) * (128 / 127) + 40 + 7 * (result.length / 0xffff));
  });
  expect(made).toBeGreaterThan(100);
});

test("a delta of nothing is not made: git would not take it", () => {
  expect(makeDelta(Buffer.from("content"), Buffer.alloc(0))).toBeNull();
});
