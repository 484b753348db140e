import { describe, expect, test } from "vitest";
import { oneIn, SEED } from "../support/sample.ts";
import { failuresAt, powerCuts, sampleOf } from "./points.ts";
import { SCENARIOS } from "./scenarios.ts";
import { playThrough } from "./trial.ts";

/** How many points of a scenario are tried on every change, and one of how many scenarios. */
const POINTS = 5;
const SCENARIOS_EACH = 4;

describe(`whatever was answered is there once after a power cut, the rest is whole or absent (RUNTREE_TEST_SEED=${SEED})`, () => {
  test.each(oneIn(SCENARIOS_EACH, SCENARIOS).map((scenario) => [scenario.name, scenario] as const))(
    "%s",
    async (_, scenario) => {
      const reference = await playThrough(scenario);
      const points = sampleOf(powerCuts(reference), POINTS);
      expect(points.length).toBeGreaterThanOrEqual(POINTS);
      expect(await failuresAt(reference, points)).toEqual([]);
    },
  );
});
