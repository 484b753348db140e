import { RuntreeError } from "../domain/errors.ts";
import { counted, doorViolation, type Violation, type ViolationCode } from "../domain/verdict.ts";
import type { RunRecord } from "../domain/run.ts";
import { findRun, type RunView } from "../store/run-view.ts";
import type { Store } from "../store/store.ts";

/** Throws `validation_failed` when the door found something; nothing has been written then. */
export function refuseAtDoor(violations: readonly Violation[]): void {
  if (violations.length === 0) return;
  const [first] = violations;
  throw new RuntreeError("validation_failed", `The request is refused: ${first?.message ?? ""}`, {
    errors: violations,
  });
}

/** Throws `validation_failed` for one member of the request body. */
export function refuseMember(code: ViolationCode, pointer: string, message: string): never {
  throw new RuntreeError("validation_failed", message, { errors: [doorViolation(code, pointer, message)] });
}

/** The run by id. Throws `run_not_found`. */
export function requireRun(store: Store, id: string): RunView {
  const view = findRun(store.repository, id);
  if (view === null) throw new RuntreeError("run_not_found", `There is no run ${id}.`, { run_id: id });
  return view;
}

/** The run by id, open and written over REST. Throws `run_not_found`, `run_closed`, `pushed_run`. */
export function requireOpenRun(store: Store, id: string): RunView {
  const view = requireRun(store, id);
  requireRestRun(view);
  if (view.place !== "open") throw runClosed(view);
  return view;
}

export function runClosed(view: RunView): RuntreeError {
  return new RuntreeError("run_closed", `Run ${view.record.id} is closed (${view.record.status}); start a new one.`, {
    run: view,
  });
}

/** Throws `pushed_run` for a run that came by push, which only pushes may move. */
export function requireRestRun(view: RunView): void {
  if (view.record.origin !== "push") return;
  throw new RuntreeError("pushed_run", `Run ${view.record.id} came by push; commit to its branch and push again.`, {
    run: view,
  });
}

/**
 * Throws what a run that the gate refused means for the request that said `done`: `merge_conflict` or `validation_failed`
 * with the verdict's violations and conflicts, `too_many_bases`. Does nothing for any other run.
 * `record` is an earlier one when a repeated request is answered; the error carries the run as it is now.
 */
export function throwIfRejected(view: RunView, record: RunRecord = view.record): void {
  if (record.status !== "rejected") return;
  if (record.error?.code === "too_many_bases")
    throw new RuntreeError("too_many_bases", record.error.message, { run: view });
  const verdict = record.merge?.verdict;
  const [violations, conflicts] = [verdict?.violations ?? [], verdict?.conflicts ?? []];
  const data = { run: view, errors: violations, ...(conflicts.length > 0 ? { conflicts } : {}) };
  const found = `${counted(verdict?.violation_count ?? 0, "violation")}, ${counted(conflicts.length, "conflict")}`;
  throw new RuntreeError(
    conflicts.length > 0 ? "merge_conflict" : "validation_failed",
    `The merge is refused: ${found}. Mend what is listed and say done again.`,
    data,
  );
}
