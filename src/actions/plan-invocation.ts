import { RuntreeError } from "../domain/errors.ts";
import type { InvocationRequest } from "../domain/invocation.ts";
import { doorViolation } from "../domain/verdict.ts";
import { type FilledInputs, fillInputs, type GivenInputs } from "../domain/workflow-inputs.ts";
import { type Workflow, type WorkflowServer, workflowServerFault } from "../domain/workflow-server.ts";

/** A Galaxy that may be asked, and for which workflows. */
export interface AllowedServer {
  readonly server: WorkflowServer;
  /** Names of workflows; empty for any. */
  readonly workflows: readonly string[];
}

/** An invocation of which is known what it is sent. */
export interface PlannedInvocation extends FilledInputs {
  readonly workflow: Workflow;
}

/**
 * Finds the workflow that is asked for, and settles what it is sent. Throws `workflow_not_allowed` where the operator does
 * not allow it or the server has none, `ambiguous` for several of one name, `input_missing`, `validation_failed`, and what
 * asking the server throws.
 */
export async function planInvocation(
  { server, workflows }: AllowedServer,
  request: InvocationRequest,
  given: GivenInputs,
): Promise<PlannedInvocation> {
  const workflow = await findWorkflow(server, request);
  if (workflows.length > 0 && !workflows.includes(workflow.name))
    throw notAllowed(request, `Workflow ${JSON.stringify(workflow.name)} may not be invoked; ${allowed(workflows)}.`);
  return { workflow, ...fillInputs(workflow, given) };
}

function allowed(workflows: readonly string[]): string {
  return `the operator allows ${workflows.map((name) => JSON.stringify(name)).join(", ")}`;
}

function notAllowed(request: InvocationRequest, words: string): RuntreeError {
  const member = request.workflow_id === undefined ? "workflow_name" : "workflow_id";
  return new RuntreeError("workflow_not_allowed", words, { errors: [doorViolation("schema", `/${member}`, words)] });
}

async function findWorkflow(server: WorkflowServer, request: InvocationRequest): Promise<Workflow> {
  const { workflow_id: id, workflow_name: name = "" } = request;
  if (id !== undefined) return workflowById(server, request, id);
  const found = await server.workflowsNamed(name);
  const [only] = found;
  if (only === undefined)
    throw notAllowed(request, `Galaxy ${server.name} has no workflow called ${JSON.stringify(name)}.`);
  if (found.length === 1) return server.workflow(only.id, only.updated_at);
  const ids = found.map((each) => each.id);
  const words = `Galaxy ${server.name} has ${found.length} workflows called ${JSON.stringify(name)}: send workflow_id, one of ${ids.join(", ")}.`;
  throw new RuntreeError("ambiguous", words, { workflow_ids: ids });
}

async function workflowById(server: WorkflowServer, request: InvocationRequest, id: string): Promise<Workflow> {
  let workflow: Workflow;
  try {
    workflow = await server.workflow(id);
  } catch (error) {
    const status = workflowServerFault(error)?.status;
    if (status !== 400 && status !== 404) throw error;
    throw notAllowed(request, `Galaxy ${server.name} has no workflow of the id ${JSON.stringify(id)}.`);
  }
  const { workflow_name: name = workflow.name } = request;
  if (workflow.name === name) return workflow;
  const words = `Workflow ${id} of Galaxy ${server.name} is called ${JSON.stringify(workflow.name)}, not ${JSON.stringify(name)}.`;
  throw notAllowed(request, words);
}
