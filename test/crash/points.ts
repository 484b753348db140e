import { describe, expect, test, vi } from "vitest";
import type { DiskCall, Fault } from "../support/disk-gate.ts";
import type { PowerCut } from "../support/disk-model.ts";
import { oneIn, randomOf, SEED, someOf } from "../support/sample.ts";
import { SCENARIOS } from "./scenarios.ts";
import { type Plant, playThrough, type Point, type Reference, tryPoint } from "./trial.ts";

/** Every point, instead of a sample: `npm run crash`. */
export const ALL: boolean = process.env["RUNTREE_CRASH_ALL"] !== undefined;

// A long run takes long on purpose.
if (ALL) vi.setConfig({ testTimeout: 60 * 60_000 });

/** How many points of a scenario are tried on every change, and one of how many scenarios. */
const POINTS = 5;
const SCENARIOS_EACH = 4;

/** One point in this many is also looked at by git. */
const FSCK_EVERY = 20;

/** One power cut in this many is followed by another, in the start that comes after. */
const AGAIN_EVERY = 5;

/** At most so many calls of that start are let through. */
const AGAIN_CALLS = 40;

type Mode = Omit<PowerCut, "random"> | "killed";

const MIXED: Mode = { data: "mixed", entries: "mixed" };

const MODES: readonly Mode[] = [
  ...(["kept", "dropped", "zeroed", "torn"] as const).flatMap((data) =>
    (["kept", "dropped"] as const).map((entries) => ({ data, entries })),
  ),
  MIXED,
  "killed",
];

interface Choice {
  readonly fault: Fault;
  readonly cut: Mode | null;
}

/** The power going before each call that changes the disk, and after the last, in each mode. */
export function powerCuts({ calls }: Reference): Choice[] {
  const places = [...calls.flatMap(({ changes }, index) => (changes ? [index + 1] : [])), calls.length + 1];
  return places.flatMap((at) => MODES.map((cut) => ({ fault: { at, kind: "cut" }, cut }) as const));
}

/** What else may go wrong at a call: errors that pass or stay, with and without a power cut to follow. */
function errorsAt({ doing }: DiskCall, at: number): Choice[] {
  const codes = doing === "open" ? ["EIO", "ENOSPC", "EMFILE"] : ["EIO", "ENOSPC"];
  return codes.flatMap((code) => [
    { fault: { at, kind: "error", code, sticky: false }, cut: null },
    { fault: { at, kind: "error", code, sticky: false }, cut: MIXED },
    { fault: { at, kind: "error", code, sticky: true }, cut: MIXED },
  ]);
}

/** An error at each call. */
export function diskErrors({ calls }: Reference): Choice[] {
  return calls.flatMap((call, index) => errorsAt(call, index + 1));
}

/** `count` of them, or all where all are asked for, as `SEED` has it. */
export function sampleOf(choices: readonly Choice[], count: number): Point[] {
  const random = randomOf(SEED);
  const chosen = ALL ? choices : someOf(count, choices);
  return chosen.map(({ fault, cut }, index) => ({
    fault,
    cut: cut === null || cut === "killed" ? cut : { ...cut, random: randomOf(SEED + index) },
    again: index % AGAIN_EVERY === 0 ? 1 + Math.floor(random() * AGAIN_CALLS) : null,
    fsck: index % FSCK_EVERY === 0,
  }));
}

/** A point at which the oracle objects. */
interface Failure {
  readonly point: Point;
  readonly words: string;
  readonly complaints: readonly string[];
}

/** Tries points until the oracle objects to so many. */
export async function failuresAt(
  reference: Reference,
  points: readonly Point[],
  plant: Plant = {},
  enough = 3,
): Promise<Failure[]> {
  const failures: Failure[] = [];
  for (const point of points) {
    const complaints = await tryPoint(reference, point, plant);
    if (complaints.length > 0) failures.push({ point, words: wordsOf(reference, point), complaints });
    if (failures.length >= enough) break;
  }
  return failures;
}

/** Objects are written side by side, so the call that failed may be a neighbour of the one that is named here. */
function wordsOf({ calls }: Reference, { fault, cut, again }: Point): string {
  const call = calls[fault.at - 1];
  const what = fault.kind === "cut" ? "power cut" : `${fault.sticky ? "lasting " : ""}${fault.code}`;
  const where = call === undefined ? "after the last call" : `at call ${fault.at}, ${call.doing} ${call.path}`;
  const power = cut === null ? "asked again" : cut === "killed" ? cut : `bytes ${cut.data}, names ${cut.entries}`;
  return `${what} ${where}; then ${power}${again === null || cut === null ? "" : `; and again at call ${again} of the start`}`;
}

/** Tests that the oracle objects to none of some choices, in each scenario. */
export function testScenarios(title: string, choicesOf: (reference: Reference) => readonly Choice[]): void {
  const scenarios = oneIn(SCENARIOS_EACH, SCENARIOS).map((scenario) => [scenario.name, scenario] as const);
  describe(`${title} (RUNTREE_TEST_SEED=${SEED})`, () => {
    test.each(scenarios)("%s", async (_, scenario) => {
      const reference = await playThrough(scenario);
      const points = sampleOf(choicesOf(reference), POINTS);
      expect(points.length).toBeGreaterThanOrEqual(POINTS);
      expect(await failuresAt(reference, points)).toEqual([]);
    });
  });
}
