import type { Workflow, WorkflowInput, WorkflowName } from "../domain/workflow-server.ts";
import { idInPath } from "./ask-by-id.ts";
import type { GalaxyCalls } from "./galaxy-calls.ts";
import { countOrNull, entries, id, list, members, text, textOrNull, time, word } from "./read.ts";

/** What is read of a workflow in a list. */
interface WorkflowNameAnswer {
  readonly id: string;
  readonly name: string;
  readonly owner: string;
  readonly update_time: string;
}

/** What is read of an input of a workflow, and of the step that it is. */
export interface InputAnswer {
  readonly label: string | null;
}

export interface StepAnswer {
  readonly type: string;
  readonly tool_inputs?: unknown;
}

export interface WorkflowAnswer extends WorkflowNameAnswer {
  readonly version: number;
  readonly inputs: Readonly<Record<string, InputAnswer>>;
  readonly steps: Readonly<Record<string, StepAnswer>>;
}

interface ToolInputs {
  readonly optional: boolean;
  readonly default: unknown;
  readonly parameter_type: string;
}

/** How many workflows are asked for at a time, and how often, where names cannot be searched for. */
const PAGE = 200;
const MOST_PAGES = 25;

/** What we call the steps that are inputs; other words are told as they are. */
const INPUT_TYPES: Readonly<Record<string, string>> = { data_input: "dataset", data_collection_input: "collection" };

function readName(answer: unknown): WorkflowName {
  const workflow = members<WorkflowNameAnswer>(answer);
  return {
    id: id(workflow.id),
    name: text(workflow.name),
    owner: textOrNull(workflow.owner),
    updated_at: time(workflow.update_time),
  };
}

/** All workflows of exactly this name: names are not unique. */
export async function workflowsNamed(galaxy: GalaxyCalls, name: string): Promise<readonly WorkflowName[]> {
  const page = (query: Record<string, string>): Promise<readonly WorkflowName[]> =>
    galaxy.ask({
      call: "list_workflows",
      path: "/workflows",
      query: { ...query, skip_step_counts: "true", limit: String(PAGE) },
      read: (answer) => list(answer).map(readName),
    });
  // A quote cannot be written in a search, so such a name is looked for among all.
  if (!/['"]/.test(name)) return (await page({ search: `name:'${name}'` })).filter((found) => found.name === name);
  const found: WorkflowName[] = [];
  for (let at = 0; at < MOST_PAGES; at += 1) {
    const some = await page({ offset: String(at * PAGE) });
    found.push(...some.filter((workflow) => workflow.name === name));
    if (some.length < PAGE) break;
  }
  return found;
}

function readInput(index: string, input: unknown, step: unknown): WorkflowInput {
  const { type, tool_inputs: given } = members<StepAnswer>(step);
  const isInputs = typeof given === "object" && given !== null && !Array.isArray(given);
  const tool = members<ToolInputs>(isInputs ? given : {});
  const kind = word(type);
  return {
    index,
    label: textOrNull(members<InputAnswer>(input).label),
    optional: tool.optional === true || (tool.default !== undefined && tool.default !== null),
    type: kind === "parameter_input" ? word(tool.parameter_type ?? "text") : (INPUT_TYPES[kind] ?? kind),
  };
}

/** A workflow with its inputs. */
export async function askWorkflow(galaxy: GalaxyCalls, asked: string): Promise<Workflow> {
  return galaxy.ask({
    call: "show_workflow",
    path: `/workflows/${idInPath(galaxy.name, "show_workflow", asked)}`,
    read: (answer) => {
      const { version, inputs, steps } = members<WorkflowAnswer>(answer);
      const step = new Map(entries(steps));
      const read = entries(inputs).map(([index, input]) => readInput(index, input, step.get(index)));
      return {
        ...readName(answer),
        version: countOrNull(version),
        inputs: read.sort((left, right) => Number(left.index) - Number(right.index)),
      };
    },
  });
}
