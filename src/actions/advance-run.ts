import { isClosed, type RunRecord } from "../domain/run.ts";
import { listed, MAX_LISTED, type Notice } from "../domain/verdict.ts";
import { readCommit } from "../git/commit.ts";
import type { Oid } from "../git/objects.ts";
import { type Authorship, checkedTrailer, named } from "../store/authorship.ts";
import { type BranchCommit, commitOnBranch, editFiles, runTrailers } from "../store/branch.ts";
import { assess } from "../store/assess.ts";
import { judge } from "../store/gate.ts";
import { judgeLater } from "../store/judge-later.ts";
import type { RunView } from "../store/run-view.ts";
import type { Store } from "../store/store.ts";
import { throwIfRejected } from "./refusal.ts";

/** One step of a run: what is written on its branch, and how its record reads afterwards. */
export interface RunStep {
  /** The run as it stands; null when this step opens it. */
  readonly from: RunView | null;
  /** The tree that the files are edited in: that of the branch, or of the commit it forks from. */
  readonly tree: Oid;
  readonly parents: readonly Oid[];
  /** Changed files; null when the step submits nothing. */
  readonly files: ReadonlyMap<string, string | Buffer | null> | null;
  readonly lines: readonly string[];
  readonly notices: readonly Notice[];
  readonly record: RunRecord;
  readonly subject: string;
  readonly trailers?: readonly (readonly [string, string])[];
  /** A run that is thereby `merging` is judged after this returns. */
  readonly later?: boolean | undefined;
  readonly sync?: BranchCommit["sync"];
}

/**
 * Writes one step of a run as one commit. What is submitted is checked as if it were merged now: the violations become
 * the run's warnings. A run that is thereby `merging` goes through the gate before this returns, unless that may be later.
 * Throws what a refused merge throws (`throwIfRejected`), after everything is kept.
 */
export async function advanceRun(store: Store, author: Authorship, step: RunStep): Promise<RunView> {
  let record: RunRecord = { ...step.record, notices: [...step.record.notices, ...step.notices].slice(0, MAX_LISTED) };
  const edited = editFiles(store, step.tree, step.files ?? new Map());
  const trailers = [...(step.trailers ?? [])];
  if (step.files !== null) {
    record = { ...record, submissions: record.submissions + 1 };
    trailers.push(["Submission", String(record.submissions)]);
    if (record.status !== "merging" && !isClosed(record.status)) {
      const { violations } = await assess(store, { id: record.id, bases: [record.base], ...edited });
      const { violations: warnings, violation_count } = listed(violations);
      record = { ...record, validations: record.validations + 1, warnings, warning_count: violation_count };
      trailers.push(checkedTrailer(violation_count));
    }
  }
  const view = await commitOnBranch(store, author, {
    from: step.from,
    parents: step.parents,
    ...edited,
    record,
    ...(step.sync === undefined ? {} : { sync: step.sync }),
    text: { subject: step.subject, body: named(step.lines), trailers: runTrailers(record, trailers) },
  });
  if (record.status !== "merging") return view;
  if (step.later === true) {
    judgeLater(store, author, record.id);
    return view;
  }
  const judged = await judge(store, author, record.id);
  throwIfRejected(judged);
  return judged;
}

/** A step that stays on the run's branch. */
export function onBranch(store: Store, view: RunView): Pick<RunStep, "from" | "tree" | "parents"> {
  return { from: view, tree: readCommit(store.reader(), view.head).tree, parents: [view.head] };
}
