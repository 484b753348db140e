import { RuntreeError } from "../domain/errors.ts";
import type { InvocationRecord } from "../domain/invocation.ts";
import { ENDED_BY, type JobEnd, type JobError, type JobRecord, MOST_ATTEMPTS } from "../domain/job.ts";
import type { Json } from "../domain/json.ts";
import { readSubmission } from "../domain/patch.ts";
import { type RunRecord, isClosed } from "../domain/run.ts";
import { counted, type Notice } from "../domain/verdict.ts";
import type { Authorship } from "../store/authorship.ts";
import { bringToEnd } from "../store/gate.ts";
import { commitToOps } from "../store/ops-commit.ts";
import { findRun, type RunView } from "../store/run-view.ts";
import type { Store } from "../store/store.ts";
import { applySubmission } from "../store/submission.ts";
import { advanceRun, onBranch } from "./advance-run.ts";
import { placedLast } from "./create-job.ts";
import { latestRecord } from "./require-job.ts";
import { anotherAttempt } from "./retry-job.ts";

/** How an executor's work on a job ended. */
export interface JobOutcome {
  /** What the work means; `completed` only if the gate agrees. */
  readonly status: JobEnd["status"];
  readonly error?: JobError;
  readonly exit_code?: number;
  readonly pid?: number;
  /** How the invocation of a Galaxy ended. */
  readonly invocation?: InvocationRecord;
  /** A submission of it: `{collection: {id: document}}`. */
  readonly body?: Json;
  /** What was changed in that as it was read. */
  readonly notices?: readonly Notice[];
  /** Files that it brought along, by their paths in the repository. */
  readonly artifacts?: ReadonlyMap<string, Buffer>;
  /** The work was cut short by this node, so that it is tried again whatever the template says. */
  readonly interrupted?: boolean;
  /** The node had not what it takes to begin the work, so that this attempt does not count. */
  readonly neverBegan?: boolean;
}

/**
 * Ends a job that an executor opened a run for: submits what it brought, has the run judged or closes it, and writes how the
 * job ended, in the same commit as the job that tries it again. A run that is closed already decides, and `onDropped` hears
 * that what was brought could not be added to it. Returns the job; it is left as it is when it has ended before. Throws what
 * the machine fails at.
 */
export async function endJob(
  store: Store,
  id: string,
  outcome: JobOutcome,
  onDropped: () => void = () => undefined,
): Promise<JobRecord> {
  const { run_id: runId = "", created_by: principal } = store.jobs.find(id) ?? latestRecord(store, id);
  const author: Authorship = { principal, idempotency: null };
  const { record } = await store.turns.take(`run ${runId}`, async () =>
    settleRun(store, author, runId, outcome, onDropped),
  );
  return store.ops.take(async (ahead) => {
    const job = latestRecord(ahead, id);
    if (job.ended !== undefined) return job;
    const at = new Date(store.clock()).toISOString();
    const ended = endOf(record, outcome, at);
    // Made when the job ended, to the millisecond: that tells it from a retry that somebody asked for.
    const next = isTriedAgain(store, job, ended, outcome)
      ? [
          placedLast(store, {
            ...anotherAttempt(store, principal, job, outcome.neverBegan !== true),
            created_at: at,
          }),
        ]
      : [];
    const now: JobRecord = { ...job, ended };
    const body = [
      ...(ended.error === undefined ? [] : [ended.error.message]),
      ...next.map((again) => `tried again as job ${again.id}`),
    ];
    const text = {
      subject: `End job ${id} as ${ended.status}`,
      body,
      trailers: [
        ["Job-Id", id],
        ["Run-Id", runId],
      ] as const,
    };
    await commitToOps(ahead, author, { jobs: [now, ...next] }, text);
    return now;
  });
}

/** Brings the run of a job to its end; one that the gate refuses stays as it is. The caller holds the run's turn. */
async function settleRun(
  store: Store,
  author: Authorship,
  id: string,
  outcome: JobOutcome,
  onDropped: () => void,
): Promise<RunView> {
  const found = findRun(store.repository, id);
  if (found === null) throw new RuntreeError("run_not_found", `There is no run ${id}.`, { run_id: id });
  const view = await bringToEnd(store, author, found);
  if (view.place !== "open") {
    const hasBrought = outcome.body !== undefined || (outcome.artifacts?.size ?? 0) > 0;
    // Unless it was closed by this very outcome, a while ago.
    if (hasBrought && view.record.exit_code === undefined) onDropped();
    return view;
  }
  // The gate refused it after its process had ended.
  if (view.record.status === "rejected" && view.record.exit_code !== undefined) return view;
  try {
    return await conclude(store, author, view, outcome);
  } catch (error) {
    if (error instanceof RuntreeError && error.data["run"] !== undefined) return error.data["run"] as RunView;
    const words = refusedWords(error);
    if (words === null || outcome.body === undefined) throw error;
    return conclude(store, author, view, withoutBody(outcome, words));
  }
}

