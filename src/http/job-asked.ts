import type { CreateJob } from "../actions/create-job.ts";
import type { RequestInvocation } from "../actions/request-invocation.ts";
import { refuseMember } from "../actions/refusal.ts";
import type { QueryOf } from "../contract/operations.ts";
import type { Wire } from "../contract/wire.ts";
import { RuntreeError } from "../domain/errors.ts";
import type { JsonObject } from "../domain/json.ts";
import { refused } from "./refused.ts";

/** A job that is asked for: one of a template or for agents, or an invocation; and what people may want to know of the request. */
export type JobAsked = { readonly warnings: readonly string[] } & (
  | { readonly job: CreateJob }
  | { readonly invocation: RequestInvocation }
);

/** The members that each kind of request knows; those of other kinds are ignored with a warning. */
const OF_TEMPLATE = ["template_id", "type", "job_type", "title", "params", "priority", "position"] as const;
const OF_GALAXY = ["dataset_id", "workflow_name", "workflow_id", "overwrite", "parameters", "server"] as const;
const FOR_AGENTS = ["executor", "job_id", "title", "params", "priority"] as const;

type Body = Wire<"job#CreateJob">;

function split(body: Body, known: readonly string[]): { members: Body; warnings: readonly string[] } {
  const members = Object.fromEntries(Object.entries(body).filter(([name]) => known.includes(name)));
  const warnings = Object.keys(body)
    .filter((name) => !known.includes(name))
    .map((name) => `The member ${name} is not known and was ignored.`);
  return { members: members as Body, warnings };
}

/**
 * Tells by its members which kind of job a request asks for. Members of an invocation may stand in the query; the body is
 * then its parameters. Throws `ambiguous_job` for two kinds or none, and for an invocation without a dataset
 * `validation_failed`, or `bad_request` where the query asks for it.
 */
export function jobAsked(
  body: Body,
  query: Omit<QueryOf<"createJob">, "dryRun">,
  aliases: Readonly<Record<string, string>>,
): JobAsked {
  if (Object.values(query).some((value) => value !== undefined))
    return { invocation: askedInQuery(query, body as JsonObject), warnings: [] };
  const named = body.template_id ?? body.type ?? body.job_type;
  const isOfGalaxy = body.workflow_name !== undefined || body.workflow_id !== undefined;
  const kinds = [named !== undefined, isOfGalaxy, body.executor === "external"];
  if (kinds.filter(Boolean).length !== 1) {
    const words =
      'Which kind of job is not clear: send {"template_id": …} for a job of a template, {"dataset_id": …, "workflow_name": …} to have a workflow invoked, or {"executor": "external"} for a job that agents do.';
    throw new RuntreeError("ambiguous_job", words);
  }
  if (isOfGalaxy) {
    const { members, warnings } = split(body, OF_GALAXY);
    return { invocation: invocationAsked(members), warnings };
  }
  if (named === undefined) {
    const { members, warnings } = split(body, FOR_AGENTS);
    const { executor: _, ...job } = members;
    return { job: job as CreateJob, warnings };
  }
  const { members, warnings } = split(withoutExecutor(body), OF_TEMPLATE);
  const { type: _, job_type: __, ...job } = members;
  const template_id = Object.hasOwn(aliases, named) ? aliases[named] : named;
  return { job: { ...job, template_id } as CreateJob, warnings };
}

/** What a template does says the template. */
function withoutExecutor({ executor: _, ...body }: Body): Body {
  return body;
}

const FOR_WHICH = "A workflow is invoked for a dataset: dataset_id says for which.";

function invocationAsked({ dataset_id, ...members }: Partial<Body>): RequestInvocation {
  if (dataset_id === undefined) refuseMember("schema", "/dataset_id", FOR_WHICH);
  return { ...(members as Omit<RequestInvocation, "dataset_id">), dataset_id: String(dataset_id) };
}

function askedInQuery(query: Omit<QueryOf<"createJob">, "dryRun">, parameters: JsonObject): RequestInvocation {
  const { dataset_id, ...members } = query;
  if (dataset_id === undefined) throw refused("/dataset_id", FOR_WHICH);
  if (query.workflow_name === undefined && query.workflow_id === undefined)
    throw refused("/workflow_name", "Which workflow is to be invoked, workflow_name or workflow_id says.");
  return { ...members, dataset_id, parameters };
}
