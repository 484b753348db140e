/** Everything is tried, and not what each change has time for: `npm run trials`. */
const ALL = process.env["RUNTREE_TRIALS"] !== undefined;

/** What samples, and all that is left to chance, follow from. */
export const SEED: number = Number(process.env["RUNTREE_TEST_SEED"] ?? Date.now() % 1_000_000);

/** One in so many of some cases, as `SEED` has it; all of them in trials. */
export function oneIn<Case>(share: number, cases: readonly Case[]): readonly Case[] {
  return ALL ? cases : cases.filter((_, at) => at % share === SEED % share);
}

/** Numbers from 0 up to 1 that follow from a seed. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** So many of some cases, by chance, as `SEED` has it. */
export function someOf<Case>(count: number, cases: readonly Case[]): readonly Case[] {
  const random = randomOf(SEED);
  const shuffled = cases.map((each) => ({ each, order: random() })).sort((left, right) => left.order - right.order);
  return shuffled.slice(0, count).map(({ each }) => each);
}
