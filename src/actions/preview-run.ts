import { type Change, describeChange } from "../domain/change.ts";
import { type Conflict, listed, type Violation } from "../domain/verdict.ts";
import type { Oid } from "../git/objects.ts";
import { assessRun, conflictsOf } from "../store/assess.ts";
import type { Store } from "../store/store.ts";
import { requireRun, runClosed } from "./refusal.ts";

/** What the gate would say of a run now, and what a merge would change on `main`. */
export interface RunPreview {
  readonly mergeable: boolean;
  readonly main: Oid;
  readonly violations: readonly Violation[];
  readonly violation_count: number;
  readonly conflicts: readonly Conflict[];
  readonly changes: readonly Change[];
}

/** Plays the gate on an open run with nothing written. Throws `run_not_found`, `run_closed`, `too_many_bases`. */
export async function previewRun(store: Store, id: string): Promise<RunPreview> {
  const view = requireRun(store, id);
  if (view.place !== "open") throw runClosed(view);
  const found = await assessRun(store, view);
  const conflicts = conflictsOf(store, view, found);
  return {
    mergeable: found.violations.length + conflicts.length === 0,
    main: found.main,
    ...listed(found.violations),
    conflicts,
    changes: [...found.plan.settings, ...found.plan.documents].flatMap(
      ({ collection, id: document, ours, merged }) => describeChange(collection, document, ours, merged) ?? [],
    ),
  };
}
