// Made by scripts/generate-shapes.mjs from schemas/. Do not edit.
import type {Json} from "../domain/json.ts";

export type ServerEvent = RunEvent | MergeEvent | JobEvent | QueueEvent | TemplateEvent | ResetEvent;
export type InvocationState = "queued" | "in_progress" | "completed" | "failed" | "cancelled";
export type InvocationState1 = "queued" | "in_progress" | "completed" | "failed" | "cancelled";
export type PatchOperation =
  | {
      op: "add" | "replace" | "test";
      path: string;
      value: Json;
      [k: string]: Json;
    }
  | {
      op: "remove";
      path: string;
      [k: string]: Json;
    }
  | {
      op: "move" | "copy";
      from: string;
      path: string;
      [k: string]: Json;
    };
export type JsonPatch = PatchOperation[];
export type Text = string;
export type Nothing = null;
export type Bytes = string;

export interface Configuration {
  format: number;
  collections: {
    [k: string]: Collection;
  };
  references?: Reference[];
  /**
   * Commands of the operator's configuration that judge changed documents, each by itself.
   */
  checks?: Check[];
}
export interface Collection {
  schema?: string;
  shards?: 0 | 1 | 2;
  merge?: {
    [k: string]:
      | "set"
      | "atomic"
      | {
          by: string;
        };
  };
}
export interface Reference {
  from: string;
  at: string;
  /**
   * @minItems 1
   */
  to: string[];
}
export interface Check {
  name: string;
  /**
   * @minItems 1
   */
  collections: string[];
  command: string;
}
export interface Document {
  [k: string]: Json;
}
export interface DocumentList {
  items: {
    id: string;
    etag: string;
    document: {
      [k: string]: Json;
    };
  }[];
  total?: number;
  limit?: number;
  offset?: number;
  page?: number;
  page_size?: number;
  next_cursor?: string | null;
}
export interface CollectionList {
  items: {
    name: string;
    schema: string | null;
    shards: number;
    documents: number;
  }[];
}
export interface DocumentHistory {
  items: {
    commit: string;
    run_id: string | null;
    author: string;
    at: string;
    changes: Change[];
  }[];
}
export interface Change {
  collection: string;
  id: string;
  op: "add" | "modify" | "delete";
  pointers: string[];
}
export interface DocumentBlame {
  blame: {
    [k: string]: {
      commit: string;
      run_id: string | null;
      author: string;
      at: string;
    };
  };
}
export interface State {
  commit: string;
  at: string;
  collections: {
    [k: string]: {
      documents: number;
      tree: string | null;
    };
  };
}
export interface SchemaList {
  items: {
    name: string;
    collections: string[];
  }[];
}
export interface AnyJson {
  [k: string]: Json;
}
export interface RunEvent {
  type:
    | "run.created"
    | "run.updated"
    | "run.waiting"
    | "run.running"
    | "run.merging"
    | "run.rejected"
    | "run.success"
    | "run.failed"
    | "run.cancelled"
    | "run.skipped";
  data: RunEventData;
}
/**
 * The run as it is then.
 */
export interface RunEventData {
  run_id: string;
  job_id: string;
  status: "waiting" | "running" | "merging" | "rejected" | "success" | "failed" | "cancelled" | "skipped";
  /**
   * The tip of its branch.
   */
  head: string;
  at: string;
}
export interface MergeEvent {
  type: "merge.merged" | "merge.rejected";
  data: MergeEventData;
}
/**
 * What it found.
 */
export interface MergeEventData {
  run_id: string;
  job_id: string;
  /**
   * The commit that was judged.
   */
  tip: string;
  at: string;
  checked: number;
  violation_count: number;
  conflict_count: number;
}
export interface JobEvent {
  type:
    | "job.created"
    | "job.updated"
    | "job.running"
    | "job.completed"
    | "job.failed"
    | "job.skipped"
    | "job.cancelled"
    | "job.deleted";
  data: JobEventData;
}
/**
 * The job as it is then; of one that was deleted as it was.
 */
