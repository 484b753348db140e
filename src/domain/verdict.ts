import type { Json } from "./json.ts";

export type ViolationCode =
  | "schema"
  | "reference_missing"
  | "reference_in_use"
  | "duplicate"
  | "id_mismatch"
  | "id_collision"
  | "unknown_collection"
  | "forbidden_path"
  | "malformed_json"
  | "too_large"
  | "hostile_key"
  | "bad_number"
  | "bad_id"
  | "check"
  | "check_unavailable";

/** A failed check. `pointer` is inside the document or, at the door, inside the request body; there is no collection or id there. */
export interface Violation {
  readonly code: ViolationCode;
  readonly collection: string | null;
  readonly id: string | null;
  readonly pointer: string;
  readonly message: string;
  readonly schema_pointer?: string;
  readonly detail?: Json;
}

export type ConflictKind = "modify/modify" | "delete/modify" | "add/add" | "type" | "array";

/** Where two sides of a value changed it differently; an absent member did not exist on that side. */
export interface FieldConflict {
  readonly pointer: string;
  readonly kind: ConflictKind;
  readonly base?: Json;
  readonly ours?: Json;
  readonly theirs?: Json;
}

/** A field conflict in a document, with the commit, run and author of each side; ours is `main`, theirs is the run. */
export interface Conflict extends FieldConflict {
  readonly collection: string;
  readonly id: string;
  readonly ours_commit: string;
  readonly theirs_commit: string;
  readonly ours_run: string | null;
  readonly theirs_run: string | null;
  readonly ours_author: string;
  readonly theirs_author: string;
}

/** The outcome of the gate, as it lies in the record of the run. Violations are listed up to a bound; the count is whole. */
export interface Verdict {
  readonly outcome: "merged" | "rejected";
  readonly run_id: string;
  readonly tip: string;
  readonly main_before: string;
  /** How many documents were checked. */
  readonly checked: number;
  readonly violations: readonly Violation[];
  readonly violation_count: number;
  readonly conflicts: readonly Conflict[];
  readonly at: string;
}

/** A remark that does not stand in the way of a merge. */
export interface Notice {
  readonly code: string;
  readonly message: string;
  readonly severity: "info" | "warning";
}

/** How many violations a verdict, a warning list or a problem names; the rest is counted. */
export const MAX_LISTED = 100;

/** A violation of the request body, found at the door. */
export function doorViolation(code: ViolationCode, pointer: string, message: string): Violation {
  return { code, collection: null, id: null, pointer, message };
}

/** The first violations of a list, with the whole count. */
export function listed(violations: readonly Violation[]): {
  violations: readonly Violation[];
  violation_count: number;
} {
  return { violations: violations.slice(0, MAX_LISTED), violation_count: violations.length };
}

/** `1 violation`, `2 violations`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
