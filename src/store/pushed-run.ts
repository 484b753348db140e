import { hasCode } from "../domain/errors.ts";
import { RUN_FILE, runRef } from "../domain/layout.ts";
import type { RunRecord, RunStatus } from "../domain/run.ts";
import { counted, listed } from "../domain/verdict.ts";
import { readCommit } from "../git/commit.ts";
import type { Oid } from "../git/objects.ts";
import { assessRun, basesOf } from "./assess.ts";
import { checkedTrailer } from "./authorship.ts";
import { commitOnBranch, runTrailers } from "./branch.ts";
import { CUSTOM_JOB } from "../domain/job.ts";
import { pushedRecordAt } from "./pushed-file.ts";
import { findClosedRun, type PushedView, pushedView, type RunView } from "./run-view.ts";
import type { Store } from "./store.ts";

/** The commits of a run's own branch, newest first: from the tip along first parents to the first that `main` had before it merged the run. */
export function* ownCommits(store: Store, { head, place }: Pick<RunView, "head" | "place">): Generator<Oid> {
  const { history } = store.main;
  const merge = place === "merged" ? store.mergeCommitOf(head) : null;
  for (let at: Oid | undefined = head; at !== undefined;) {
    const brought = history.broughtBy(at);
    if (brought !== null && brought !== merge) return;
    yield at;
    at = readCommit(store.reader(), at).parents[0];
  }
}

/** The status of a run after a push: it asks for the gate, or for nothing. What was refused stays refused until it asks again. */
function nextStatus(known: RunRecord | undefined, done: boolean): RunStatus {
  if (done) return "merging";
  return known === undefined || known.status === "merging" ? "waiting" : known.status;
}

/** Whose a branch is when nobody noted who moved it: that of the person at this machine. */
const NOBODY = "local";

/**
 * The run of a pushed branch as its tip says, written or not: `merging` where that says done. It belongs to whoever
 * pushed it first. Null where there is no such branch, or its run is closed.
 */
export function readPush(store: Store, id: string): PushedView | null {
  const tip = store.repository.ref(runRef(id));
  if (tip === null || findClosedRun(store.repository, id) !== null) return null;
  const known = pushedView(store.repository, id);
  if (known?.head === tip) return known;
  const { record: said, notices } = pushedRecordAt(store.reader(), tip);
  const { done, ...members } = said;
  const at = new Date(store.clock()).toISOString();
  const main = store.main.catchUp();
  const { created_at, created_by, validations, warnings, warning_count, merge } = known?.record ?? {};
  const { job_id: job } = members;
  const found = store.jobs.row(job);
  const isNowhere = job !== CUSTOM_JOB && found?.executor !== "external";
  const code = found === null ? "job_not_found" : "job_not_external";
  const what = found === null ? `There is no job ${job}` : `Job ${job} is worked on by the executor ${found.executor}`;
  const message = `${what}; name a job for agents in ${RUN_FILE}, or custom, and push again.`;
  const record: PushedView["record"] = {
    id,
    origin: "push",
    status: isNowhere ? "rejected" : nextStatus(known?.record, done),
    created_by: created_by ?? store.pushes.pusherOf({ id, tip }) ?? NOBODY,
    created_at: created_at ?? at,
    updated_at: at,
    received_at: at,
    ...members,
    base: basesOf(store, tip)[0] ?? main,
    head: tip,
    submissions: [...ownCommits(store, { head: tip, place: "open" })].length,
    validations: validations ?? 0,
    warnings: warnings ?? [],
    warning_count: warning_count ?? 0,
    notices,
    ...(isNowhere ? { error: { code, message } } : {}),
    ...(merge === undefined ? {} : { merge }),
  };
  return { record, blob: known?.blob ?? "", head: tip, place: "open" };
}

/**
 * Writes what `readPush` tells, with the warnings of a run that does not say done. Returns the run as it then stands;
 * null when there is none. The caller holds the run's turn. Throws what `Store.apply` throws.
 */
export async function receivePush(store: Store, id: string): Promise<RunView | null> {
  const view = readPush(store, id);
  if (view === null || pushedView(store.repository, id)?.head === view.head) return view;
  const { record, trailers } = await withWarnings(store, view);
  return commitOnBranch(
    store,
    { principal: record.created_by, idempotency: null },
    {
      from: null,
      parents: [],
      tree: readCommit(store.reader(), view.head).tree,
      record,
      text: {
        subject: `Receive ${counted(record.submissions, "commit")} of run ${id}`,
        body: [`tip ${view.head}`],
        trailers: runTrailers(record, trailers),
      },
    },
  );
}

/** The record of a run with what there is to say of its tip. Of one that is done the gate says it. */
async function withWarnings(
  store: Store,
  view: PushedView,
): Promise<{ record: RunRecord; trailers: (readonly [string, string])[] }> {
  const { record } = view;
  if (record.status === "merging" || record.error !== undefined) return { record, trailers: [] };
  try {
    const { violations } = await assessRun(store, view);
    const { violations: warnings, violation_count } = listed(violations);
    const validations = record.validations + 1;
    return {
      record: { ...record, warnings, warning_count: violation_count, validations },
      trailers: [checkedTrailer(violation_count)],
    };
  } catch (error) {
    if (!hasCode(error, "too_many_bases")) throw error;
    return { record: { ...record, error: { code: error.code, message: error.message } }, trailers: [] };
  }
}
