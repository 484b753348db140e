import fc, { type Arbitrary } from "fast-check";
import { vi } from "vitest";

/** How many random cases a property is tried on. */
export const RUNS: number = Number(process.env["RUNTREE_PROPERTY_RUNS"] ?? 1000);

// A long run takes long on purpose.
vi.setConfig({ testTimeout: Math.max(30_000, RUNS * 30) });

/** Tries a property on random values; fast-check prints the seed and the smallest value that breaks it. */
export function holds<Value>(values: Arbitrary<Value>, check: (value: Value) => void): void {
  fc.assert(
    fc.property(values, (value) => {
      check(value);
    }),
    { numRuns: RUNS },
  );
}
