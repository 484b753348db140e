import type { InvocationRecord } from "../domain/invocation.ts";
import type { RunRecord } from "../domain/run.ts";
import type { Store } from "../store/store.ts";

function isSameWork(left: InvocationRecord, right: InvocationRecord): boolean {
  return left.server === right.server && left.workflow_id === right.workflow_id;
}

/**
 * The id of the invocation that was asked for in place of this run's: the first after it for the same dataset and workflow
 * that says `overwrite`. Null when there is none.
 */
export function supersededBy(store: Store, { id, created_at, invocation }: RunRecord): string | null {
  if (invocation?.dataset_id === undefined) return null;
  const filter = { executor: "galaxy", dataset_id: invocation.dataset_id, start: Date.parse(created_at) };
  const later = store.runs.select(filter, { offset: 0, limit: Infinity }).ids.filter((each) => each > id);
  for (const each of later.toReversed()) {
    const other = store.runs.view(each)?.record.invocation;
    if (other?.overwrite !== true || other.invocation_id === undefined) continue;
    if (isSameWork(invocation, other)) return other.invocation_id;
  }
  return null;
}
