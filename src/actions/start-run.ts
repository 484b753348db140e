import { RuntreeError } from "../domain/errors.ts";
import { CUSTOM_JOB, type JobRecord } from "../domain/job.ts";
import type { Json, JsonObject } from "../domain/json.ts";
import { applyMergePatch, readSubmission } from "../domain/patch.ts";
import { runIdProblem } from "../domain/run-id.ts";
import type { RunRecord } from "../domain/run.ts";
import type { Notice } from "../domain/verdict.ts";
import { isOid, type Oid } from "../git/objects.ts";
import { readCommit } from "../git/commit.ts";
import type { Authorship } from "../store/authorship.ts";
import { findRun, type RunView } from "../store/run-view.ts";
import type { Store } from "../store/store.ts";
import { applySubmission } from "../store/submission.ts";
import { advanceRun } from "./advance-run.ts";
import { jobTurn, requireJobForRun } from "./require-job.ts";
import { refuseAtDoor, refuseMember } from "./refusal.ts";

export interface StartRun {
  readonly job_id: string;
  readonly contract_id?: string;
  readonly pipeline_name?: string;
  readonly pipeline_id?: string;
  readonly metadata?: JsonObject;
  readonly done?: boolean;
  readonly body?: Json;
  readonly run_id?: string;
  /** The commit of `main` to fork from; by default where `main` is. */
  readonly base?: string;
  readonly notices: readonly Notice[];
  /** With `done`: the run is judged after this returned it as `merging`. */
  readonly later?: boolean;
}

/** The commit a new run forks from. Refuses a base that `main` does not have on its first-parent chain. */
function forkPoint(store: Store, base: string | undefined): Oid {
  const main = store.main.catchUp();
  if (base === undefined) return main;
  if (isOid(base) && store.main.history.broughtBy(base) === base) return base;
  return refuseMember(
    "schema",
    "/base",
    `base must be a commit of main, as in a Runtree-Commit header; "${base.slice(0, 60)}" is none.`,
  );
}

/** The record of a run that is opened over REST. */
export function firstRecord(
  author: Authorship,
  opened: Omit<StartRun, "base" | "body" | "run_id" | "notices" | "later"> & {
    readonly id: string;
    readonly at: string;
    readonly base: Oid;
  },
): RunRecord {
  return {
    id: opened.id,
    job_id: opened.job_id,
    origin: "rest",
    status: opened.done === true ? "merging" : "waiting",
    created_by: author.principal,
    created_at: opened.at,
    updated_at: opened.at,
    metadata: applyMergePatch({}, opened.metadata ?? {}) as RunRecord["metadata"],
    ...(opened.contract_id === undefined ? {} : { contract_id: opened.contract_id }),
    ...(opened.pipeline_name === undefined ? {} : { pipeline_name: opened.pipeline_name }),
    ...(opened.pipeline_id === undefined ? {} : { pipeline_id: opened.pipeline_id }),
    base: opened.base,
    submissions: 0,
    validations: 0,
    warnings: [],
    warning_count: 0,
    notices: [],
  };
}

/** Throws `job_not_external` for a job whose runs an executor opens. */
function requireForAgents({ id, executor }: JobRecord): void {
  if (executor === "external") return;
  const words = `Job ${id} is worked on by the executor ${executor}; agents make runs of external jobs, and of ${CUSTOM_JOB}.`;
  throw new RuntreeError("job_not_external", words, { job_id: id });
}

/**
 * Opens a run on a job: its branch, with the submission on it when there is a body; with `done` it is merged at once.
 * Throws `job_not_found`, `job_not_external`, `run_exists`, `validation_failed` at the door, and what a refused merge throws.
 */
export async function startRun(store: Store, author: Authorship, input: StartRun): Promise<RunView> {
  if (input.job_id === CUSTOM_JOB) return openRun(store, author, input);
  // Whoever deletes or cancels the job has this turn alone, so that it sees every run of it.
  return store.turns.share(jobTurn(input.job_id), async () => {
    requireForAgents(requireJobForRun(store, input.job_id));
    return openRun(store, author, input);
  });
}

async function openRun(store: Store, author: Authorship, input: StartRun): Promise<RunView> {
  const now = store.clock();
  if (input.run_id !== undefined) {
    const problem = runIdProblem(input.run_id, now);
    if (problem !== null) refuseMember("bad_id", "/run_id", `${problem[0]?.toUpperCase()}${problem.slice(1)}.`);
  }
  const submission = input.body === undefined ? null : readSubmission(input.body, ["body"]);
  refuseAtDoor(submission?.violations ?? []);
  const id = input.run_id ?? store.nextRunId(now);

  const opened = { ...input, id, at: new Date(now).toISOString() };
  return store.turns.take(`run ${id}`, async () => {
    // An id that was made here is nobody else's.
    if (input.run_id !== undefined && findRun(store.repository, id) !== null)
      throw new RuntreeError("run_exists", `There is a run ${id} already.`, { run_id: id });
    const base = forkPoint(store, input.base);
    const { tree } = readCommit(store.reader(), base);
    const applied = submission === null ? null : applySubmission(store, { tree, base }, submission.edits);
    return advanceRun(store, author, {
      from: null,
      tree,
      parents: [base],
      files: applied?.files ?? null,
      lines: applied?.lines ?? [],
      notices: input.notices,
      record: firstRecord(author, { ...opened, base }),
      subject: `Start run ${id} of ${input.job_id}`,
      later: input.later,
    });
  });
}
