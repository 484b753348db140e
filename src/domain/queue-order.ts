import { generateKeyBetween, generateNKeysBetween } from "fractional-indexing";

/** What the order of dispatch goes by. */
export interface QueuePlace {
  readonly id: string;
  readonly priority: number;
  /** Orders jobs of one priority; a fractional index, so that a move changes one job (https://www.figma.com/blog/realtime-editing-of-ordered-sequences/). */
  readonly rank: string;
  /** In ms since 1970. */
  readonly created: number;
}

/** The order of dispatch: priority descending, rank ascending, created ascending; ids, so that no two are equal. */
export function compareInQueue(left: QueuePlace, right: QueuePlace): number {
  return (
    right.priority - left.priority ||
    byText(left.rank, right.rank) ||
    left.created - right.created ||
    byText(left.id, right.id)
  );
}

function byText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** A rank between two others; null is before all, or behind all. `before` must be less than `behind`. */
export function rankBetween(before: string | null, behind: string | null): string {
  return generateKeyBetween(before, behind);
}

/** So many ranks between two others, ascending. */
export function ranksBetween(before: string | null, behind: string | null, count: number): string[] {
  return generateNKeysBetween(before, behind, count);
}
