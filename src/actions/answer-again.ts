import type { Authorship } from "../store/authorship.ts";
import { bringToEnd } from "../store/gate.ts";
import type { RememberedRequest } from "../store/idempotency.ts";
import { judgeLaterOnce } from "../store/judge-later.ts";
import { recordAt, type RunView } from "../store/run-view.ts";
import type { Store } from "../store/store.ts";
import { requireRun, throwIfRejected } from "./refusal.ts";

/**
 * Answers a request that was carried out before: the run as it is now or, where the merge it asked for was refused,
 * that refusal again with the run as it is now. What an error of the machine cut short is brought to its end first.
 */
export async function answerAgain(
  store: Store,
  author: Authorship,
  runId: string,
  known: RememberedRequest,
): Promise<RunView> {
  const view = await finished(store, author, runId);
  // A verdict can be read a moment before it is learned; behind the run's turn it is.
  const { refused, commit } = store.requests.find(author.idempotency?.key ?? "") ?? known;
  const judged = refused ? recordAt(store.repository, commit) : null;
  if (judged !== null) throwIfRejected(view, judged);
  return view;
}

/** The run by id, when nobody is at work on it: one that is found merging goes through the gate, a branch of a closed one goes. */
async function finished(store: Store, author: Authorship, runId: string): Promise<RunView> {
  requireRun(store, runId);
  return store.turns.take(`run ${runId}`, async () => {
    const view = requireRun(store, runId);
    const ended = await bringToEnd(store, author, view);
    if (view.record.status === "merging") throwIfRejected(ended);
    return ended;
  });
}

/** The same for a client that would rather not wait: the run as it is now, also where it is judged just then or was refused. */
export function answerAgainAtOnce(store: Store, author: Authorship, runId: string): RunView {
  const view = requireRun(store, runId);
  if (view.record.status === "merging") judgeLaterOnce(store, author, runId);
  return view;
}
