import { hasCode, RuntreeError } from "../domain/errors.ts";
import { canonicalJson, isArray, isObject, type Json } from "../domain/json.ts";
import { ATTIC, MAIN, resultsRef, RUN_FILE, runRecordPath, runRef } from "../domain/layout.ts";
import { isRunId } from "../domain/run-id.ts";
import type { RunRecord } from "../domain/run.ts";
import { readCommit } from "../git/commit.ts";
import type { Oid, ReadObject } from "../git/objects.ts";
import { readerWith, type Repository } from "../git/repository.ts";
import { blobAt, readJsonBlob } from "./documents.ts";

/** A run as it stands in Git: its record, and the tip of its branch, also after the branch is gone. */
export interface RunView {
  readonly record: RunRecord;
  /** The blob of the record. */
  readonly blob: Oid;
  readonly head: Oid;
  /** Where the record was found. */
  readonly place: "open" | "merged" | "attic";
}

/** A run that came by push; its record names the tip that it speaks of. */
export interface PushedView extends RunView {
  readonly record: RunRecord & { readonly head: Oid };
}

/** The record's bytes. */
export function encodeRecord(record: RunRecord): string {
  return canonicalJson(record as unknown as Json);
}

/** The record that a commit of a run's branch holds; null when it holds none. */
export function recordAt(repository: Pick<Repository, "read">, commit: Oid): RunRecord | null {
  return openView(readerWith(repository), commit)?.record ?? null;
}

/** The run that a branch holds; null when its `run.json` is missing or no record, as only somebody else can have left it. */
function openView(read: ReadObject, head: Oid): RunView | null {
  const blob = blobAt(read, readCommit(read, head).tree, RUN_FILE);
  const record = blob === null ? null : recordIn(read, blob);
  return blob === null || record === null ? null : { record, blob, head, place: "open" };
}

/** The members that everything which looks at a run relies on. */
const TEXTS = ["id", "job_id", "status", "base", "created_by", "created_at", "updated_at"] as const;
const NUMBERS = ["submissions", "validations", "warning_count"] as const;

function recordIn(read: ReadObject, blob: Oid): RunRecord | null {
  let value: Json;
  try {
    value = readJsonBlob(read, blob);
  } catch (error) {
    if (hasCode(error, "corrupt_object") && read(blob) !== null) return null;
    throw error;
  }
  const whole =
    isObject(value) &&
    TEXTS.every((name) => typeof value[name] === "string") &&
    NUMBERS.every((name) => typeof value[name] === "number") &&
    isArray(value["warnings"]) &&
    isArray(value["notices"]);
  return whole ? (value as unknown as RunRecord) : null;
}

/** Finds a run: open on its branch, merged on `main`, or closed in the attic; null when there is none. */
export function findRun(repository: Repository, id: string): RunView | null {
  if (!isRunId(id)) return null;
  const head = repository.ref(runRef(id));
  if (head === null) return findClosedRun(repository, id);
  return pushedView(repository, id) ?? openView(readerWith(repository), head);
}

/**
 * The run of a pushed branch, as it was when its last tip was received: what the branch itself says of its record is
 * whoever pushed it saying so. Null for a run that was not pushed, or not received yet.
 */
export function pushedView(repository: Repository, id: string): PushedView | null {
  const commit = repository.ref(resultsRef(id));
  if (commit === null) return null;
  const read = readerWith(repository);
  const blob = blobAt(read, readCommit(read, commit).tree, RUN_FILE);
  const record = blob === null ? null : recordIn(read, blob);
  if (blob === null || record?.head === undefined) return null;
  const { head } = record;
  return { record: { ...record, head }, blob, head, place: "open" };
}

/** Finds a run that is merged or in the attic, whether or not its branch is gone yet; null when there is none. */
export function findClosedRun(repository: Repository, id: string): RunView | null {
  if (!isRunId(id)) return null;
  for (const [ref, place] of [
    [MAIN, "merged"],
    [ATTIC, "attic"],
  ] as const) {
    const commit = repository.ref(ref);
    const read = readerWith(repository);
    const blob = commit === null ? null : blobAt(read, readCommit(read, commit).tree, runRecordPath(id));
    if (blob !== null) return closedView(read, blob, place);
  }
  return null;
}

/** The closed run whose record a blob is. Throws `corrupt_object` when it does not say where the branch ended. */
export function closedView(read: ReadObject, blob: Oid, place: "merged" | "attic"): RunView {
  const record = readJsonBlob(read, blob) as unknown as RunRecord;
  if (record.head === undefined)
    throw new RuntreeError("corrupt_object", `The record of run ${record.id} names no tip.`, { id: record.id });
  return { record, blob, head: record.head, place };
}
