import type { RunStatus } from "../domain/run.ts";
import type { JobRecord } from "./ops.ts";
import type { RunView } from "./run-view.ts";

/** What a durable write made known: a run as it is now, with the status it had before (null: it is new), or a job. */
export interface News {
  readonly run?: RunView;
  readonly was: RunStatus | null;
  readonly job?: JobRecord;
}
