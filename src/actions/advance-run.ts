import type { JsonObject } from "../domain/json.ts";
import { isClosed, type RunRecord } from "../domain/run.ts";
import { listed, MAX_LISTED, type Notice } from "../domain/verdict.ts";
import { readCommit } from "../git/commit.ts";
import type { Oid } from "../git/objects.ts";
import type { Authorship } from "../store/authorship.ts";
import { commitOnBranch, editFiles, runTrailers } from "../store/branch.ts";
import { assess } from "../store/assess.ts";
import { judge } from "../store/gate.ts";
import { VALIDATION } from "../store/idempotency.ts";
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
  readonly files: ReadonlyMap<string, string | null> | null;
  readonly lines: readonly string[];
  readonly notices: readonly Notice[];
  readonly record: RunRecord;
  readonly subject: string;
}

/**
 * Writes one step of a run as one commit. What is submitted is checked as if it were merged now: the violations become
 * the run's warnings. A run that is thereby `merging` goes through the gate before this returns.
 * Throws what a refused merge throws (`throwIfRejected`), after everything is kept.
 */
export async function advanceRun(store: Store, author: Authorship, step: RunStep): Promise<RunView> {
  let record: RunRecord = { ...step.record, notices: [...step.record.notices, ...step.notices].slice(0, MAX_LISTED) };
  const trailers: (readonly [string, string])[] = [];
  if (step.files !== null) {
    record = { ...record, submissions: record.submissions + 1 };
    trailers.push(["Submission", String(record.submissions)]);
    if (record.status !== "merging" && !isClosed(record.status)) {
      const { tree, objects } = editFiles(store, step.tree, step.files);
      const { violations } = await assess(store, { id: record.id, tree, bases: [record.base], objects });
      const { violations: warnings, violation_count } = listed(violations);
      record = { ...record, validations: record.validations + 1, warnings, warning_count: violation_count };
      trailers.push([VALIDATION, violation_count === 0 ? "passed; 0" : `warned; ${violation_count}`]);
    }
  }
  const view = await commitOnBranch(store, author, {
    from: step.from,
    parents: step.parents,
    tree: step.tree,
    files: step.files ?? new Map(),
    record,
    text: { subject: step.subject, body: step.lines.slice(0, MAX_NAMED), trailers: runTrailers(record, trailers) },
  });
  if (record.status !== "merging") return view;
  const judged = await judge(store, author, record.id);
  throwIfRejected(judged);
  return judged;
}

/** How many changed documents a commit message names. */
const MAX_NAMED = 20;

/** A step that stays on the run's branch. */
export function onBranch(store: Store, view: RunView): Pick<RunStep, "from" | "tree" | "parents"> {
  return { from: view, tree: readCommit(store.reader(), view.head).tree, parents: [view.head] };
}

/** Members that describe a run and come from whoever opens it. */
export interface RunDescription {
  readonly contract_id?: string;
  readonly pipeline_name?: string;
  readonly pipeline_id?: string;
  readonly metadata?: JsonObject;
}
