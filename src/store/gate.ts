import { changeOp } from "../domain/change.ts";
import { hasCode, RuntreeError } from "../domain/errors.ts";
import { byUnit } from "../domain/json.ts";
import { MAIN, runRecordPath, runRef } from "../domain/layout.ts";
import type { RunRecord } from "../domain/run.ts";
import { counted, listed, MAX_LISTED, type Verdict } from "../domain/verdict.ts";
import { readCommit } from "../git/commit.ts";
import type { Oid } from "../git/objects.ts";
import { diffTrees } from "../git/tree.ts";
import { type Assessment, assessRun, conflictsOf } from "./assess.ts";
import type { CommandsAsked } from "./checks.ts";
import type { CheckTask } from "./command-checks.ts";
import { authoredCommit, type Authorship, checkedTrailer, markOf, named, VALIDATION } from "./authorship.ts";
import { commitOnBranch, pushedBy, putRecord, resultStep, runTrailers } from "./branch.ts";
import type { MergePlan } from "./plan.ts";
import { dropClosedBranch } from "./closed-branch.ts";
import { readPush, receivePush } from "./pushed-run.ts";
import { findRun, type RunView } from "./run-view.ts";
import type { Store } from "./store.ts";
import { branchRules } from "./submission.ts";

/** How often a merge is planned anew because `main` or the branch moved under it. */
const MAX_ATTEMPTS = 8;

/** How often commands are asked outside the lane; merges that always change what they have to judge do not put a run off for ever. */
const MAX_OUTSIDE = 4;

/** What a merge does to `main`: a few words for the subject, and a line for each document. */
function summary({ documents, settings }: MergePlan): { subject: string; lines: string[] } {
  const ops = [...settings, ...documents].flatMap(({ collection, id, ours, merged }) => {
    const op = changeOp(ours, merged);
    return op === null ? [] : [{ op, name: `${collection}/${id}` }];
  });
  const words = (["add", "modify", "delete"] as const).flatMap((op) => {
    const count = ops.filter((each) => each.op === op).length;
    return count === 0 ? [] : [`${op} ${count}`];
  });
  const lines = ops.map(({ op, name }) => `${op} ${name}`).sort(byUnit);
  return { subject: words.join(", ") || "no changes", lines: named(lines) };
}

/** The authorship of the outcome: it repeats the mark of the submission it judges, so that a retry finds the outcome. */
function judgedFor(store: Store, author: Authorship, { record, head }: RunView): Authorship {
  // What was pushed is not ours, whatever its trailers say.
  const mark = record.origin === "push" ? null : markOf(readCommit(store.reader(), head).message);
  return { ...author, idempotency: mark ?? author.idempotency };
}

/** What a merge writes, but for the record. */
type MergeResult = Pick<MergePlan, "tree" | "objects">;

/** Makes what is to be written when nothing stands in the way; null when something does. */
function resultOf({ plan, violations }: Assessment): MergeResult | null {
  return violations.length + plan.conflicts.length === 0 ? { tree: plan.tree, objects: plan.objects } : null;
}

