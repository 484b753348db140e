import { supersededBy } from "../actions/superseded.ts";
import type { Wire } from "../contract/wire.ts";
import type { InvocationRecord } from "../domain/invocation.ts";
import { hasEnded, type InvocationState } from "../domain/invocation-state.ts";
import { isClosed, type RunRecord, type RunStatus } from "../domain/run.ts";
import type { Store } from "../store/store.ts";

type Invocation = Wire<"invocation#Invocation">;

/** The invocation of a run as clients see it (WIRE §4); null for a run that no Galaxy works on. */
export function presentInvocation(store: Store, record: RunRecord): Invocation | null {
  const { invocation } = record;
  if (invocation === undefined) return null;
  // After a start it was asked for when its run last changed, at the least.
  const asked = invocation.invocation_id === undefined ? null : record.updated_at;
  const polled = store.executions.polled.get(record.id);
  return {
    ...invocationMembers(invocation),
    ...endedHere(record, invocation),
    run_id: record.id,
    job_id: record.job_id,
    polled_at: polled === undefined ? asked : new Date(polled).toISOString(),
    superseded_by: supersededBy(store, record),
    created_at: record.created_at,
  };
}

/** What a run that ended here makes of an invocation that Galaxy has not ended yet, and that nobody looks at any more. */
function endedHere({ status, completed_at }: RunRecord, { state }: InvocationRecord): Partial<Invocation> {
  if (!isClosed(status) || hasEnded(state)) return {};
  return { state: CLOSED[status] ?? state, finished_at: completed_at ?? null };
}

const CLOSED: Readonly<Partial<Record<RunStatus, InvocationState>>> = {
  // Whoever finished it did not wait for Galaxy, whose work is cancelled.
  success: "cancelled",
  failed: "failed",
  cancelled: "cancelled",
  skipped: "cancelled",
};

type Members = Omit<Invocation, "run_id" | "job_id" | "polled_at" | "superseded_by" | "created_at">;

function invocationMembers(invocation: InvocationRecord): Members {
  return {
    invocation_id: invocation.invocation_id ?? null,
    server: invocation.server,
    workflow_id: invocation.workflow_id ?? null,
    workflow_name: invocation.workflow_name ?? null,
    dataset_id: invocation.dataset_id ?? null,
    history_id: invocation.history_id ?? null,
    state: invocation.state,
    galaxy_state: invocation.galaxy_state ?? null,
    jobs: invocation.jobs,
    steps: invocation.steps,
    messages: invocation.messages,
    attempts: invocation.attempts,
    started_at: invocation.started_at ?? null,
    finished_at: invocation.finished_at ?? null,
  };
}
