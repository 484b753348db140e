import { isObject } from "../domain/json.ts";
import { cancelOf, type Invocation, type InvocationStep, isThere, stateOf } from "./invocations.ts";
import { jobState, lastChange, type StepTimes } from "./timeline.ts";
import { inputName } from "./workflow-file.ts";
import { stamp, type Wire } from "./wire.ts";

type Element = Wire["WorkflowInvocationElementView"];

/** How much of its steps an answer tells. */
export interface Detail {
  readonly steps: boolean;
  /** The state of a step's job in place of the step's. */
  readonly jobStates: boolean;
}

function changesOf(invocation: Invocation): number[] {
  const { made, materializing, ready, scheduled, failed, completed } = invocation.timeline;
  const cancelled = cancelOf(invocation);
  const cancels = cancelled === null ? [] : [cancelled.asked, cancelled.done];
  return [made, materializing, ready, scheduled, failed, completed].concat(cancels);
}

/** An invocation as lists have it: without its steps. */
export function listedInvocation(invocation: Invocation, now: number): Wire["WorkflowInvocationCollectionView"] {
  return {
    create_time: stamp(invocation.timeline.made),
    history_id: invocation.historyId,
    id: invocation.id,
    model_class: "WorkflowInvocation",
    state: stateOf(invocation, now),
    update_time: stamp(lastChange(changesOf(invocation), now)),
    uuid: invocation.uuid,
    workflow_id: invocation.workflow.instanceId,
  };
}

function shownJobs(
  times: StepTimes,
  kept: InvocationStep,
  invocation: Invocation,
  now: number,
): Wire["JobBaseModel"][] {
  const { job, step } = times;
  const state = job === null ? null : jobState(job, cancelOf(invocation), now);
  if (job === null || state === null) return [];
  return kept.jobIds.map((id) => ({
    create_time: stamp(job.made),
    exit_code: state === "ok" ? 0 : state === "error" ? 1 : null,
    galaxy_version: null,
    history_id: invocation.historyId,
    id,
    model_class: "Job",
    state,
    tool_id: step.toolId ?? "",
    update_time: stamp(lastChange([job.made, job.queued, job.running, job.ended], now)),
  }));
}

/** Tells whether a step was handed out by a moment; a cancel keeps those from it that were not. */
function isHanded({ handed }: StepTimes, invocation: Invocation, now: number): boolean {
  return handed <= now && handed <= (cancelOf(invocation)?.asked ?? Infinity);
}

/** What a step gives out, once its jobs are made. */
function outputsOfStep({ step }: StepTimes, { outputId, collectionId }: InvocationStep): StepOutputs {
  const none = { outputs: {}, output_collections: {} };
  if (outputId === null) return none;
  const name = step.outputs[0]?.name ?? "out_file1";
  return collectionId === null
    ? { ...none, outputs: { [name]: { id: outputId, src: "hda" } } }
    : { ...none, output_collections: { [name]: { id: outputId, src: "hdca" } } };
}

type StepOutputs = Pick<Wire["InvocationStep"], "outputs" | "output_collections">;

function shownStep(invocation: Invocation, at: number, detail: Detail, now: number): Wire["InvocationStep"][] {
  const [times, kept] = [invocation.timeline.steps[at], invocation.steps[at]];
  if (times === undefined || kept === undefined) return [];
  const { step } = times;
  const handed = isHanded(times, invocation, now);
  const jobs = handed ? shownJobs(times, kept, invocation, now) : [];
  const told = detail.steps && jobs.length > 0;
  return [
    {
      action: null,
      id: kept.id,
      implicit_collection_jobs_id: jobs.length > 0 ? kept.collectionId : null,
      job_id: kept.collectionId === null ? (jobs[0]?.id ?? null) : null,
      jobs: told ? jobs : [],
      model_class: "WorkflowInvocationStep",
      order_index: step.index,
      ...(told ? outputsOfStep(times, kept) : { outputs: {}, output_collections: {} }),
      state: detail.jobStates && step.type === "tool" ? (jobs[0]?.state ?? null) : handed ? "scheduled" : "new",
      subworkflow_invocation_id: kept.inner !== null && isThere(kept.inner, now) ? kept.inner.id : null,
      update_time: stamp(handed ? times.handed : invocation.timeline.ready),
      workflow_step_id: kept.id,
      workflow_step_label: step.label,
      workflow_step_uuid: step.uuid,
    },
  ];
}

function messagesOf(invocation: Invocation, now: number): Element["messages"] {
  if (cancelOf(invocation) !== null) return [{ reason: "user_request" }];
  if (stateOf(invocation, now) !== "failed") return [];
  const details = "A tool of this workflow could not be run.";
  return [{ reason: "unexpected_failure", details, workflow_step_id: null }];
}

function inputsOf(invocation: Invocation): Pick<Element, "inputs" | "input_step_parameters"> {
  const inputs: Element["inputs"] = {};
  const parameters: Element["input_step_parameters"] = {};
  for (const [at, { step }] of invocation.timeline.steps.entries()) {
    const [value, kept] = [invocation.asked.inputs.get(step.index), invocation.steps[at]];
    if (value === undefined || kept === undefined || invocation.outer !== null) continue;
    const label = inputName(step);
    if (step.type === "parameter_input") {
      const name = label ?? String(step.index);
      parameters[name] = { label: name, parameter_value: value, workflow_step_id: kept.id };
    } else if (isObject(value)) {
      const src = value["src"] === "hdca" ? "hdca" : "hda";
      inputs[step.index] = { id: String(value["id"]), label, src, workflow_step_id: kept.id };
    }
  }
  return { inputs, input_step_parameters: parameters };
}

function outputsOf(invocation: Invocation, now: number): Pick<Element, "outputs" | "output_collections"> {
  const outputs: Element["outputs"] = {};
  const collections: Element["output_collections"] = {};
  for (const [at, times] of invocation.timeline.steps.entries()) {
    const kept = invocation.steps[at];
    if (kept?.outputId == null || !isHanded(times, invocation, now)) continue;
    const given = { id: kept.outputId, workflow_step_id: kept.id };
    for (const { name, label } of times.step.outputs) {
      if (kept.collectionId === null) outputs[label ?? name] = { ...given, src: "hda" };
      else collections[label ?? name] = { ...given, src: "hdca" };
    }
  }
  return { outputs, output_collections: collections };
}

/** An invocation as it is shown by itself. Its steps are there once it is `ready`. */
export function shownInvocation(invocation: Invocation, detail: Detail, now: number): Element {
  const begun = now >= invocation.timeline.ready;
  return {
    ...listedInvocation(invocation, now),
    ...inputsOf(invocation),
    messages: messagesOf(invocation, now),
    ...outputsOf(invocation, now),
    output_values: {},
    steps: begun ? invocation.timeline.steps.flatMap((_, at) => shownStep(invocation, at, detail, now)) : [],
  };
}

/** What an invocation was asked to do, in the form that may be sent again. */
export function shownRequest(invocation: Invocation): Wire["WorkflowInvocationRequestModel"] {
  const { inputs, parameters, useCachedJob } = invocation.asked;
  return {
    history_id: invocation.historyId,
    inputs: Object.fromEntries(inputs),
    inputs_by: "step_index",
    instance: true,
    parameters,
    parameters_normalized: true,
    replacement_params: {},
    resource_params: {},
    use_cached_job: useCachedJob,
    workflow_id: invocation.workflow.instanceId,
  };
}
