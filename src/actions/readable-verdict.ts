import { LRUCache } from "lru-cache";
import type { Verdict } from "../domain/verdict.ts";
import type { Oid } from "../git/objects.ts";
import type { RunIndex } from "../store/run-index.ts";
import { recordAt, type RunView } from "../store/run-view.ts";
import type { Store } from "../store/store.ts";

/** A verdict as it is read: with what the commit that holds it cannot say of itself, and how long (ms) it took. */
export interface ReadableVerdict extends Verdict {
  readonly main_after?: Oid;
  readonly duration_ms: number;
}

/** How many merges' moments of being asked for are kept, for lists. */
const MOST_ASKED = 20_000;

/** When merges were asked for, by the commits that said done, for the runs of each repository. What a commit says never changes. */
const ASKED = new WeakMap<RunIndex, LRUCache<string, string>>();

/** When the commit that said done was made; undefined when it holds no record. */
function askedAt({ runs, repository }: Store, tip: string): string | undefined {
  let known = ASKED.get(runs);
  if (known === undefined) ASKED.set(runs, (known = new LRUCache({ maxSize: MOST_ASKED, sizeCalculation: () => 1 })));
  const asked = known.get(tip) ?? recordAt(repository, tip)?.updated_at;
  if (asked !== undefined) known.set(tip, asked);
  return asked;
}

/** The last verdict on a run, as it is read, its members in the order of WIRE §1; null when the gate has not judged it. */
export function readableVerdict(store: Store, { record, head, place }: RunView): ReadableVerdict | null {
  if (record.merge === undefined) return null;
  const { verdict } = record.merge;
  const { outcome, run_id, tip, main_before, checked, violations, violation_count, conflicts, at } = verdict;
  const commit = place === "merged" ? store.mergeCommitOf(head) : null;
  const asked = record.received_at ?? askedAt(store, tip) ?? at;
  const duration_ms = Math.max(0, Date.parse(at) - Date.parse(asked));
  const after = commit === null ? {} : { main_after: commit };
  const found = { checked, violations, violation_count, conflicts };
  return { outcome, run_id, tip, main_before, ...after, ...found, at, duration_ms };
}
