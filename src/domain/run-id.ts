import { decodeTime, monotonicFactory } from "ulid";

const RUN_ID = /^[0-7][0-9a-hjkmnp-tv-z]{25}$/;
const DAY_MS = 24 * 60 * 60 * 1000;

/** Tells whether a text is a run id: a 26-character lower-case ULID. */
export function isRunId(text: string): boolean {
  return RUN_ID.test(text);
}

/** When a run id says it was made, in ms since 1970 UTC. */
export function runIdTime(id: string): number {
  return decodeTime(id.toUpperCase());
}

/** Says why a text cannot be a new run's id; null when it can. A time beyond tomorrow is refused. */
export function runIdProblem(id: string, now: number): string | null {
  if (!isRunId(id)) return "a run id is a 26-character lower-case ULID";
  if (runIdTime(id) > now + DAY_MS) return "the run id's time is beyond tomorrow";
  return null;
}

/** How many random bytes are drawn at once: each time costs as much as a thousand bytes do. */
const DRAWN = 4096;

/** Returns a source of random fractions, a byte each, as the library's own; it draws 16 times for an id. */
function randomFractions(): () => number {
  const bytes = new Uint8Array(DRAWN);
  let at = DRAWN;
  return () => {
    if (at === DRAWN) {
      crypto.getRandomValues(bytes);
      at = 0;
    }
    return (bytes[at++] ?? 0) / 256;
  };
}

/** Returns a maker of run ids that grow within one process, also within one millisecond. */
export function runIdMaker(): (now: number) => string {
  const next = monotonicFactory(randomFractions());
  return (now) => next(now).toLowerCase();
}

/** The folder `yyyy/mm-dd/hh` of a time, UTC. */
export function datedFolder(ms: number): string {
  const text = new Date(ms).toISOString();
  return `${text.slice(0, 4)}/${text.slice(5, 10)}/${text.slice(11, 13)}`;
}
