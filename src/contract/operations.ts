import type { ErrorCode } from "../domain/errors.ts";
import type { Shapes } from "./shapes.ts";

/** A query parameter, as a JSON Schema of its text or number. */
export interface Parameter {
  readonly type: "string" | "integer" | "boolean";
  readonly description: string;
  readonly enum?: readonly string[];
  readonly format?: "date-time";
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: number | boolean;
}

export interface Operation {
  readonly method: "GET" | "POST" | "PATCH" | "PUT";
  /** Path parameters stand in braces. */
  readonly path: `/${string}`;
  readonly summary: string;
  readonly query?: Readonly<Record<string, Parameter>>;
  /** The body's shape; absent when there is none. */
  readonly request?: keyof Shapes;
  /** Content types of the body, `application/json` unless stated. */
  readonly accepts?: readonly string[];
  readonly success: 200 | 201;
  /** The answer's shape. */
  readonly response: keyof Shapes;
  /** Codes this operation answers, besides those any may (`COMMON_PROBLEMS`). */
  readonly problems: readonly ErrorCode[];
  /** Takes an Idempotency-Key, and its answer is a run or a job. */
  readonly idempotent?: boolean;
  /** Can be played with `?dryRun=true`. */
  readonly rehearsable?: boolean;
  /** Honours If-Match. */
  readonly conditional?: boolean;
  /** Its answer has an entity tag. */
  readonly tagged?: boolean;
}

/** Codes that any operation may answer. */
export const COMMON_PROBLEMS: readonly ErrorCode[] = ["bad_request", "forbidden", "internal", "busy", "disk_full"];

const BODY: readonly ErrorCode[] = ["malformed_json", "too_large", "unsupported_media_type", "validation_failed"];
const KEYED: readonly ErrorCode[] = ["idempotency_key_reused", "request_in_progress"];
const GATE: readonly ErrorCode[] = ["merge_conflict", "too_many_bases"];
const OPEN_RUN: readonly ErrorCode[] = ["run_not_found", "run_closed", "pushed_run"];

/** Three ways to ask for a page, which do not mix (`http/paging.ts`). */
const PAGE = {
  limit: { type: "integer", description: "How many at most; 50 unless told.", minimum: 1, maximum: 500 },
  offset: { type: "integer", description: "How many to skip; none unless told.", minimum: 0 },
  cursor: { type: "string", description: "Where the page before ended (its next_cursor); empty to begin." },
  page: { type: "integer", description: "The number of a page, counted from 1.", minimum: 1 },
  page_size: { type: "integer", description: "How many a page has; 50 unless told.", minimum: 1, maximum: 500 },
} as const satisfies Record<string, Parameter>;

const REHEARSE = {
  dryRun: { type: "boolean", description: "Answers as the real call would, and writes nothing.", default: false },
} as const satisfies Record<string, Parameter>;

const AT = {
  at: {
    type: "string",
    description: "A commit id, a tag, an RFC 3339 time (the newest merge not after it), or run:<id>.",
  },
} as const satisfies Record<string, Parameter>;

const STATUSES = ["waiting", "running", "merging", "rejected", "success", "failed", "cancelled", "skipped"] as const;

const RUN_FILTERS = {
  status: { type: "string", description: "Runs in this status.", enum: STATUSES },
  contract_id: { type: "string", description: "Runs under this contract." },
  pipeline_name: { type: "string", description: "Runs of this pipeline." },
  template_id: { type: "string", description: "Runs of this template." },
  dataset_id: { type: "string", description: "Runs on this dataset." },
  mode: { type: "string", description: "Runs in this mode." },
  start_date: {
    type: "string",
    description: "Runs started (or else created) at this time or later.",
    format: "date-time",
  },
  end_date: {
    type: "string",
    description: "Runs started (or else created) at this time or earlier.",
    format: "date-time",
  },
  has_warnings: { type: "boolean", description: "Runs with, or without, warnings or notices." },
} as const satisfies Record<string, Parameter>;

