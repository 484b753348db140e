import { describe, expect, test } from "vitest";
import { failuresAt, powerCuts, sampleOf, SEED } from "./points.ts";
import { SCENARIOS } from "./scenarios.ts";
import { playThrough } from "./trial.ts";

/** How many points of each scenario are tried on every change. */
const POINTS = 3;

describe(`whatever was answered is there once after a power cut, the rest is whole or absent (RUNTREE_TEST_SEED=${SEED})`, () => {
  test.each(SCENARIOS.map((scenario) => [scenario.name, scenario] as const))("%s", async (_, scenario) => {
    const reference = await playThrough(scenario);
    const points = sampleOf(powerCuts(reference), POINTS);
    expect(points.length).toBeGreaterThanOrEqual(POINTS);
    expect(await failuresAt(reference, points)).toEqual([]);
  });
});
