/** Codes that a client of the wire may meet; each has one HTTP status in `src/contract/problems.ts`. */
export type ErrorCode =
  | "malformed_json"
  | "bad_request"
  | "unauthorized"
  | "forbidden"
  | "run_not_found"
  | "job_not_found"
  | "template_not_found"
  | "collection_not_found"
  | "document_not_found"
  | "not_found"
  | "method_not_allowed"
  | "merge_conflict"
  | "run_closed"
  | "run_exists"
  | "pushed_run"
  | "too_many_bases"
  | "job_not_queued"
  | "job_not_external"
  | "request_in_progress"
  | "rate_limited"
  | "too_many_runs"
  | "precondition_failed"
  | "too_large"
  | "unsupported_media_type"
  | "validation_failed"
  | "ambiguous_job"
  | "command_not_allowed"
  | "idempotency_key_reused"
  | "request_timeout"
  | "headers_too_large"
  | "galaxy_error"
  | "galaxy_timeout"
  | "busy"
  | "disk_full"
  | "internal"
  // Raised while a repository is opened or written; a person at a terminal meets these.
  | "ref_moved"
  | "corrupt_object"
  | "corrupt_ref"
  | "io_failed"
  | "git_missing"
  | "git_failed"
  | "repository_locked"
  | "repository_not_ours"
  | "repository_unsupported"
  | "template_invalid"
  | "bad_configuration"
  | "address_not_allowed"
  | "unreachable";

/** What happened (`message`), where and with what (`data`), and why (`cause`). Tests and callers match `code`, never prose. */
export class RuntreeError extends Error {
  readonly code: ErrorCode;
  readonly data: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, data: Readonly<Record<string, unknown>> = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "RuntreeError";
    this.code = code;
    this.data = data;
  }
}

/** Tells whether a value is a RuntreeError with this code. */
export function hasCode(error: unknown, code: ErrorCode): error is RuntreeError {
  return error instanceof RuntreeError && error.code === code;
}

/** The `code` of a Node system error (`ENOENT`, …), or undefined. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
