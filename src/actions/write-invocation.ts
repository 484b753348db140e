import { type InvocationRecord, invocationKey } from "../domain/invocation.ts";
import type { RunRecord } from "../domain/run.ts";
import type { Notice } from "../domain/verdict.ts";
import type { RunView } from "../store/run-view.ts";
import type { Store } from "../store/store.ts";
import { advanceRun, onBranch } from "./advance-run.ts";
import { requireRun } from "./refusal.ts";

/** What became known of an invocation. */
export interface InvocationNews {
  readonly invocation: InvocationRecord;
  /** What a steward reads in the history of the run. */
  readonly subject: string;
  readonly lines?: readonly string[];
  readonly notices?: readonly Notice[];
  /** Nobody is answered with it: more is written first, or nobody asked. */
  readonly early?: true;
}

/**
 * Writes what became known of a run's invocation as one commit on its branch. `news` is told what the run keeps so far, and
 * gives null where that says it already. Returns the run; null, and nothing is written, when it is not at work any more.
 * Writes that are asked for together share one sync. Throws `run_not_found`, and what writing throws.
 */
export async function writeInvocation(
  store: Store,
  runId: string,
  news: (known: InvocationRecord, record: RunRecord) => InvocationNews | null,
): Promise<RunView | null> {
  return store.turns.take(`run ${runId}`, async () => {
    const view = store.runs.view(runId) ?? requireRun(store, runId);
    const { record } = view;
    if (view.place !== "open" || record.status !== "running" || record.invocation === undefined) return null;
    const found = news(record.invocation, record);
    if (found === null) return view;
    const { invocation, subject, lines = [], notices = [], early } = found;
    const key = invocationKey(invocation);
    const updated_at = new Date(store.clock()).toISOString();
    return advanceRun(
      store,
      { principal: record.created_by, idempotency: null },
      {
        ...onBranch(store, view),
        files: null,
        sync: { together: true, ...(early === true ? { early } : {}) },
        lines,
        notices,
        record: { ...record, updated_at, invocation },
        subject,
        ...(key === null ? {} : { trailers: [["Galaxy-Invocation", key]] }),
      },
    );
  });
}
