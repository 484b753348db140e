import { type InvocationRecord, invocationKey } from "../domain/invocation.ts";
import { mapInvocation } from "../domain/invocation-mapping.ts";
import { afterSeeing, hasEnded } from "../domain/invocation-state.ts";
import { RuntreeError } from "../domain/errors.ts";
import { type Json, type JsonObject, sameJson } from "../domain/json.ts";
import type { RunRecord } from "../domain/run.ts";
import type { Notice } from "../domain/verdict.ts";
import type { InvocationLook } from "../domain/workflow-server.ts";
import type { Store } from "../store/store.ts";
import { datasetOf } from "./dataset.ts";
import { endJob, type JobOutcome } from "./end-job.ts";
import { type InvocationNews, writeInvocation } from "./write-invocation.ts";

/** Without news for so long (ms), an invocation is called stalled: a paused branch waits for ever, one that is lost has no state. */
export const STALLED_MS = 24 * 60 * 60 * 1000;

const STALLED: Notice = {
  code: "galaxy_stalled",
  message:
    "There was no news of it in Galaxy for 24 hours: a step may wait for a person there, or the invocation is gone.",
  severity: "warning",
};

/** What Galaxy said about the invocation of a run. */
export interface SeenInvocation {
  readonly runId: string;
  readonly look: InvocationLook;
}

/** An invocation after it was looked at. */
export function afterLook(known: InvocationRecord, look: InvocationLook): InvocationRecord {
  const { galaxy_state, jobs, steps, messages, outputs } = look;
  return {
    ...known,
    // An ended state never moves back, whatever Galaxy says later.
    ...(hasEnded(known.state) ? {} : { galaxy_state }),
    state: afterSeeing(known.state, look.state),
    jobs: sorted(jobs),
    steps: steps.map(({ index, galaxy_state: state, job_id, invocation_id }) => ({
      order_index: index,
      state,
      job_id,
      subworkflow_invocation_id: invocation_id,
    })),
    messages: messages.map(({ reason, details, step }) =>
      [reason, ...(step === null ? [] : [`at step ${step}`]), ...(details === null ? [] : [details])].join(": "),
    ),
    ...(outputs.length === 0
      ? {}
      : { outputs: Object.fromEntries(outputs.map(({ name, src, id }) => [name, { src, id }])) }),
  };
}

function sorted(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).sort(([left], [right]) => (left < right ? -1 : 1)));
}

/**
 * Writes what was seen of invocations, each that changed as one commit on its run's branch, all of them together; and ends
 * the jobs of those that ended: what the template maps is submitted and judged. Returns what writing threw, by run: the
 * others are written all the same.
 */
export async function writeSeen(store: Store, seen: readonly SeenInvocation[]): Promise<ReadonlyMap<string, unknown>> {
  const failed = new Map<string, unknown>();
  const all = async (some: readonly SeenInvocation[], write: typeof writeOne): Promise<void> => {
    const noted = some.map(async (each) => write(store, each).catch((error) => failed.set(each.runId, error)));
    await Promise.all(noted);
  };
  await all(
    seen.filter(({ look }) => !look.ended),
    writeOne,
  );
  await all(
    seen.filter(({ look }) => look.ended),
    endOne,
  );
  return failed;
}

async function writeOne(store: Store, { runId, look }: SeenInvocation): Promise<void> {
  await writeInvocation(store, runId, (known, record) => {
    const invocation = afterLook(known, look);
    if (!sameJson(known as unknown as Json, invocation as unknown as Json))
      return { invocation, subject: `Note Galaxy's word for run ${runId}`, lines: [wordsOf(invocation)], early: true };
    return stalled(store, record, invocation);
  });
}

/** Calls the invocation of a run stalled, once, when there was no news of it for long. Throws what writing throws. */
export async function noteStalled(store: Store, runId: string): Promise<void> {
  await writeInvocation(store, runId, (invocation, record) => stalled(store, record, invocation));
}

function stalled(store: Store, record: RunRecord, invocation: InvocationRecord): InvocationNews | null {
  const isStalled = store.clock() - Date.parse(record.updated_at) >= STALLED_MS;
  if (!isStalled || record.notices.some(({ code }) => code === STALLED.code)) return null;
  return { invocation, subject: `Call the invocation of run ${record.id} stalled`, notices: [STALLED] };
}

/** An invocation's state and its jobs, for a commit. */
function wordsOf({ galaxy_state, jobs }: InvocationRecord): string {
  const counts = Object.entries(jobs).map(([state, count]) => `${count} ${state}`);
  return `${galaxy_state ?? "unknown"}${counts.length === 0 ? "" : `: ${counts.join(", ")}`}`;
}

async function endOne(store: Store, { runId, look }: SeenInvocation): Promise<void> {
  const record = store.runs.view(runId)?.record;
  // What the gate refused is for whoever mends it; it is not handed in again.
  if (record?.invocation === undefined || (record.invocation.finished_at !== undefined && record.status !== "merging"))
    return;
  const finished_at = new Date(store.clock()).toISOString();
  const invocation = { ...afterLook(record.invocation, look), finished_at };
  await endJob(store, record.job_id, { ...outcomeOf(store, record, invocation, look), invocation });
}

/** What an invocation that has ended makes of its job. */
function outcomeOf(
  store: Store,
  record: RunRecord,
  invocation: InvocationRecord,
  { succeeded }: InvocationLook,
): JobOutcome {
  const words = wordsOf(invocation);
  if (invocation.state === "cancelled")
    return {
      status: "cancelled",
      error: { code: "cancelled", message: `The invocation was cancelled in Galaxy (${words}).` },
    };
  if (!succeeded) {
    const said = invocation.messages.length === 0 ? "" : ` Galaxy says: ${invocation.messages.join("; ")}`;
    return { status: "failed", error: { code: "galaxy_failed", message: `The invocation ended as ${words}.${said}` } };
  }
  try {
    const body = bodyOf(store, record, invocation);
    return { status: "completed", ...(body === null ? {} : { body }) };
  } catch (error) {
    if (!(error instanceof RuntreeError)) throw error;
    return { status: "failed", error: { code: error.code, message: error.message } };
  }
}

/** The submission that the template makes of an invocation; null without a mapping. */
function bodyOf(store: Store, record: RunRecord, invocation: InvocationRecord): JsonObject | null {
  const mapping = store.templates.find(record.template_id ?? "")?.mapping;
  if (mapping === undefined) return null;
  const { dataset_id, inputs = {}, outputs = {}, server, workflow_id, workflow_name, history_id } = invocation;
  const { invocation_id, state, galaxy_state } = invocation;
  const told = {
    id: invocation_id,
    key: invocationKey(invocation),
    server,
    workflow_id,
    workflow_name,
    history_id,
    state,
    galaxy_state,
  };
  const known = Object.entries(told).filter(([, value]) => value !== undefined && value !== null);
  return mapInvocation(mapping, {
    run_id: record.id,
    job_id: record.job_id,
    params: record.params ?? {},
    ...(dataset_id === undefined ? {} : { dataset_id, dataset: datasetOf(store, dataset_id) }),
    invocation: Object.fromEntries(known) as JsonObject,
    inputs,
    outputs,
  });
}