/** Every operation of the wire, and the only place where paths, statuses and shapes are written. */
export const OPERATIONS = {
  startRun: {
    method: "POST",
    path: "/jobs/{job_id}/runs",
    summary: "Start a run of a job: open its branch, submit to it, merge it when done.",
    query: REHEARSE,
    request: "run#StartRun",
    success: 201,
    response: "run#Run",
    tagged: true,
    problems: [...BODY, ...KEYED, ...GATE, "job_not_found", "run_exists"],
    idempotent: true,
    rehearsable: true,
  },
  listJobRuns: {
    method: "GET",
    path: "/jobs/{job_id}/runs",
    summary: "List the runs of a job, newest first.",
    query: { ...PAGE, ...RUN_FILTERS },
    success: 200,
    response: "run#JobRunList",
    problems: ["job_not_found"],
  },
  listRuns: {
    method: "GET",
    path: "/runs",
    summary: "List runs, newest first.",
    query: { ...PAGE, job_id: { type: "string", description: "Runs of this job." }, ...RUN_FILTERS },
    success: 200,
    response: "run#RunList",
    problems: [],
  },
  getRun: {
    method: "GET",
    path: "/runs/{run_id}",
    summary: "Read a run.",
    success: 200,
    response: "run#Run",
    tagged: true,
    problems: ["run_not_found"],
  },
  patchRun: {
    method: "PATCH",
    path: "/runs/{run_id}",
    summary: "Submit to a run, describe it, move its status, or say that it is done.",
    query: REHEARSE,
    request: "run#PatchRun",
    accepts: ["application/json", "application/merge-patch+json"],
    success: 200,
    response: "run#Run",
    tagged: true,
    problems: [...BODY, ...KEYED, ...GATE, ...OPEN_RUN, "precondition_failed"],
    idempotent: true,
    rehearsable: true,
    conditional: true,
  },
  runDiff: {
    method: "GET",
    path: "/runs/{run_id}/diff",
    summary: "Show what a run changes, document by document.",
    success: 200,
    response: "run#RunDiff",
    problems: ["run_not_found"],
  },
  runCommits: {
    method: "GET",
    path: "/runs/{run_id}/commits",
    summary: "List a run's own commits, newest first.",
    success: 200,
    response: "run#RunCommits",
    problems: ["run_not_found"],
  },
  runValidations: {
    method: "GET",
    path: "/runs/{run_id}/validations",
    summary: "List the checks of a run's submissions and of its merge, newest first.",
    success: 200,
    response: "run#RunValidations",
    problems: ["run_not_found"],
  },
  previewRun: {
    method: "POST",
    path: "/runs/{run_id}/preview",
    summary: "Ask what the gate would say now. Writes nothing.",
    success: 200,
    response: "run#RunPreview",
    problems: ["run_not_found", "run_closed", "too_many_bases"],
  },
  resolveRun: {
    method: "POST",
    path: "/runs/{run_id}/resolve",
    summary: "Settle the conflicts between a run and main.",
    query: REHEARSE,
    request: "run#ResolveRun",
    success: 200,
    response: "run#Run",
    tagged: true,
    problems: [...BODY, ...KEYED, ...GATE, ...OPEN_RUN, "precondition_failed"],
    idempotent: true,
    rehearsable: true,
    conditional: true,
  },
  cancelRun: {
    method: "POST",
    path: "/runs/{run_id}/cancel",
    summary: "Close a run without a merge. Its work is kept in the attic.",
    query: REHEARSE,
    request: "run#CancelRun",
    success: 200,
    response: "run#Run",
    tagged: true,
    problems: [...BODY, ...KEYED, "run_not_found", "run_closed", "precondition_failed"],
    idempotent: true,
    rehearsable: true,
    conditional: true,
  },
  revertRun: {
    method: "POST",
    path: "/runs/{run_id}/revert",
    summary: "Take back what a merged run did to documents, by a new run of its own.",
    query: REHEARSE,
    request: "run#RevertRun",
    success: 201,
    response: "run#Run",
    tagged: true,
    problems: [...BODY, ...KEYED, ...GATE, "run_not_found", "run_closed"],
    idempotent: true,
    rehearsable: true,
  },
  putSchema: {
    method: "PUT",
    path: "/runs/{run_id}/schemas/{name}",
    summary: "Put a JSON Schema on a run's branch.",
    query: REHEARSE,
    request: "document#AnyJson",
    accepts: ["application/json", "application/schema+json"],
    success: 200,
    response: "run#Run",
    tagged: true,
    problems: [...BODY, ...OPEN_RUN, "precondition_failed"],
    rehearsable: true,
    conditional: true,
  },
  putConfiguration: {
    method: "PUT",
    path: "/runs/{run_id}/config",
    summary: "Put runtree.json on a run's branch.",
    query: REHEARSE,
    request: "document#AnyJson",
    success: 200,
    response: "run#Run",
    tagged: true,
    problems: [...BODY, ...OPEN_RUN, "precondition_failed"],
    rehearsable: true,
    conditional: true,
  },
  createJob: {
    method: "POST",
    path: "/jobs",
    summary: "Register a job for agents.",
    query: REHEARSE,
    request: "job#CreateJob",
    success: 201,
    response: "job#Job",
    problems: [...BODY, ...KEYED, "ambiguous_job"],
    idempotent: true,
    rehearsable: true,
  },
  getJob: {
    method: "GET",
    path: "/jobs/{job_id}",
    summary: "Read a job.",
    success: 200,
    response: "job#Job",
    problems: ["job_not_found"],
  },
  listCollections: {
    method: "GET",
    path: "/collections",
    summary: "List the collections of main.",
    success: 200,
    response: "document#CollectionList",
    problems: [],
  },
  listDocuments: {
    method: "GET",
    path: "/documents/{collection}",
    summary: "List the documents of a collection, in the order of their ids.",
    query: { ...PAGE, ...AT },
    success: 200,
    response: "document#DocumentList",
    problems: ["collection_not_found", "run_not_found", "not_found"],
  },
  getDocument: {
    method: "GET",
    path: "/documents/{collection}/{id}",
    summary: "Read a document.",
    query: AT,
    success: 200,
    response: "document#Document",
    tagged: true,
    problems: ["collection_not_found", "document_not_found", "run_not_found", "not_found"],
  },
  documentHistory: {
    method: "GET",
    path: "/documents/{collection}/{id}/history",
    summary: "List the merges that changed a document, newest first.",
    success: 200,
    response: "document#DocumentHistory",
    problems: ["document_not_found"],
  },
  documentBlame: {
    method: "GET",
    path: "/documents/{collection}/{id}/blame",
    summary: "Tell for each leaf of a document which run's merge changed it last.",
    success: 200,
    response: "document#DocumentBlame",
    problems: ["document_not_found"],
  },
  listSchemas: {
    method: "GET",
    path: "/schemas",
    summary: "List the schemas of main, and the collections they rule.",
    success: 200,
    response: "document#SchemaList",
    problems: [],
  },
  getSchema: {
    method: "GET",
    path: "/schemas/{name}",
    summary: "Read a schema of main.",
    success: 200,
    response: "document#AnyJson",
    tagged: true,
    problems: ["not_found"],
  },
  getState: {
    method: "GET",
    path: "/state",
    summary: "Tell what lies in the repository, now or at an earlier time.",
    query: AT,
    success: 200,
    response: "document#State",
    problems: ["run_not_found", "not_found"],
  },
  getOpenApi: {
    method: "GET",
    path: "/openapi.json",
    summary: "Describe every operation, as an OpenAPI 3.1 document.",
    success: 200,
    response: "service#OpenApi",
    problems: [],
  },
  getHealth: {
    method: "GET",
    path: "/healthz",
    summary: "Say that the process is alive.",
    success: 200,
    response: "service#Health",
    problems: [],
  },
  getReadiness: {
    method: "GET",
    path: "/readyz",
    summary: "Say whether requests can be served.",
    success: 200,
    response: "service#Readiness",
    problems: [],
  },
  getVersion: {
    method: "GET",
    path: "/version",
    summary: "Say what program this is.",
    success: 200,
    response: "service#Version",
    problems: [],
  },
} as const satisfies Record<string, Operation>;

