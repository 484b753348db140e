import type { ErrorCode } from "../domain/errors.ts";

interface KnownProblem {
  readonly status: number;
  /** The status where another server refused what the client sent. */
  readonly refused?: number;
  readonly title: string;
}

/** The HTTP status and title of every code. The compiler requires the table whole. */
export const PROBLEMS: Readonly<Record<ErrorCode, KnownProblem>> = {
  malformed_json: { status: 400, title: "The body is not JSON" },
  bad_request: { status: 400, title: "The request cannot be understood" },
  unauthorized: { status: 401, title: "A key is needed" },
  forbidden: { status: 403, title: "Not allowed" },
  run_not_found: { status: 404, title: "No such run" },
  job_not_found: { status: 404, title: "No such job" },
  dataset_not_found: { status: 404, title: "No such dataset" },
  template_not_found: { status: 404, title: "No such template" },
  collection_not_found: { status: 404, title: "No such collection" },
  document_not_found: { status: 404, title: "No such document" },
  not_found: { status: 404, title: "Nothing is here" },
  method_not_allowed: { status: 405, title: "Another method is needed here" },
  request_timeout: { status: 408, title: "The request took too long to arrive" },
  merge_conflict: { status: 409, title: "The merge conflicts" },
  run_closed: { status: 409, title: "The run is closed" },
  run_exists: { status: 409, title: "The run exists already" },
  pushed_run: { status: 409, title: "The run belongs to git push" },
  too_many_bases: { status: 409, title: "Too many merge bases" },
  ambiguous: { status: 409, title: "Several fit" },
  job_not_queued: { status: 409, title: "The job is not queued" },
  job_not_external: { status: 409, title: "The job is not for agents" },
  request_in_progress: { status: 409, title: "The same request is at work" },
  precondition_failed: { status: 412, title: "It has changed meanwhile" },
  too_large: { status: 413, title: "The body is too large" },
  unsupported_media_type: { status: 415, title: "The body's type is not understood" },
  validation_failed: { status: 422, title: "The checks failed" },
  ambiguous_job: { status: 422, title: "Which kind of job is not clear" },
  workflow_not_allowed: { status: 422, title: "There is no such workflow here" },
  input_missing: { status: 422, title: "An input is missing" },
  command_not_allowed: { status: 422, title: "There is no such command here" },
  idempotency_key_reused: { status: 422, title: "The idempotency key was used for something else" },
  rate_limited: { status: 429, title: "Too many requests" },
  too_many_runs: { status: 429, title: "Too many open runs" },
  headers_too_large: { status: 431, title: "The headers are too large" },
  internal: { status: 500, title: "Something went wrong here" },
  corrupt_object: { status: 500, title: "The repository is damaged" },
  corrupt_ref: { status: 500, title: "The repository is damaged" },
  git_failed: { status: 500, title: "git failed" },
  git_missing: { status: 500, title: "git is missing" },
  repository_not_ours: { status: 500, title: "Not a Runtree repository" },
  repository_unsupported: { status: 500, title: "The repository is of an unsupported kind" },
  template_invalid: { status: 500, title: "The template cannot be used" },
  mapping_failed: { status: 500, title: "The mapping asks for what is not there" },
  bad_configuration: { status: 500, title: "The configuration cannot be used" },
  address_not_allowed: { status: 500, title: "The address cannot be served" },
  galaxy_error: { status: 502, refused: 422, title: "Galaxy refused, or cannot be reached" },
  unreachable: { status: 502, title: "The server cannot be reached" },
  galaxy_not_configured: { status: 503, title: "No Galaxy is configured" },
  busy: { status: 503, title: "Busy; try again" },
  ref_moved: { status: 503, title: "Moved meanwhile; try again" },
  repository_locked: { status: 503, title: "The repository is in use" },
  io_failed: { status: 503, title: "The disk failed; nothing was acknowledged" },
  galaxy_timeout: { status: 504, title: "No answer of Galaxy is known" },
  disk_full: { status: 507, title: "The disk is full" },
};

/** The code that clients see. What only people at a terminal meet is told in the nearest code of the wire. */
export function wireCode(code: ErrorCode): ErrorCode {
  if (code === "ref_moved" || code === "io_failed") return "busy";
  return PROBLEMS[code].status === 500 ? "internal" : code;
}
