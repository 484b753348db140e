import { hasCode } from "../domain/errors.ts";
import { RUN_FILE, runRef } from "../domain/layout.ts";
import type { PushedRecord } from "../domain/pushed-record.ts";
import type { RunRecord, RunStatus } from "../domain/run.ts";
import { counted, listed } from "../domain/verdict.ts";
import { readCommit } from "../git/commit.ts";
import type { Oid } from "../git/objects.ts";
import { assessRun, basesOf } from "./assess.ts";
import { checkedTrailer, named } from "./authorship.ts";
import { commitOnBranch, runTrailers } from "./branch.ts";
import { CUSTOM_JOB } from "./ops.ts";
import { pushedRecordAt } from "./pushed-file.ts";
import { findClosedRun, findRun, pushedView, type RunView } from "./run-view.ts";
import type { Store } from "./store.ts";

/** Whose a branch is when nobody noted who moved it: that of the person at this machine. */
const NOBODY = "local";

/** The commits of a run's own branch, newest first: from the tip along first parents to the first that `main` had before it merged the run. */
export function* ownCommits(store: Store, { head, place }: RunView): Generator<Oid> {
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
function nextStatus(known: RunRecord | undefined, { done }: PushedRecord): RunStatus {
  if (done) return "merging";
  return known === undefined || known.status === "merging" ? "waiting" : known.status;
}

/**
 * Takes note of what was pushed to a run's branch, durably and once: its record follows the tip, and is `merging` when
 * that says done. The run belongs to whoever pushed it first. Returns the run as it then stands, null when there is none.
 * The caller holds the run's turn. Throws what `Store.apply` throws.
 */
export async function receivePush(store: Store, id: string): Promise<RunView | null> {
  const tip = store.repository.ref(runRef(id));
  if (tip === null || findClosedRun(store.repository, id) !== null) return findRun(store.repository, id);
  const known = pushedView(store.repository, id);
  if (known?.head === tip) return known;
  const { record: said } = pushedRecordAt(store.reader(), tip);
  const { done: _, ...members } = said;
  const at = new Date(store.clock()).toISOString();
  const main = store.main.catchUp();
  const owner = known?.record.created_by ?? store.pushes.pusherOf({ id, tip }) ?? NOBODY;
  const author = { principal: owner, idempotency: null };
  const status = nextStatus(known?.record, said);
  const place = { record: { id }, head: tip, place: "open" } as RunView;
  const received: RunRecord = {
    id,
    origin: "push",
    status,
    created_by: author.principal,
    created_at: known?.record.created_at ?? at,
    updated_at: at,
    received_at: at,
    ...members,
    base: basesOf(store, tip)[0] ?? main,
    head: tip,
    submissions: [...ownCommits(store, place)].length,
    validations: known?.record.validations ?? 0,
    warnings: known?.record.warnings ?? [],
    warning_count: known?.record.warning_count ?? 0,
    notices: [],
    ...(known?.record.merge === undefined ? {} : { merge: known.record.merge }),
  };
  const { record, trailers } = await checked(store, received, tip);
  return commitOnBranch(store, author, {
    from: known,
    parents: [],
    tree: readCommit(store.reader(), tip).tree,
    record,
    text: {
      subject: `Receive ${counted(record.submissions, "commit")} of run ${id}`,
      body: named([`tip ${tip}`]),
      trailers: runTrailers(record, trailers),
    },
  });
}

/** A record as it was received, with what there is to say of its tip; the gate says so of one that is done. */
async function checked(
  store: Store,
  record: RunRecord,
  tip: Oid,
): Promise<{ record: RunRecord; trailers: (readonly [string, string])[] }> {
  const { job_id: job } = record;
  if (job !== CUSTOM_JOB && store.jobs.find(job) === null) {
    const message = `There is no job ${job}; name one that there is in ${RUN_FILE}, or custom, and push again.`;
    return { record: { ...record, status: "rejected", error: { code: "job_not_found", message } }, trailers: [] };
  }
  if (record.status === "merging") return { record, trailers: [] };
  try {
    const { violations } = await assessRun(store, { record, head: tip });
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
