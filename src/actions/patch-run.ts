import { RuntreeError } from "../domain/errors.ts";
import { type Json, type JsonObject, sameJson } from "../domain/json.ts";
import { readJsonPatch, type SentOperation } from "../domain/json-patch-door.ts";
import { applyMergePatch, readSubmission } from "../domain/patch.ts";
import { isClosed, mayFollow, type RunRecord, type RunStatus } from "../domain/run.ts";
import type { Notice, Violation } from "../domain/verdict.ts";
import type { Authorship } from "../store/authorship.ts";
import { judge } from "../store/gate.ts";
import type { RunView } from "../store/run-view.ts";
import type { Store } from "../store/store.ts";
import { type AppliedSubmission, applyOperations, applySubmission, type SubmissionPlace } from "../store/submission.ts";
import { advanceRun, onBranch } from "./advance-run.ts";
import { refuseAtDoor, refuseMember, requireRestRun, requireRun, runClosed } from "./refusal.ts";

export interface PatchRun {
  readonly done?: boolean;
  readonly status?: "running" | "failed" | "cancelled" | "skipped";
  /** A merge patch over `{collection: {id: document}}`. */
  readonly body?: Json;
  /** A JSON Patch over the same, instead of `body`. */
  readonly operations?: readonly SentOperation[];
  readonly metadata?: JsonObject;
  readonly error?: { readonly code?: string; readonly message: string };
  readonly notices: readonly Notice[];
  /** With `done`: the run is judged after this returned it as `merging`. */
  readonly later?: boolean;
}

/** What the metadata of a run may grow to by patches, in UTF-16 units of its JSON: as much as one request brings by default. */
const MAX_METADATA = 1_048_576;

/** A submission that the door let in; null when nothing is submitted. */
interface ReadSubmission {
  readonly violations: readonly Violation[];
  /** What it does to a branch. */
  readonly applyTo: (store: Store, place: SubmissionPlace) => AppliedSubmission;
}

function readSubmitted({ body, operations: sent }: PatchRun): ReadSubmission | null {
  if (sent !== undefined) {
    const { operations, violations } = readJsonPatch(sent);
    return { violations, applyTo: (store, place) => applyOperations(store, place, operations) };
  }
  if (body === undefined) return null;
  const { edits, violations } = readSubmission(body, ["body"]);
  return { violations, applyTo: (store, place) => applySubmission(store, place, edits) };
}

/** Says whether the run's tip is one that the client named. Throws `precondition_failed`. */
export type Precondition = (view: RunView) => void;

function nextStatus(record: RunRecord, { done, status }: PatchRun): RunStatus {
  if (done === true && status !== undefined)
    refuseMember("schema", "/status", "done:true and a status cannot be asked for at once.");
  const next = done === true ? "merging" : (status ?? record.status);
  if (next !== record.status && !mayFollow(record.status, next)) {
    refuseMember("schema", "/status", `A run that is ${record.status} cannot become ${next}.`);
  }
  return next;
}

function subjectOf(record: RunRecord, before: RunStatus, applied: AppliedSubmission | null): string {
  if (isClosed(record.status)) return `Close run ${record.id} as ${record.status}`;
  if (applied !== null) return `Submit to run ${record.id}`;
  if (record.status === before) return `Describe run ${record.id}`;
  return record.status === "merging" ? `Mark run ${record.id} done` : `Mark run ${record.id} ${record.status}`;
}

/** `done:true` alone on a merged run is answered again, so that a client that missed the answer can ask. */
function isRepeatedDone(view: RunView, input: PatchRun): boolean {
  const { status, body, operations, metadata, error } = input;
  const alone = [status, body, operations, metadata, error].every((member) => member === undefined);
  return view.record.status === "success" && input.done === true && alone;
}

/**
 * Submits to a run, describes it, moves its status, or says it is done; all of it as one commit.
 * Throws `run_not_found`, `run_closed`, `pushed_run`, `precondition_failed`, `validation_failed` at the door,
 * and what a refused merge throws.
 */
export async function patchRun(
  store: Store,
  author: Authorship,
  id: string,
  input: PatchRun,
  precondition: Precondition,
): Promise<RunView> {
  const submission = readSubmitted(input);
  if (submission !== null && submission.violations.length > 0) {
    requireRun(store, id);
    refuseAtDoor(submission.violations);
  }

  return store.turns.take(`run ${id}`, async () => {
    let view = requireRun(store, id);
    requireRestRun(view);
    precondition(view);
    if (isRepeatedDone(view, input)) return view;
    // A run is found merging here only when an earlier gate was cut short by an error of the machine.
    if (view.record.status === "merging") view = await judge(store, author, id);
    if (view.place !== "open") {
      if (isRepeatedDone(view, input)) return view;
      throw runClosed(view);
    }
    const { record } = view;
    const status = nextStatus(record, input);
    const metadata =
      input.metadata === undefined ? record.metadata : (applyMergePatch(record.metadata, input.metadata) as JsonObject);
    if (JSON.stringify(metadata).length > MAX_METADATA) {
      refuseMember("too_large", "/metadata", `The metadata of a run may have ${MAX_METADATA} characters at most.`);
    }
    const branch = onBranch(store, view);
    const applied = submission?.applyTo(store, { tree: branch.tree, base: record.base }) ?? null;
    const unchanged =
      applied === null && status === record.status && sameJson(metadata, record.metadata) && input.error === undefined;
    if (unchanged) return view;

    const at = new Date(store.clock()).toISOString();
    const { error, ...kept } = record;
    const next: RunRecord = {
      ...kept,
      // Saying done again leaves an earlier attempt's error behind.
      ...(error === undefined || status === "merging" ? {} : { error }),
      status,
      metadata,
      updated_at: at,
      ...(status === "running" && record.started_at === undefined ? { started_at: at } : {}),
      ...(isClosed(status) ? { completed_at: at } : {}),
      ...(input.error === undefined
        ? {}
        : { error: { code: input.error.code ?? status, message: input.error.message } }),
    };
    return advanceRun(store, author, {
      ...branch,
      files: applied?.files ?? null,
      lines: [...(input.error === undefined ? [] : [input.error.message]), ...(applied?.lines ?? [])],
      notices: input.notices,
      record: next,
      subject: subjectOf(next, record.status, applied),
      later: input.later,
    });
  });
}

/** A precondition that a set of entity tags states: the run's tip, with or without its status. */
export function ifTip(tags: readonly string[] | null): Precondition {
  return ({ head, record }) => {
    if (tags === null || tags.includes("*") || tags.some((tag) => tag === head || tag === `${head}.${record.status}`))
      return;
    throw new RuntreeError(
      "precondition_failed",
      `Run ${record.id} is at ${head}, not at what If-Match names; read it again.`,
      { head },
    );
  };
}
