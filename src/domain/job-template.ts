import type { Executor } from "./job.ts";
import type { JsonObject } from "./json.ts";

/** A template as `ops` keeps it: what jobs of one kind have in common. Absent members are left out. */
export interface TemplateRecord {
  readonly id: string;
  readonly executor: Executor;
  readonly status: "active" | "archived";
  readonly title?: string;
  readonly narrative?: string;
  readonly version?: string;
  /** What `params` of a job say goes over these, member by member. */
  readonly default_params?: JsonObject;
  /** A JSON Schema that the params of a job must fit. */
  readonly params_schema?: JsonObject | boolean;
  /** How often a job that failed is tried again without being asked: 0 to 2. */
  readonly retries?: number;
  readonly timeout_s?: number;
  /** The exit code that means there was nothing to do. */
  readonly skip_exit_code?: number;
  /** The name of a command of the operator's configuration; of templates whose executor is `process`. */
  readonly command?: string;
  /** The workflow that is invoked, by name or id; of templates whose executor is `galaxy`, as all that follows. */
  readonly workflow_name?: string;
  readonly workflow_id?: string;
  /** What goes to the workflow's inputs, by label or index; texts may hold `${pointer}`. */
  readonly inputs?: JsonObject;
  /** What the names of histories begin with. */
  readonly history_name?: string;
  /** Documents to be made of what ended well (`invocation-mapping.ts`). */
  readonly mapping?: JsonObject;
  /** The name of a Galaxy of the operator's configuration. */
  readonly server?: string;
  readonly created_at: string;
  readonly created_by: string;
  readonly updated_at: string;
}

/** The params of a job: the template's defaults, and over them, member by member, what was asked for. */
export function withDefaults(defaults: JsonObject | undefined, params: JsonObject | undefined): JsonObject {
  return { ...defaults, ...params };
}
