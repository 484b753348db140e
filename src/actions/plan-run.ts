import { DEFAULT_GALAXY } from "../domain/galaxy-servers.ts";
import { mapInvocation, mappedParams } from "../domain/invocation-mapping.ts";
import type { InvocationRequest } from "../domain/invocation.ts";
import type { JobRecord } from "../domain/job.ts";
import { isObject, type JsonObject } from "../domain/json.ts";
import type { RunRecord } from "../domain/run.ts";
import type { Store } from "../store/store.ts";
import { datasetOf } from "./dataset.ts";
import { type AllowedServer, type PlannedInvocation, planInvocation } from "./plan-invocation.ts";

/** What a Galaxy is asked for by a job of a template, or by one that says so itself; null for a job of another executor. */
export function requestOf(
  store: Store,
  { executor, template_id, invocation, params }: JobRecord,
): InvocationRequest | null {
  if (executor !== "galaxy") return null;
  const template = store.templates.find(template_id ?? "");
  if (template === null) return invocation ?? { server: DEFAULT_GALAXY };
  const { server = DEFAULT_GALAXY, workflow_id, workflow_name } = template;
  const { dataset_id: dataset } = params;
  return {
    server,
    ...(workflow_id === undefined ? {} : { workflow_id }),
    ...(workflow_name === undefined ? {} : { workflow_name }),
    ...(typeof dataset === "string" || typeof dataset === "number" ? { dataset_id: String(dataset) } : {}),
  };
}

/**
 * Settles what the workflow of a run is sent: its params, then what its dataset says, then the template's inputs. Throws
 * `dataset_not_found`, `mapping_failed` where the template's inputs ask for what is not there, and what `planInvocation` throws.
 */
export async function planRun(store: Store, allowed: AllowedServer, record: RunRecord): Promise<PlannedInvocation> {
  const { id: run_id, job_id, params = {}, template_id, invocation } = record;
  if (invocation === undefined) throw new TypeError(`run ${run_id} has no invocation`);
  const { dataset_id } = invocation;
  const template = store.templates.find(template_id ?? "");
  const dataset = dataset_id === undefined ? {} : datasetOf(store, dataset_id);
  const { galaxy_inputs: ofDataset } = dataset;
  const facts: JsonObject = { run_id, job_id, params, ...(dataset_id === undefined ? {} : { dataset_id, dataset }) };
  const { inputs: filling = {}, mapping = {} } = template ?? {};
  const ofTemplate = mapInvocation(filling, facts);
  // Of a template's job it says which dataset is meant, and is nothing for the workflow.
  const { dataset_id: _, ...rest } = params;
  const parameters = template === null ? params : rest;
  const fallbacks = [...(isObject(ofDataset) ? [ofDataset] : []), ofTemplate];
  const otherwiseUsed = mappedParams([filling, mapping]);
  return planInvocation(allowed, invocation, { parameters, otherwiseUsed, fallbacks });
}