async function merge(
  store: Store,
  author: Authorship,
  view: RunView,
  { found, result }: { readonly found: Assessment; readonly result: MergeResult },
  verdict: Verdict,
): Promise<RunView> {
  const now = verdict.at;
  const { warnings: _, warning_count: __, error: ___, merge: ____, ...kept } = view.record;
  const record: RunRecord & { readonly head: Oid } = {
    ...kept,
    status: "success",
    updated_at: now,
    completed_at: now,
    head: view.head,
    validations: view.record.validations + 1,
    warnings: [],
    warning_count: 0,
    notices: [...kept.notices, ...found.plan.notices].slice(0, MAX_LISTED),
    merge: { verdict },
  };
  const { subject, lines } = summary(found.plan);
  const { tree, blob, objects } = putRecord(store, result, runRecordPath(record.id), record);
  const commit = authoredCommit(store.reader(), store.signing(judgedFor(store, author, view)), {
    subject: `Merge run ${record.id} of ${record.job_id}: ${subject}`,
    body: lines,
    trailers: runTrailers(record, [checkedTrailer(0), ...pushedBy(record)]),
    tree,
    parents: [found.main, view.head],
  });
  const merged: RunView = { record, blob, head: view.head, place: "merged" };
  const text = { subject: `Keep the verdict of run ${record.id}: merged`, trailers: runTrailers(record) };
  const beside = record.origin === "push" ? resultStep(store, author, record, text) : null;
  const gone = beside?.closing ?? [{ ref: runRef(record.id), from: view.head, to: null }];
  await store.apply(
    {
      objects: [...objects, commit, ...(beside?.objects ?? [])],
      refs: [{ ref: MAIN, from: found.main, to: commit.oid }, ...gone],
      ...(beside === null ? {} : { early: true }),
    },
    { run: merged, commits: [commit.oid] },
  );
  return merged;
}

async function reject(store: Store, author: Authorship, view: RunView, verdict: Verdict): Promise<RunView> {
  const record: RunRecord = {
    ...view.record,
    status: "rejected",
    updated_at: verdict.at,
    validations: view.record.validations + 1,
    warnings: verdict.violations,
    warning_count: verdict.violation_count,
    merge: { verdict },
  };
  return commitOnBranch(store, judgedFor(store, author, view), {
    from: view,
    parents: [view.head],
    tree: readCommit(store.reader(), view.head).tree,
    record,
    text: {
      subject: `Reject run ${record.id}: ${counted(verdict.violation_count, "violation")}, ${counted(verdict.conflicts.length, "conflict")}`,
      body: named([
        ...verdict.conflicts.map(({ collection, id, pointer }) => `conflict ${collection}/${id} ${pointer}`),
        ...verdict.violations.map(({ code, collection, id, pointer }) => `${code} ${collection}/${id} ${pointer}`),
      ]),
      trailers: runTrailers(record, [[VALIDATION, `failed; ${verdict.violation_count}`]]),
    },
  });
}

/**
 * Gives a run back that could not be judged at all, with the reason: its history cannot be planned, or our own program
 * failed on it. Left `merging` it would fail again at every start.
 */
async function giveBack(
  store: Store,
  author: Authorship,
  view: RunView,
  error: { code: string; message: string },
): Promise<RunView> {
  const record: RunRecord = {
    ...view.record,
    status: "rejected",
    updated_at: new Date(store.clock()).toISOString(),
    error: { code: error.code, message: error.message },
  };
  return commitOnBranch(store, judgedFor(store, author, view), {
    from: view,
    parents: [view.head],
    tree: readCommit(store.reader(), view.head).tree,
    record,
    text: { subject: `Reject run ${record.id}: ${error.code}`, body: [error.message], trailers: runTrailers(record) },
  });
}

/** Why a run cannot be judged; null when the machine is to blame, and the same may go well later. */
function notJudged(error: unknown): { code: string; message: string } | null {
  if (!(error instanceof RuntreeError))
    return { code: "internal", message: `The gate failed on this run: ${String(error)}` };
  return error.code === "too_many_bases" ? { code: error.code, message: error.message } : null;
}

/**
 * Judges a run that is `merging`: it becomes part of `main`, or `rejected` with its branch kept. The caller holds the
 * run's turn; the lane is taken here. When `main` or the branch was moved by somebody else meanwhile, the merge is
 * planned and checked again. Throws `busy` when that happens too often.
 */
