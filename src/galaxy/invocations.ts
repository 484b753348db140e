import { byUnit } from "../domain/json.ts";
import type {
  Invocation,
  InvocationMessage,
  InvocationName,
  InvocationOutput,
  InvocationStep,
  InvokeRequest,
} from "../domain/workflow-server.ts";
import { idInPath } from "./ask-by-id.ts";
import type { GalaxyCalls } from "./galaxy-calls.ts";
import { count, countOrNull, entries, few, id, idOrNull, list, members, text, textOrNull, time, word } from "./read.ts";

/** What is read of an invocation in a list. */
export interface InvocationNameAnswer {
  readonly id: string;
  readonly state: string;
  readonly workflow_id: string;
  readonly history_id: string;
  readonly create_time: string;
  readonly update_time: string;
}

export interface InvocationStepAnswer {
  readonly order_index: number;
  readonly workflow_step_label?: string | null;
  readonly state?: string | null;
  readonly job_id?: string | null;
  readonly implicit_collection_jobs_id?: string | null;
  readonly subworkflow_invocation_id?: string | null;
}

/** Which of the members a message has depends on its reason. */
export interface InvocationMessageAnswer {
  readonly reason: string;
  readonly details?: string | null;
  readonly workflow_step_id?: number | null;
  readonly job_id?: string | null;
}

export interface InvocationOutputAnswer {
  readonly id?: string | null;
}

/** What is read of an invocation. */
export interface InvocationAnswer extends InvocationNameAnswer {
  readonly steps: readonly InvocationStepAnswer[];
  readonly messages: readonly InvocationMessageAnswer[];
  readonly outputs: Readonly<Record<string, InvocationOutputAnswer>>;
  readonly output_collections: Readonly<Record<string, InvocationOutputAnswer>>;
}

/** What is sent to invoke a workflow. */
export interface InvokePayload {
  readonly history_id: string;
  readonly inputs: Record<string, unknown>;
  readonly inputs_by: "step_index";
  readonly parameters?: Record<string, Record<string, unknown>>;
  readonly instance?: boolean;
  readonly use_cached_job?: boolean;
  readonly require_exact_tool_versions: boolean;
}

/** What is asked of a list of invocations. */
export interface InvocationsQuery {
  readonly history_id: string;
  readonly include_nested_invocations: boolean;
  readonly view: string;
  readonly sort_by: "create_time";
  readonly sort_desc: boolean;
  readonly limit: number;
}

/** Most invocations of a history that are listed, the oldest first. */
const MOST_LISTED = 100;

/** Most steps, messages and outputs of an invocation that are read: they are kept with its run, and written at each change. */
const MOST_KEPT = 5000;

function readInvocationName(answer: unknown): InvocationName {
  const read = members<InvocationNameAnswer>(answer);
  return {
    id: id(read.id),
    galaxy_state: word(read.state),
    workflow_id: id(read.workflow_id),
    history_id: id(read.history_id),
    created_at: time(read.create_time),
    updated_at: time(read.update_time),
  };
}

/** A step, and whether it has jobs of its own. */
interface StepRead extends InvocationStep {
  readonly has_jobs: boolean;
}

function readStep(answer: unknown): StepRead {
  const step = members<InvocationStepAnswer>(answer);
  const jobId = idOrNull(step.job_id);
  return {
    index: count(step.order_index),
    label: textOrNull(step.workflow_step_label),
    galaxy_state: step.state === undefined || step.state === null ? null : word(step.state),
    job_id: jobId,
    invocation_id: idOrNull(step.subworkflow_invocation_id),
    has_jobs: jobId !== null || idOrNull(step.implicit_collection_jobs_id) !== null,
  };
}

function readMessage(invocationId: string, answer: unknown): InvocationMessage {
  const message = members<InvocationMessageAnswer>(answer);
  return {
    invocation_id: invocationId,
    reason: word(message.reason),
    details: textOrNull(message.details),
    step: countOrNull(message.workflow_step_id),
    job_id: idOrNull(message.job_id),
  };
}

