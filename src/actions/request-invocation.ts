import { RuntreeError } from "../domain/errors.ts";
import { DEFAULT_GALAXY } from "../domain/galaxy-servers.ts";
import type { InvocationRequest } from "../domain/invocation.ts";
import { priorityOf, type JobRecord } from "../domain/job.ts";
import { isObject, type JsonObject } from "../domain/json.ts";
import { workflowServerFault } from "../domain/workflow-server.ts";
import type { Authorship } from "../store/authorship.ts";
import type { Store } from "../store/store.ts";
import { datasetOf } from "./dataset.ts";
import { endJob } from "./end-job.ts";
import { requireSmallParams } from "./fit-params.ts";
import { openJobRun } from "./open-job-run.ts";
import { type AllowedServer, type PlannedInvocation, planInvocation } from "./plan-invocation.ts";

/** The Galaxies of a server, as requests need them (`daemon/galaxy-work.ts`). */
export interface Galaxies {
  /** A server by its name in the configuration. Throws `galaxy_not_configured`. */
  allowed(name: string): AllowedServer;
  /** Has the workflow of a run that was opened just now invoked. Throws what asking the server throws. */
  invokeNow(server: string, runId: string, planned: PlannedInvocation): Promise<void>;
}

/** Where no Galaxy is configured, and where there is no server to ask one. */
export const NO_GALAXIES: Galaxies = {
  allowed: (name) => {
    throw notConfigured(name, []);
  },
  invokeNow: async () => undefined,
};

/** The same Galaxies, that are asked what there is and never for anything to be done. */
export function rehearsed(galaxies: Galaxies): Galaxies {
  return { allowed: (name) => galaxies.allowed(name), invokeNow: async () => undefined };
}

/** The error of a Galaxy that nobody configured. */
export function notConfigured(name: string, known: readonly string[]): RuntreeError {
  const hint =
    known.length === 0 ? "whoever runs this server gives it --galaxy-url and a key" : `there is ${known.join(", ")}`;
  const words = `No Galaxy called ${JSON.stringify(name)} is configured; ${hint}.`;
  return new RuntreeError("galaxy_not_configured", words, { server: name });
}

export interface RequestInvocation {
  readonly dataset_id: string;
  readonly workflow_name?: string;
  readonly workflow_id?: string;
  readonly overwrite?: boolean;
  readonly parameters?: JsonObject;
  readonly server?: string;
}

/**
 * Invokes a workflow for a dataset before it returns: as a job with a run, which never waits in the queue. Nothing is written
 * for a request that Galaxy need not be bothered with. Throws `galaxy_not_configured`, `validation_failed` for parameters
 * that are too large, `dataset_not_found`, what planning throws, and `galaxy_error` or `galaxy_timeout` with `job_id` and
 * `run_id`: after a refusal the job has failed; where no answer is known the run stays open, and whatever was invoked is
 * found later.
 */
export async function requestInvocation(
  store: Store,
  galaxies: Galaxies,
  author: Authorship,
  { dataset_id, parameters = {}, server = DEFAULT_GALAXY, ...asked }: RequestInvocation,
): Promise<JobRecord> {
  const allowed = galaxies.allowed(server);
  requireSmallParams(parameters, "/parameters");
  const { galaxy_inputs: filled } = datasetOf(store, dataset_id);
  const given = { parameters, fallbacks: isObject(filled) ? [filled] : [] };
  const { overwrite, ...named } = asked;
  const request: InvocationRequest = { server, ...named, dataset_id, ...(overwrite === true ? { overwrite } : {}) };
  const planned = await planInvocation(allowed, request, given);
  const now = store.clock();
  const waiting: JobRecord = {
    id: store.nextRunId(now),
    executor: "galaxy",
    params: parameters,
    invocation: { ...request, workflow_id: planned.workflow.id, workflow_name: planned.workflow.name },
    priority: priorityOf(undefined),
    created_at: new Date(now).toISOString(),
    created_by: author.principal,
  };
  const subject = `Invoke ${planned.workflow.name} for ${dataset_id} as job ${waiting.id}`;
  const { job, run } = await store.ops.take(async (ahead) =>
    openJobRun(ahead, author, waiting, { subject }, waiting.invocation ?? null),
  );
  try {
    await galaxies.invokeNow(server, run.record.id, planned);
  } catch (error) {
    throw await afterFailure(store, job, run.record.id, error);
  }
  return store.jobs.find(job.id) ?? job;
}

/** The error of an invocation that failed, when the job has failed by it, too. */
async function afterFailure(store: Store, job: JobRecord, run_id: string, error: unknown): Promise<unknown> {
  const fault = workflowServerFault(error);
  if (fault === null || !(error instanceof RuntreeError)) return error;
  if (fault.reason === "refused" || fault.effect === "none") await failJob(store, job.id, error);
  return new RuntreeError(error.code, error.message, { ...error.data, job_id: job.id, run_id }, error);
}

/** Ends a job whose workflow cannot be invoked, for the reason that an error tells. */
export async function failJob(store: Store, id: string, error: RuntreeError): Promise<void> {
  const code = workflowServerFault(error) === null ? error.code : "galaxy_error";
  await endJob(store, id, { status: "failed", error: { code, message: error.message } });
}
