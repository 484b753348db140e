import type { RunStatus } from "../domain/run.ts";
import type { RunView } from "./run-view.ts";

/** What a list of runs may ask for; dates in ms, both ends included, compared with `started_at` or else `created_at`. */
export interface RunFilter {
  readonly job_id?: string;
  /** Runs of any of these jobs, none of them named twice. */
  readonly jobs?: readonly string[];
  readonly status?: RunStatus;
  readonly contract_id?: string;
  readonly pipeline_name?: string;
  readonly template_id?: string;
  readonly dataset_id?: string;
  readonly mode?: string;
  readonly place?: RunView["place"];
  readonly start?: number;
  readonly end?: number;
  readonly has_warnings?: boolean;
  /** Who made the run, while it is open. */
  readonly open_by?: string;
  /** Who works on a run that an executor opened. */
  readonly executor?: string;
  /** The Galaxy that works on the run, or did; and the same while it is open. */
  readonly server?: string;
  readonly open_on?: string;
  /** An invocation by server and id (`invocationKey`). */
  readonly invocation?: string;
}

/** The members of a run that a filter compares as they are. */
export const MEMBERS = [
  "job_id",
  "status",
  "contract_id",
  "pipeline_name",
  "template_id",
  "dataset_id",
  "mode",
  "place",
  "has_warnings",
  "open_by",
  "executor",
  "server",
  "open_on",
  "invocation",
] as const;

/** A page of a list: how many fit the filter in all, the ids of those on the page, and whether any follow. */
export interface RunPage {
  readonly total: number;
  readonly ids: readonly string[];
  readonly more: boolean;
}
