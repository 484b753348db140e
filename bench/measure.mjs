// How the bench measures: rounds bounded by time, both sides by turns, medians.

/** @typedef {{ operations: number, milliseconds: number }} Round */

/** Tells a fault; the bench goes on with what is left, and ends with exit code 1. */
export function broken(what, error) {
  process.exitCode = 1;
  process.stderr.write(`bench: ${what} broke: ${error.stack ?? error}\n`);
}

/** The middle of some numbers. */
export function median(numbers) {
  const sorted = numbers.toSorted((left, right) => left - right);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The value that a share of the numbers does not exceed. */
export function percentile(numbers, share) {
  const sorted = numbers.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)];
}

/**
 * Repeats an operation for a time, so many at once, and counts those that ended. `operation` gets the number of the
 * worker it runs for.
 * @returns {Promise<Round>}
 */
export async function repeatFor(milliseconds, inFlight, operation) {
  const started = performance.now();
  let operations = 0;
  const worker = async (_, number) => {
    while (performance.now() - started < milliseconds) {
      await operation(number);
      operations++;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return { operations, milliseconds: performance.now() - started };
}

/**
 * Runs measurements by turns, in alternating order, after a shorter round each that does not count. One that breaks is
 * told and has no results.
 * @template Result
 * @param {Record<string, (milliseconds: number) => Promise<Result>>} measurements
 * @param {{ rounds: number, milliseconds: number }} plan
 * @returns {Promise<Record<string, Result[]>>}
 */
export async function byTurns(measurements, { rounds, milliseconds }) {
  const results = new Map(Object.keys(measurements).map((name) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    const names = [...results.keys()];
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      try {
        const result = await measurements[name](round < 0 ? milliseconds / 2 : milliseconds);
        if (round >= 0) results.get(name).push(result);
      } catch (error) {
        broken(name, error);
        results.delete(name);
      }
    }
  }
  return Object.fromEntries(results);
}

/** Operations per second of each of several measurements: the median of their rounds. */
export async function rates(measurements, plan) {
  const results = await byTurns(measurements, plan);
  const rate = ({ operations, milliseconds }) => (operations * 1000) / milliseconds;
  return Object.fromEntries(Object.entries(results).map(([name, rounds]) => [name, median(rounds.map(rate))]));
}

/**
 * The named functions of sides as measurements, once all of these are open; those that did not open are left out.
 * @param {Record<string, readonly [Promise<{ call: Function } | null>, string]>} sides
 */
export async function measurementsOf(sides) {
  const opened = await Promise.all(
    Object.entries(sides).map(async ([name, [side, call]]) => ({ name, side: await side, call })),
  );
  const open = opened.filter(({ side }) => side !== null);
  return Object.fromEntries(
    open.map(({ name, side, call }) => [name, (milliseconds) => side.call(call, milliseconds)]),
  );
}