/** An outcome whose body the door refused for this reason, which only matters where it was needed. */
function withoutBody({ body: _, artifacts, ...bare }: JobOutcome, message: string): JobOutcome {
  const code = "output_invalid";
  if (bare.status === "completed") return { ...bare, status: "failed", error: { code, message } };
  return { ...bare, ...(artifacts && { artifacts }), notices: [{ code, message, severity: "warning" }] };
}

/** Why the door refused what was submitted; null for an error that is nobody's submission. */
function refusedWords(error: unknown): string | null {
  return error instanceof RuntreeError && error.code === "validation_failed" ? error.message : null;
}

async function conclude(store: Store, author: Authorship, view: RunView, outcome: JobOutcome): Promise<RunView> {
  const { status, error, body, notices = [], artifacts = new Map() } = outcome;
  const submission = body === undefined ? null : readSubmission(body, []);
  const [violation] = submission?.violations ?? [];
  if (violation !== undefined) {
    const words = `The output is refused: ${violation.pointer || "it"}: ${violation.message}`;
    throw new RuntreeError("validation_failed", words, { errors: submission?.violations });
  }
  const branch = onBranch(store, view);
  const applied =
    submission === null
      ? null
      : applySubmission(store, { tree: branch.tree, base: view.record.base }, submission.edits);
  const files = new Map([...(applied?.files ?? []), ...artifacts]);
  const at = new Date(store.clock()).toISOString();
  const next = status === "completed" ? "merging" : status;
  const { error: _, ...kept } = view.record;
  const record: RunRecord = {
    ...kept,
    status: next,
    updated_at: at,
    ...(isClosed(next) ? { completed_at: at } : {}),
    ...(error === undefined ? {} : { error }),
    ...(outcome.exit_code === undefined ? {} : { exit_code: outcome.exit_code }),
    ...(outcome.pid === undefined ? {} : { pid: outcome.pid }),
    ...(outcome.invocation === undefined ? {} : { invocation: outcome.invocation }),
  };
  return advanceRun(store, author, {
    ...branch,
    files: files.size === 0 ? null : files,
    lines: [...(error === undefined ? [] : [error.message]), ...(applied?.lines ?? [])],
    notices,
    record,
    subject: next === "merging" ? `Finish run ${record.id}` : `Close run ${record.id} as ${next}`,
  });
}

/** How a job ended whose run is as this record says. */
function endOf(record: RunRecord, outcome: JobOutcome, at: string): JobEnd {
  const status = ENDED_BY[record.status] ?? "failed";
  const refused: JobError = {
    code: "gate_rejected",
    message: `The gate refused the merge of run ${record.id}: ${foundBy(record).replace(/\.$/, "")}.`,
  };
  const error =
    record.status === "rejected" ? refused : (record.error ?? (status === "failed" ? outcome.error : undefined));
  const [exitCode, pid] = [outcome.exit_code ?? record.exit_code, outcome.pid ?? record.pid];
  return {
    status,
    at,
    ...(exitCode === undefined ? {} : { exit_code: exitCode }),
    ...(pid === undefined ? {} : { pid }),
    ...(error === undefined ? {} : { error }),
  };
}

/** What the gate found wrong with a run, the first of it whole. */
function foundBy({ error, merge }: RunRecord): string {
  const { violations = [], violation_count = 0, conflicts = [] } = merge?.verdict ?? {};
  const [violation, conflict] = [violations[0], conflicts[0]];
  const more = `${counted(violation_count, "violation")}, ${counted(conflicts.length, "conflict")}`;
  if (violation !== undefined)
    return `${more}; ${violation.collection}/${violation.id} ${violation.pointer || '""'}: ${violation.message}`;
  if (conflict !== undefined)
    return `${more}; ${conflict.collection}/${conflict.id} ${conflict.pointer || '""'} was changed in main, too`;
  return (error?.message ?? more).replace(/\.$/, "");
}

/** Tells whether a job that ended so is tried again without being asked. */
function isTriedAgain(store: Store, job: JobRecord, { status, error }: JobEnd, outcome: JobOutcome): boolean {
  if (status !== "failed" || error?.code === "gate_rejected") return false;
  // What it was doing may have been over before it was cut short.
  const isCutShort = outcome.interrupted === true && error?.code === "interrupted";
  if (isCutShort && outcome.neverBegan === true) return true;
  const attempt = job.attempt ?? 1;
  if (attempt >= MOST_ATTEMPTS) return false;
  const { retries = 0 } = store.templates.find(job.template_id ?? "") ?? {};
  return isCutShort || attempt <= retries;
}