function readOutputs(src: InvocationOutput["src"], answer: unknown): InvocationOutput[] {
  return few(entries(answer), MOST_KEPT).flatMap(([name, output]) => {
    const known = idOrNull(members<InvocationOutputAnswer>(output).id);
    return known === null ? [] : [{ name: text(name), src, id: known }];
  });
}

/** An invocation, and whether any of its steps has jobs. */
export interface InvocationRead extends Invocation {
  readonly has_jobs: boolean;
}

function readInvocation(answer: unknown): InvocationRead {
  const name = readInvocationName(answer);
  const { steps, messages, outputs, output_collections: collections } = members<InvocationAnswer>(answer);
  const read = few(list(steps), MOST_KEPT).map(readStep);
  return {
    ...name,
    steps: read.map(({ has_jobs: _, ...step }) => step).sort((left, right) => left.index - right.index),
    // Older servers say nothing of the kind.
    messages: few(list(messages ?? []), MOST_KEPT).map((message) => readMessage(name.id, message)),
    outputs: [...readOutputs("hda", outputs), ...readOutputs("hdca", collections)],
    has_jobs: read.some((step) => step.has_jobs),
  };
}

/** Invokes a workflow. A server may answer with a list of the one invocation. */
export async function invoke(
  galaxy: GalaxyCalls,
  workflowId: string,
  { history_id, inputs, parameters, instance, use_cached_job }: InvokeRequest,
): Promise<InvocationName> {
  const body: InvokePayload = {
    history_id,
    inputs,
    inputs_by: "step_index",
    require_exact_tool_versions: true,
    ...(parameters === undefined ? {} : { parameters }),
    ...(instance === undefined ? {} : { instance }),
    ...(use_cached_job === undefined ? {} : { use_cached_job }),
  };
  return galaxy.ask({
    call: "invoke",
    method: "POST",
    path: `/workflows/${idInPath(galaxy.name, "invoke", workflowId)}/invocations`,
    body,
    read: (answer) => readInvocationName(Array.isArray(answer) && answer.length === 1 ? answer[0] : answer),
  });
}

/** The oldest first; ids, so that the order is always the same. */
function byAge(left: InvocationName, right: InvocationName): number {
  const [one, other] = [left, right].map(({ created_at, id }) => `${created_at ?? ""} ${id}`);
  return byUnit(one ?? "", other ?? "");
}

/** The invocations in a history, the oldest first, but those of sub-workflows. */
export async function invocationsIn(galaxy: GalaxyCalls, historyId: string): Promise<readonly InvocationName[]> {
  const query: InvocationsQuery = {
    history_id: historyId,
    include_nested_invocations: false,
    // With steps: servers that always list those of sub-workflows are seen through by them.
    view: "element",
    sort_by: "create_time",
    sort_desc: false,
    limit: MOST_LISTED,
  };
  return galaxy.ask({
    call: "list_invocations",
    path: "/invocations",
    query: Object.fromEntries(Object.entries(query).map(([name, value]) => [name, String(value)])),
    read: (answer) => {
      const all = list(answer);
      const steps = all.flatMap((item) => list(members<InvocationAnswer>(item).steps ?? []).map(readStep));
      const nested = new Set(steps.map((step) => step.invocation_id));
      return all
        .map(readInvocationName)
        .filter((found) => found.history_id === historyId && !nested.has(found.id))
        .sort(byAge);
    },
  });
}

/** An invocation by itself: what its sub-workflows do is not told. */
export async function askInvocation(galaxy: GalaxyCalls, asked: string): Promise<InvocationRead> {
  return galaxy.ask({
    call: "show_invocation",
    path: `/invocations/${idInPath(galaxy.name, "show_invocation", asked)}`,
    often: true,
    read: readInvocation,
  });
}

/** Asks to cancel an invocation. */
export async function cancel(galaxy: GalaxyCalls, asked: string): Promise<InvocationName> {
  return galaxy.ask({
    call: "cancel",
    method: "DELETE",
    path: `/invocations/${idInPath(galaxy.name, "cancel", asked)}`,
    read: readInvocationName,
  });
}
