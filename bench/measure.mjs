// How the bench measures: rounds bounded by time, both sides by turns, medians.

/** @typedef {{ operations: number, milliseconds: number }} Round */

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
 * Runs measurements by turns, in alternating order, after a shorter round each that does not count.
 * @template Result
 * @param {Record<string, (milliseconds: number) => Promise<Result>>} measurements
 * @param {{ rounds: number, milliseconds: number }} plan
 * @returns {Promise<Record<string, Result[]>>}
 */
export async function byTurns(measurements, { rounds, milliseconds }) {
  const names = Object.keys(measurements);
  const results = Object.fromEntries(names.map((name) => [name, []]));
  for (const name of names) await measurements[name](milliseconds / 2);
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed())
      results[name].push(await measurements[name](milliseconds));
  }
  return results;
}

/** Operations per second of each of several measurements: the median of their rounds. */
export async function rates(measurements, plan) {
  const results = await byTurns(measurements, plan);
  const rate = ({ operations, milliseconds }) => (operations * 1000) / milliseconds;
  return Object.fromEntries(Object.entries(results).map(([name, rounds]) => [name, median(rounds.map(rate))]));
}
