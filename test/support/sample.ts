/** Everything is tried, and not what each change has time for: `npm run trials`. */
const ALL = process.env["RUNTREE_TRIALS"] !== undefined;

/** What samples, and all that is left to chance, follow from. */
export const SEED: number = Number(process.env["RUNTREE_TEST_SEED"] ?? Date.now() % 1_000_000);

/** One in so many of some cases, as `SEED` has it; all of them in trials. */
export function oneIn<Case>(share: number, cases: readonly Case[]): readonly Case[] {
  return ALL ? cases : cases.filter((_, at) => at % share === SEED % share);
}