export async function judge(store: Store, author: Authorship, runId: string): Promise<RunView> {
  const before = runToJudge(store, runId);
  const round = store.commands.round();
  // What the validator and commands say is remembered inside the lane, where it would keep the others waiting.
  if (before?.place === "open" && isUnchecked(store, before))
    await assessRun(store, before, { commands: { round, wait: true } }).catch(() => undefined);
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    try {
      const commands = { round, wait: attempt >= MAX_OUTSIDE };
      const judged = await store.lane.take(async (ahead) => judgeOnce(ahead, author, runId, commands));
      if ("record" in judged) return judged;
      await round.ask(judged.left);
    } catch (error) {
      if (!hasCode(error, "ref_moved")) throw error;
      // Somebody may have pushed again, and not said done this time.
      const again = before?.record.origin === "push" ? readPush(store, runId) : null;
      if (again !== null && again.record.status !== "merging") return (await receivePush(store, runId)) ?? again;
    }
  }
  throw new RuntreeError(
    "busy",
    `main moved ${MAX_ATTEMPTS} times while run ${runId} was merged; the run is kept, try again.`,
    { run: runId },
  );
}

/** The run as it stands. What was pushed is judged as it came: its record need not be written before the verdict is. */
function runToJudge(store: Store, runId: string): RunView | null {
  const found = findRun(store.repository, runId);
  return found === null || (found.place === "open" && found.record.origin === "push")
    ? (readPush(store, runId) ?? found)
    : found;
}

/** So few changed files are checked while the lane is held: to check them before as well takes longer. */
const FEW = 16;

/** Tells whether the last submission of a run was not checked yet, or its branch has other rules than it forked from. */
function isUnchecked(store: Store, { record, head }: RunView): boolean {
  const read = store.reader();
  const [base, tip] = [readCommit(read, record.base).tree, readCommit(read, head).tree];
  if (branchRules(store, tip) !== branchRules(store, base)) return true;
  if (record.validations >= record.submissions) return false;
  return (
    record.origin !== "push" ||
    store.main.rules.configuration.checks !== undefined ||
    isMore(diffTrees(read, base, tip), FEW)
  );
}

/** Tells whether there are more than so many. */
function isMore(items: Iterable<unknown>, few: number): boolean {
  let count = 0;
  for (const _ of items) if (++count > few) return true;
  return false;
}

/**
 * Brings what was cut short about a run to its end: the branch of one that is closed goes, one that is `merging` is
 * judged. The caller holds the run's turn. Returns the run as it is then. Throws what `judge` throws.
 */
export async function bringToEnd(store: Store, author: Authorship, view: RunView): Promise<RunView> {
  if (view.place !== "open") return view;
  const closed = await dropClosedBranch(store, view.record.id);
  if (closed !== null) return closed;
  return view.record.status === "merging" ? judge(store, author, view.record.id) : view;
}

/** Judges a run in the lane; or tells what commands have to judge first, for which the lane is not to be held. */
async function judgeOnce(
  store: Store,
  author: Authorship,
  runId: string,
  commands: CommandsAsked,
): Promise<RunView | { readonly left: readonly CheckTask[] }> {
  const view = runToJudge(store, runId);
  const closed = view?.place === "open" ? await dropClosedBranch(store, runId) : null;
  if (closed !== null) return closed;
  if (view === null || view.record.status !== "merging") {
    throw new RuntreeError("busy", `Run ${runId} was moved by someone else; look at it and try again.`, {
      run: runId,
    });
  }
  let found: Assessment;
  let result: MergeResult | null;
  try {
    found = await assessRun(store, view, { commands });
    if (found.left.length > 0) return { left: found.left };
    result = resultOf(found);
  } catch (error) {
    const reason = notJudged(error);
    if (reason === null) throw error;
    const given = await giveBack(store, author, view, reason);
    if (reason.code === "internal") throw error;
    return given;
  }
  const conflicts = conflictsOf(store, view, found);
  const verdict: Verdict = {
    outcome: result === null ? "rejected" : "merged",
    run_id: runId,
    tip: view.head,
    main_before: found.main,
    checked: found.checked,
    ...listed(found.violations),
    conflicts,
    at: new Date(store.clock()).toISOString(),
  };
  return result === null
    ? reject(store, author, view, verdict)
    : merge(store, author, view, { found, result }, verdict);
}