export interface JobEventData {
  job_id: string;
  executor: string;
  status: "queued" | "running" | "completed" | "failed" | "skipped" | "cancelled";
  template_id: string | null;
  run_id: string | null;
  at: string;
}
export interface QueueEvent {
  type: "queue.reordered";
  data: QueueEventData;
}
/**
 * The jobs that were moved.
 */
export interface QueueEventData {
  job_ids: string[];
  at: string;
}
export interface TemplateEvent {
  type: "template.created" | "template.updated" | "template.archived";
  data: TemplateEventData;
}
/**
 * The template.
 */
export interface TemplateEventData {
  template_id: string;
  status: "active" | "archived";
  at: string;
}
export interface ResetEvent {
  type: "stream.reset";
  data: ResetEventData;
}
/**
 * Why.
 */
export interface ResetEventData {
  reason: string;
}
export interface Invocation {
  invocation_id: string | null;
  server: string;
  workflow_id: string | null;
  workflow_name: string | null;
  dataset_id: string | null;
  history_id: string | null;
  run_id: string;
  job_id: string;
  state: InvocationState;
  /**
   * Galaxy's own word.
   */
  galaxy_state: string | null;
  /**
   * How many jobs are in each of Galaxy's states, those of sub-workflows too.
   */
  jobs: {
    [k: string]: number;
  };
  steps: InvocationStep[];
  messages: string[];
  /**
   * When Galaxy was last asked.
   */
  polled_at: string | null;
  /**
   * How often Galaxy was asked to invoke it.
   */
  attempts: number;
  /**
   * The id of the invocation, or else of the job, that took its place.
   */
  superseded_by: string | null;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
}
export interface InvocationStep {
  order_index: number;
  state: string | null;
  job_id: string | null;
  subworkflow_invocation_id: string | null;
}
export interface InvocationList {
  items: Invocation[];
  total?: number;
  limit?: number;
  offset?: number;
  next_cursor?: string | null;
  page?: number;
  page_size?: number;
}
export interface InvocationRequest {
  server: string;
  workflow_id?: string;
  workflow_name?: string;
  dataset_id?: string;
  overwrite?: true;
}
export interface InvocationRecord {
  server: string;
  workflow_id?: string;
  workflow_name?: string;
  dataset_id?: string;
  overwrite?: true;
  inputs?: {
    [k: string]: Json;
  };
  parameters?: {
    [k: string]: Json;
  };
  history_id?: string;
  invocation_id?: string;
  state: InvocationState1;
  galaxy_state?: string;
  /**
   * How many jobs are in each of Galaxy's states, those of sub-workflows too.
   */
  jobs: {
    [k: string]: number;
  };
  steps: InvocationStep[];
  messages: string[];
  outputs?: {
    [k: string]: Json;
  };
  attempts: number;
  started_at?: string;
  finished_at?: string;
}
export interface Job {
  job_id: string;
  type: string | null;
  template_id: string | null;
  template_name: string | null;
  schedule_id: string | null;
  occurrence: string | null;
  group_id: string | null;
  executor: "external" | "process" | "galaxy";
  title: string | null;
  priority_name: string;
  status: "queued" | "running" | "completed" | "failed" | "skipped" | "cancelled";
  retry_of: string | null;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  log_path: string | null;
  dataset_id: string | null;
  workflow_name: string | null;
  run_id: string | null;
  invocation_id: string | null;
  state: string | null;
  galaxy_state: string | null;
  params: {
    [k: string]: Json;
  };
  priority: number;
  position: number | null;
  queue_position: number | null;
  attempt: number;
  pid: number | null;
  exit_code: number | null;
  error: {
    code: string;
    message: string;
  } | null;
  artifacts: string[];
  warnings: string[];
  run: {
    run_id: string;
    status: "started" | "running" | "completed" | "failed" | "skipped";
    started_at: string | null;
    completed_at: string | null;
    finished_at: string | null;
    pid: number | null;
    exit_code: number | null;
    error: {
      code: string;
      message: string;
    } | null;
    artifacts: string[];
    log_path: string | null;
  } | null;
  server?: string;
  workflow_id?: string | null;
  history_id?: string | null;
  /**
   * How many jobs are in each of Galaxy's states, those of sub-workflows too.
   */
  jobs?: {
    [k: string]: number;
  };
  steps?: InvocationStep[];
  messages?: string[];
  /**
   * When Galaxy was last asked.
   */
  polled_at?: string | null;
  /**
   * How often Galaxy was asked to invoke it.
   */
  attempts?: number;
  /**
   * The id of the invocation, or else of the job, that took its place.
   */
  superseded_by?: string | null;
}
export interface CreateJob {
  executor?: string;
  job_id?: string;
  title?: string;
  params?: {
    [k: string]: Json;
  };
  template_id?: string;
  type?: string;
  job_type?: string;
  /**
   * 0 to 100, or a word: low 25, normal 50, high 75, immediate 100.
   */
  priority?: number | string;
  /**
   * Place among the queued jobs of equal priority, counted from 0.
   */
  position?: number;
  /**
   * A document of the datasets' collection.
   */
  dataset_id?: string | number;
  workflow_name?: string;
  workflow_id?: string;
  /**
   * Earlier invocations of the same dataset and workflow do not count any more.
   */
  overwrite?: boolean;
  /**
   * What goes to the workflow's inputs, by label or index, and to its steps.
   */
  parameters?: {
    [k: string]: Json;
  };
  /**
   * The name of a Galaxy of the configuration.
   */
  server?: string;
  [k: string]: Json | undefined;
}
export interface JobRecord {
  id: string;
  executor: "external" | "process" | "galaxy";
  template_id?: string;
  title?: string;
  params: {
    [k: string]: Json;
  };
  priority?: number;
  rank?: string;
  created_at: string;
  created_by: string;
  retry_of?: string;
  attempt?: number;
  run_id?: string;
  started_at?: string;
  ended?: JobEnd;
  invocation?: InvocationRequest;
}
export interface JobEnd {
  status: "completed" | "failed" | "skipped" | "cancelled";
  at: string;
  exit_code?: number;
  pid?: number;
  error?: JobRecordError;
}
export interface JobRecordError {
  code: string;
  message: string;
}
export interface PatchJob {
  title?: string | null;
  /**
   * A merge patch over the params.
   */
  params?: {
    [k: string]: Json;
  };
  /**
   * 0 to 100, or a word: low 25, normal 50, high 75, immediate 100.
   */
  priority?: number | string;
  /**
   * Place among the queued jobs of equal priority, counted from 0.
   */
  position?: number;
}
export interface JobList {
  items: Job[];
  /**
   * The same as items.
   */
  jobs: Job[];
  total?: number;
  limit?: number;
  offset?: number;
  page?: number;
  page_size?: number;
  next_cursor?: string | null;
  /**
   * Of all jobs.
   */
  queued_count: number;
  running_count: number;
}
export interface MonitoredJobs {
  items: Job[];
}
export interface JobReason {
  reason?: string;
}
export interface DedupCheck {
  job_id: string;
  has_artifact: boolean;
  artifact_path: string | null;
  signal: "LOW" | "MEDIUM" | "HIGH";
  similarity_score: number;
  message: string;
  duplicate_of: {
    job_id: string;
    run_id: string | null;
  } | null;
}
export interface Queue {
  /**
   * What holds a slot.
   */
  running: Job[];
  /**
   * Slots that direct executions wait for.
   */
  reserved: number;
  /**
   * In the order of dispatch.
   */
  items: Job[];
  total: number;
}
export interface QueueStats {
  queued: number;
  running: number;
  waiting_ms: WaitingTimes;
  running_ms: RunningTimes;
  completed_last_hour: number;
  failed_last_hour: number;
}
/**
 * How long those have waited that are queued now; 0 when there are none.
 */
