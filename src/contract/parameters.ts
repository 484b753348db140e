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

/** Longest Idempotency-Key, in UTF-16 units. */
export const MAX_IDEMPOTENCY_KEY = 255;

/** What the text of a parameter is read as. */
export type ParameterValue<P> = P extends { enum: readonly (infer Word)[] }
  ? Word
  : P extends { type: "integer" }
    ? number
    : P extends { type: "boolean" }
      ? boolean
      : string;

/** Three ways to ask for a page, which do not mix (`http/paging.ts`). */
export const PAGE = {
  limit: {
    type: "integer",
    description: "How many at most; 50 unless told. A page of large items ends early, and the next goes on from there.",
    minimum: 1,
    maximum: 500,
  },
  offset: { type: "integer", description: "How many to skip; none unless told.", minimum: 0 },
  cursor: { type: "string", description: "Where the page before ended (its next_cursor); empty to begin." },
  page: { type: "integer", description: "The number of a page, counted from 1.", minimum: 1 },
  page_size: { type: "integer", description: "How many a page has; 50 unless told.", minimum: 1, maximum: 500 },
} as const satisfies Record<string, Parameter>;

/** Plays an operation without its writes. */
export const REHEARSE = {
  dryRun: { type: "boolean", description: "Answers as the real call would, and writes nothing.", default: false },
} as const satisfies Record<string, Parameter>;

/** Reads as it was. */
export const AT = {
  at: {
    type: "string",
    description: "A commit id, a tag, an RFC 3339 time (the newest merge not after it), or run:<id>.",
  },
} as const satisfies Record<string, Parameter>;

const STATUSES = ["waiting", "running", "merging", "rejected", "success", "failed", "cancelled", "skipped"] as const;

/** What runs are filtered by. */
export const RUN_FILTERS = {
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

/** What jobs are filtered by. */
export const JOB_FILTERS = {
  status: {
    type: "string",
    description:
      "Jobs in this status: queued, running, completed, failed, skipped, cancelled, or the older words created, started, succeeded; in any case.",
  },
  type: { type: "string", description: "Jobs of the template that this is an alias of." },
  template_id: { type: "string", description: "Jobs of this template." },
  schedule_id: { type: "string", description: "Jobs of this schedule." },
  group_id: { type: "string", description: "Jobs of this group." },
  executor: {
    type: "string",
    description: "Jobs whose work this executor does.",
    enum: ["external", "process", "galaxy"],
  },
  retry_of: { type: "string", description: "Jobs that try this job again." },
  dataset_id: { type: "string", description: "Jobs on this dataset." },
  workflow_name: { type: "string", description: "Jobs of this workflow." },
} as const satisfies Record<string, Parameter>;

/** What templates are filtered by. */
export const TEMPLATE_FILTERS = {
  status: { type: "string", description: "Templates in this status.", enum: ["active", "archived"] },
  executor: {
    type: "string",
    description: "Templates whose work this executor does.",
    enum: ["external", "process", "galaxy"],
  },
} as const satisfies Record<string, Parameter>;

/** Which Galaxy is meant, where ids may be the same on several. */
export const ON_SERVER = {
  server: { type: "string", description: "The name of a Galaxy of the configuration." },
} as const satisfies Record<string, Parameter>;

/** The members of a request to invoke a workflow, where the body is its parameters. */
export const SEED_INVOCATION = {
  dataset_id: { type: "string", description: "With it the body is the parameters of the workflow." },
  workflow_name: { type: "string", description: "The workflow's name, with dataset_id." },
  workflow_id: { type: "string", description: "The workflow's id, with dataset_id." },
  overwrite: {
    type: "boolean",
    description: "Earlier invocations of the same dataset and workflow do not count any more.",
  },
  ...ON_SERVER,
} as const satisfies Record<string, Parameter>;
