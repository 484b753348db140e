import { OWNER } from "./user.ts";
import { inputName, isInput, type Step } from "./workflow-file.ts";
import type { StoredWorkflow } from "./workflows.ts";
import { stamp, type Wire } from "./wire.ts";

type Detailed = Wire["StoredWorkflowDetailed"];
type DetailedStep = Detailed["steps"][string];

/** What the list has of a workflow: a part of `StoredWorkflowDetailed`, and two members that Galaxy has no type for. */
export type ListedWorkflow = Omit<
  Detailed,
  "annotation" | "creator_deleted" | "email_hash" | "help" | "inputs" | "readme" | "steps" | "version"
> & { readonly latest_workflow_id: string };

export function listedWorkflow(workflow: StoredWorkflow): ListedWorkflow {
  const { id, file, made, uuid, instanceId } = workflow;
  return {
    annotations: file.annotation === null ? [] : [file.annotation],
    create_time: stamp(made),
    deleted: false,
    hidden: false,
    id: id,
    importable: false,
    latest_workflow_id: instanceId,
    latest_workflow_uuid: uuid,
    model_class: "StoredWorkflow",
    name: file.name,
    number_of_steps: file.steps.length,
    owner: OWNER.username,
    published: false,
    show_in_tool_panel: false,
    slug: null,
    source_metadata: null,
    tags: [...file.tags],
    update_time: stamp(made),
    url: `/api/workflows/${id}`,
  };
}

/** What Galaxy shows for an input that has neither a label nor a name. */
const NAMELESS: Readonly<Record<string, string>> = {
  data_input: "Input Dataset",
  data_collection_input: "Input Dataset Collection",
  parameter_input: "Input Parameter",
};

function shownStep(step: Step, workflow: StoredWorkflow): DetailedStep {
  const common = {
    annotation: step.annotation,
    id: step.index,
    input_steps: Object.fromEntries(
      step.sources.map(({ input, step: from, output }) => [input, { source_step: from, step_output: output }]),
    ),
    tool_id: step.toolId,
    tool_inputs: step.toolInputs,
    tool_version: step.toolVersion,
    when: null,
  };
  if (step.type !== "subworkflow") return { ...common, type: step.type };
  return { ...common, type: "subworkflow", workflow_id: workflow.inner.get(step.index)?.instanceId ?? "" };
}

/** A workflow as Galaxy shows it: `inputs` has labels, and `tool_inputs` of their steps say which are optional. */
export function shownWorkflow(workflow: StoredWorkflow): Detailed {
  const { latest_workflow_id: _, ...listed } = listedWorkflow(workflow);
  const { file } = workflow;
  const inputs = file.steps.filter(isInput).map((step): [number, Wire["WorkflowInput"]] => {
    const label = inputName(step) ?? NAMELESS[step.type] ?? null;
    return [step.index, { label, uuid: step.uuid, value: "" }];
  });
  return {
    ...listed,
    annotation: file.annotation,
    creator_deleted: false,
    email_hash: null,
    help: null,
    inputs: Object.fromEntries(inputs),
    readme: null,
    steps: Object.fromEntries(file.steps.map((step) => [step.index, shownStep(step, workflow)])),
    version: 0,
  };
}