export interface WaitingTimes {
  p50: number;
  p95: number;
  max: number;
}
/**
 * How long those have run that are running now; 0 when there are none.
 */
export interface RunningTimes {
  p50: number;
  p95: number;
  max: number;
}
export interface ReorderQueue {
  /**
   * These first, in this order, within their priorities.
   *
   * @minItems 1
   */
  job_ids: string[];
}
export interface MoveJob {
  /**
   * Place among the queued jobs of equal priority, counted from 0.
   */
  position: number;
}
export interface PrioritizeJob {
  /**
   * 0 to 100, or a word: low 25, normal 50, high 75, immediate 100.
   */
  priority: number | string;
}
export interface RetryJob {}
export interface KeyFile {
  format: 1;
  keys: KeyRecord[];
}
export interface KeyRecord {
  id: string;
  /**
   * Who its requests are made by; several keys may have one name.
   */
  name: string;
  role: "reader" | "agent" | "steward" | "admin";
  /**
   * Of the whole key, in hexadecimal; the key itself is stored nowhere.
   */
  sha256: string;
  created_at: string;
  expires_at: string | null;
  revoked_at: string | null;
}
export interface Problem {
  type: string;
  title: string;
  status: number;
  code: string;
  detail: string;
  errors?: Violation[];
  conflicts?: Conflict[];
  run?: Run;
  request_id: string;
  /**
   * The job that this came of.
   */
  job_id?: string;
  run_id?: string;
  /**
   * What Galaxy answered.
   */
  galaxy?: {
    status: number | null;
    code: number | null;
    message: string | null;
  };
}
export interface Violation {
  code:
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
  collection: string | null;
  id: string | null;
  pointer: string;
  message: string;
  schema_pointer?: string;
  detail?: Json;
}
export interface Conflict {
  collection: string;
  id: string;
  pointer: string;
  kind: "modify/modify" | "delete/modify" | "add/add" | "type" | "array";
  base?: Json;
  ours?: Json;
  theirs?: Json;
  ours_commit: string;
  theirs_commit: string;
  ours_run: string | null;
  theirs_run: string | null;
  ours_author: string;
  theirs_author: string;
}
export interface Run {
  id: string;
  run_id: string;
  origin: "rest" | "push" | "executor";
  job_id: string;
  done: boolean;
  status: "waiting" | "running" | "merging" | "rejected" | "success" | "failed" | "cancelled" | "skipped";
  branch: string;
  head: string;
  base: string;
  created_at: string;
  started_at: string | null;
  updated_at: string;
  completed_at: string | null;
  finished_at: string | null;
  created_by: string;
  metadata: {
    [k: string]: Json;
  };
  contract_id: string | null;
  pipeline_name: string | null;
  pipeline_id: string | null;
  template_id: string | null;
  params: {
    [k: string]: Json;
  } | null;
  mode: string | null;
  executor: string | null;
  invocation: Invocation | null;
  warnings: Violation[];
  notices: Notice[];
  validations: number;
  submissions: number;
  merge: {
    commit: string | null;
    verdict: Verdict;
  } | null;
  error: {
    code: string;
    message: string;
  } | null;
  exit_code: number | null;
  pid: number | null;
  log_path: string | null;
  artifacts: string[];
  retry_of: string | null;
  attempt: number;
  alias: string | null;
  links: {
    self: string;
    diff: string;
    commits: string;
    validations: string;
  };
}
export interface Notice {
  code: string;
  message: string;
  severity: "info" | "warning";
}
export interface Verdict {
  outcome: "merged" | "rejected";
  run_id: string;
  tip: string;
  main_before: string;
  main_after?: string;
  checked: number;
  violations: Violation[];
  violation_count: number;
  conflicts: Conflict[];
  at: string;
  duration_ms?: number;
}
export interface RunRecord {
  id: string;
  job_id: string;
  origin: "rest" | "push" | "executor";
  status: "waiting" | "running" | "merging" | "rejected" | "success" | "failed" | "cancelled" | "skipped";
  created_by: string;
  created_at: string;
  started_at?: string;
  updated_at: string;
  completed_at?: string;
  metadata: {
    [k: string]: Json;
  };
  contract_id?: string;
  pipeline_name?: string;
  pipeline_id?: string;
  base: string;
  head?: string;
  received_at?: string;
  submissions: number;
  validations: number;
  warnings: Violation[];
  warning_count: number;
  notices: Notice[];
  error?: {
    code: string;
    message: string;
  };
  merge?: {
    verdict: Verdict;
  };
  template_id?: string;
  dataset_id?: string;
  mode?: string;
  executor?: "process" | "galaxy";
  params?: {
    [k: string]: Json;
  };
  retry_of?: string;
  attempt?: number;
  exit_code?: number;
  pid?: number;
  log_path?: string;
  invocation?: InvocationRecord;
}
export interface RunList {
  items: Run[];
  total?: number;
  limit?: number;
  offset?: number;
  page?: number;
  page_size?: number;
  next_cursor?: string | null;
}
export interface JobRunList {
  items: Run[];
  total?: number;
  limit?: number;
  offset?: number;
  runs: Run[];
  page?: number;
  page_size?: number;
  next_cursor?: string | null;
}
export interface StartRun {
  done?: boolean;
  /**
   * A merge patch over {collection: {id: document}}, or {collection: [document, …]}.
   */
  body?: {
    [k: string]: Json;
  };
  metadata?: {
    [k: string]: Json;
  };
  run_id?: string;
  /**
   * The commit of main that the client last read (Runtree-Commit).
   */
  base?: string;
  contract_id?: string;
  pipeline_name?: string;
  pipeline_id?: string;
}
export interface PatchRun {
  done?: boolean;
  status?: "running" | "failed" | "cancelled" | "skipped";
  /**
   * As in StartRun.
   */
  body?: {
    [k: string]: Json;
  };
  /**
   * A merge patch.
   */
  metadata?: {
    [k: string]: Json;
  };
  error?: {
    code?: string;
    message: string;
  };
}
export interface CancelRun {
  reason?: string;
}
export interface RevertRun {
  done?: boolean;
}
export interface ResolveRun {
  main?: string;
  resolutions: ({
    [k: string]: Json;
  } & {
    collection: string;
    id: string;
    pointer: string;
    take?: "ours" | "theirs" | "base";
    value?: Json;
  })[];
}
export interface RunDiff {
  base: string;
  head: string;
  changes: DocumentDiff[];
}
export interface DocumentDiff {
  collection: string;
  id: string;
  op: "add" | "modify" | "delete";
  pointers: string[];
  before?: Json;
  after?: Json;
}
export interface RunCommits {
  items: {
    commit: string;
    author: string;
    at: string;
    subject: string;
    changes: Change[];
  }[];
}
export interface RunValidations {
  items: {
    id: string;
    commit: string;
    status: "passed" | "warned" | "failed";
    recorded_at: string;
    violations: Violation[];
    violation_count: number;
  }[];
}
export interface RunPreview {
  mergeable: boolean;
  main: string;
  violations: Violation[];
  violation_count: number;
  conflicts: Conflict[];
  changes: Change[];
}
export interface RunArtifacts {
  items: Artifact[];
}
export interface Artifact {
  /**
   * Below the run's folder of artifacts.
   */
  path: string;
  size: number;
  oid: string;
}
export interface Health {
  status: "ok";
}
export interface Readiness {
  /**
   * Whether the whole store is in memory, gone when the server stops.
   */
  memory: boolean;
  status: "ready" | "starting" | "failed";
  main: string | null;
  open_runs: number;
}
export interface Version {
  name: string;
  version: string;
  format: number;
  node: string;
  /**
   * The git program; null when the store is in memory, which git cannot see.
   */
  git: string | null;
  /**
   * Whether the whole store is in memory, gone when the server stops.
   */
  memory: boolean;
}
export interface OpenApi {
  openapi: string;
  info: {
    [k: string]: Json;
  };
  paths: {
    [k: string]: Json;
  };
  components: {
    [k: string]: Json;
  };
  [k: string]: Json;
}
export interface Template {
  template_id: string;
  title: string | null;
  narrative: string | null;
  version: string | null;
  executor: "external" | "process" | "galaxy";
  /**
   * What a job's params say goes over these, member by member.
   */
  default_params: {
    [k: string]: Json;
  };
  /**
   * A JSON Schema that a job's params must fit.
   */
  params_schema:
    | {
        [k: string]: Json;
      }
    | boolean
    | null;
  /**
   * How often a job that failed is tried again without being asked.
   */
  retries: number;
  timeout_s: number | null;
  /**
   * The exit code that says there was nothing to do.
   */
  skip_exit_code: number | null;
  /**
   * The name of a command of the operator's configuration; for the executor process.
   */
  command: string | null;
  /**
   * The name of a workflow of the Galaxy; for the executor galaxy, this or workflow_id.
   */
  workflow_name: string | null;
  /**
   * The id of a workflow of the Galaxy.
   */
  workflow_id: string | null;
  /**
   * What goes to the workflow's inputs, by label or index; texts may hold ${pointer}.
   */
  inputs: {
    [k: string]: Json;
  } | null;
  /**
   * What the names of histories begin with.
   */
  history_name: string | null;
  /**
   * Documents to be made of an invocation that ended well; texts and names may hold ${pointer}.
   */
  mapping: {
    [k: string]: Json;
  } | null;
  /**
   * The name of a Galaxy of the operator's configuration; by default the one called default.
   */
  server: string | null;
  status: "active" | "archived";
}
export interface CreateTemplate {
  template_id: string;
  title?: string;
  narrative?: string;
  version?: string;
  executor: "external" | "process" | "galaxy";
  /**
   * What a job's params say goes over these, member by member.
   */
  default_params?: {
    [k: string]: Json;
  };
  /**
   * A JSON Schema that a job's params must fit.
   */
  params_schema?:
    | {
        [k: string]: Json;
      }
    | boolean;
  /**
   * How often a job that failed is tried again without being asked.
   */
  retries?: number;
  timeout_s?: number;
  /**
   * The exit code that says there was nothing to do.
   */
  skip_exit_code?: number;
  /**
   * The name of a command of the operator's configuration; for the executor process.
   */
  command?: string;
  /**
   * The name of a workflow of the Galaxy; for the executor galaxy, this or workflow_id.
   */
  workflow_name?: string;
  /**
   * The id of a workflow of the Galaxy.
   */
  workflow_id?: string;
  /**
   * What goes to the workflow's inputs, by label or index; texts may hold ${pointer}.
   */
  inputs?: {
    [k: string]: Json;
  };
  /**
   * What the names of histories begin with.
   */
  history_name?: string;
  /**
   * Documents to be made of an invocation that ended well; texts and names may hold ${pointer}.
   */
  mapping?: {
    [k: string]: Json;
  };
  /**
   * The name of a Galaxy of the operator's configuration; by default the one called default.
   */
  server?: string;
}
export interface PatchTemplate {
  title?: string | null;
  narrative?: string | null;
  version?: string | null;
  executor?: "external" | "process" | "galaxy";
  /**
   * A merge patch over them.
   */
  default_params?: {
    [k: string]: Json;
  } | null;
  /**
   * A JSON Schema that a job's params must fit.
   */
  params_schema?:
    | {
        [k: string]: Json;
      }
    | boolean
    | null;
  /**
   * How often a job that failed is tried again without being asked.
   */
  retries?: number | null;
  timeout_s?: number | null;
  /**
   * The exit code that says there was nothing to do.
   */
  skip_exit_code?: number | null;
  /**
   * The name of a command of the operator's configuration; for the executor process.
   */
  command?: string | null;
  /**
   * The name of a workflow of the Galaxy; for the executor galaxy, this or workflow_id.
   */
  workflow_name?: string | null;
  /**
   * The id of a workflow of the Galaxy.
   */
  workflow_id?: string | null;
  /**
   * What goes to the workflow's inputs, by label or index; texts may hold ${pointer}.
   */
  inputs?: {
    [k: string]: Json;
  } | null;
  /**
   * What the names of histories begin with.
   */
  history_name?: string | null;
  /**
   * Documents to be made of an invocation that ended well; texts and names may hold ${pointer}.
   */
  mapping?: {
    [k: string]: Json;
  } | null;
  /**
   * The name of a Galaxy of the operator's configuration; by default the one called default.
   */
  server?: string | null;
  status?: "active" | "archived";
}
export interface TemplateList {
  items: Template[];
  total?: number;
  limit?: number;
  offset?: number;
  page?: number;
  page_size?: number;
  next_cursor?: string | null;
}
export interface TemplateRecord {
  id: string;
  executor: "external" | "process" | "galaxy";
  status: "active" | "archived";
  title?: string;
  narrative?: string;
  version?: string;
  default_params?: {
    [k: string]: Json;
  };
  params_schema?:
    | {
        [k: string]: Json;
      }
    | boolean;
  retries?: number;
  timeout_s?: number;
  skip_exit_code?: number;
  command?: string;
  created_at: string;
  created_by: string;
  updated_at: string;
  workflow_name?: string;
  workflow_id?: string;
  inputs?: {
    [k: string]: Json;
  };
  history_name?: string;
  mapping?: {
    [k: string]: Json;
  };
  server?: string;
}

