import type { ErrorCode } from "../domain/errors.ts";
import type { Role } from "../domain/roles.ts";
import type { Parameter } from "./parameters.ts";
import type { Shapes } from "./shapes.ts";

/** One line of the table of operations (`operations.ts`). */
export interface Operation {
  readonly method: "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
  /** Path parameters stand in braces. */
  readonly path: `/${string}`;
  readonly summary: string;
  /** What a key must be to do it; null: no key is needed. */
  readonly role: Role | null;
  /** Keys below a steward may do it to runs of their own only. */
  readonly ownRun?: boolean;
  readonly query?: Readonly<Record<string, Parameter>>;
  /** The body's shape; absent when there is none. */
  readonly request?: keyof Shapes;
  /** Content types of the body, `application/json` unless stated. */
  readonly accepts?: readonly string[];
  /** Further content types, whose bodies have shapes of their own. */
  readonly requests?: Readonly<Record<string, keyof Shapes>>;
  /** 204 has no body. */
  readonly success: 200 | 201 | 204;
  /** The answer's shape. */
  readonly response: keyof Shapes;
  /** Content type of the answer, or those that it may have; `application/json` unless stated. Anything else is text to the shape. */
  readonly produces?: string | readonly string[];
  /** Codes this operation answers, besides those that others answer, too (`commonProblems`). */
  readonly problems: readonly ErrorCode[];
  /** Takes an Idempotency-Key, and its answer is a run, a job or a template. */
  readonly idempotent?: boolean;
  /** Honours `Prefer: respond-async` where its body says done: 202, and the run is judged afterwards. */
  readonly asynchronous?: boolean;
  /** Writes nothing, whatever its method. */
  readonly readsOnly?: boolean;
  /** Can be played with `?dryRun=true`. */
  readonly rehearsable?: boolean;
  /** Honours If-Match. */
  readonly conditional?: boolean;
  /** It opens a run, of which a key may have so many. */
  readonly opensRun?: boolean;
  /** Its answer has an entity tag. */
  readonly tagged?: boolean;
  /** Its answer names the commit of `main` that was read. */
  readonly atCommit?: boolean;
}

/** Codes that an operation may answer besides its own: every one, and every one that needs a key. */
export function commonProblems({ role }: Operation): readonly ErrorCode[] {
  return role === null ? ANY : [...ANY, "unauthorized", "rate_limited"];
}

const ANY: readonly ErrorCode[] = ["bad_request", "forbidden", "internal", "busy", "disk_full"];

/** Codes of an operation with a body. */
export const BODY: readonly ErrorCode[] = [
  "malformed_json",
  "too_large",
  "unsupported_media_type",
  "validation_failed",
];
/** Codes of an operation that takes an Idempotency-Key. */
export const KEYED: readonly ErrorCode[] = ["idempotency_key_reused", "request_in_progress"];
/** Codes of the gate, besides `validation_failed`; a run that has just parted from `main` has one base. */
export const GATE: readonly ErrorCode[] = ["merge_conflict", "too_many_bases"];
/** Codes of an operation that needs an open run of this door. */
export const OPEN_RUN: readonly ErrorCode[] = ["run_not_found", "run_closed", "pushed_run"];