export type OperationId = keyof typeof OPERATIONS;
type Table = typeof OPERATIONS;

type ParameterValue<P> = P extends { enum: readonly (infer Word)[] }
  ? Word
  : P extends { type: "integer" }
    ? number
    : P extends { type: "boolean" }
      ? boolean
      : string;

/** The query of an operation: parameters with a default are always there, others may be absent. */
export type QueryOf<Id extends OperationId> = Table[Id] extends { query: infer Query }
  ? {
      readonly [Name in keyof Query as Query[Name] extends { default: unknown } ? Name : never]: ParameterValue<
        Query[Name]
      >;
    } & {
      readonly [Name in keyof Query as Query[Name] extends { default: unknown } ? never : Name]?: ParameterValue<
        Query[Name]
      >;
    }
  : Readonly<Record<never, never>>;

type BracedNames<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | BracedNames<Rest>
  : never;

/** The path parameters of an operation. */
export type ParamsOf<Id extends OperationId> = { readonly [Name in BracedNames<Table[Id]["path"]>]: string };

/** The shape of an operation's request body; never when it has none. */
export type RequestOf<Id extends OperationId> = Table[Id] extends { request: infer Name extends keyof Shapes }
  ? Name
  : never;

/** An operation by id, without the narrowness of the table's type. */
export function operation(id: OperationId): Operation {
  return OPERATIONS[id];
}