/** Every shape by the name that `src/schema/shapes.ts` knows it by. */
export interface Shapes {
  "configuration#Configuration": Configuration;
  "configuration#Collection": Collection;
  "configuration#Check": Check;
  "configuration#Reference": Reference;
  "document#Document": Document;
  "document#DocumentList": DocumentList;
  "document#CollectionList": CollectionList;
  "document#DocumentHistory": DocumentHistory;
  "document#DocumentBlame": DocumentBlame;
  "document#State": State;
  "document#SchemaList": SchemaList;
  "document#AnyJson": AnyJson;
  "event#ServerEvent": ServerEvent;
  "event#RunEvent": RunEvent;
  "event#MergeEvent": MergeEvent;
  "event#JobEvent": JobEvent;
  "event#ResetEvent": ResetEvent;
  "event#QueueEvent": QueueEvent;
  "event#TemplateEvent": TemplateEvent;
  "invocation#Invocation": Invocation;
  "invocation#InvocationStep": InvocationStep;
  "invocation#InvocationList": InvocationList;
  "invocation#InvocationRequest": InvocationRequest;
  "invocation#InvocationRecord": InvocationRecord;
  "job#Job": Job;
  "job#CreateJob": CreateJob;
  "job#JobRecord": JobRecord;
  "job#PatchJob": PatchJob;
  "job#JobList": JobList;
  "job#MonitoredJobs": MonitoredJobs;
  "job#JobReason": JobReason;
  "job#DedupCheck": DedupCheck;
  "job#Queue": Queue;
  "job#QueueStats": QueueStats;
  "job#ReorderQueue": ReorderQueue;
  "job#MoveJob": MoveJob;
  "job#PrioritizeJob": PrioritizeJob;
  "job#RetryJob": RetryJob;
  "key#KeyFile": KeyFile;
  "key#KeyRecord": KeyRecord;
  "problem#Problem": Problem;
  "run-record#RunRecord": RunRecord;
  "run#Run": Run;
  "run#RunList": RunList;
  "run#JobRunList": JobRunList;
  "run#StartRun": StartRun;
  "run#PatchRun": PatchRun;
  "run#JsonPatch": JsonPatch;
  "run#PatchOperation": PatchOperation;
  "run#CancelRun": CancelRun;
  "run#RevertRun": RevertRun;
  "run#ResolveRun": ResolveRun;
  "run#RunDiff": RunDiff;
  "run#DocumentDiff": DocumentDiff;
  "run#RunCommits": RunCommits;
  "run#RunValidations": RunValidations;
  "run#RunPreview": RunPreview;
  "run#RunArtifacts": RunArtifacts;
  "service#Health": Health;
  "service#Readiness": Readiness;
  "service#Version": Version;
  "service#Text": Text;
  "service#OpenApi": OpenApi;
  "service#Nothing": Nothing;
  "service#Bytes": Bytes;
  "template#Template": Template;
  "template#CreateTemplate": CreateTemplate;
  "template#PatchTemplate": PatchTemplate;
  "template#TemplateList": TemplateList;
  "template#TemplateRecord": TemplateRecord;
  "verdict#Violation": Violation;
  "verdict#Conflict": Conflict;
  "verdict#Change": Change;
  "verdict#Notice": Notice;
  "verdict#Verdict": Verdict;
}
