import type { RememberedRequest } from "../store/idempotency.ts";
import { recordAt, type RunView } from "../store/run-view.ts";
import type { Store } from "../store/store.ts";
import { requireRun, throwIfRejected } from "./refusal.ts";

/**
 * Answers a request that was carried out before: the run as it is now or, where the merge it asked for was refused,
 * that refusal again with the run as it is now.
 */
export function answerAgain(store: Store, runId: string, { refused, commit }: RememberedRequest): RunView {
  const view = requireRun(store, runId);
  const judged = refused ? recordAt(store.repository, commit) : null;
  if (judged !== null) throwIfRejected(view, judged);
  return view;
}
