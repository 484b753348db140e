import type { Json } from "../domain/json.ts";
import { decodable, type Ids } from "./ids.ts";
import { notFound } from "./refused.ts";
import { readWorkflowFile, type WorkflowFile } from "./workflow-file.ts";

/** A workflow that was imported. Sub-workflows have one each that is listed nowhere. */
export interface StoredWorkflow {
  readonly id: string;
  /** The id of what is run: invocations name this one, not the stored workflow's. */
  readonly instanceId: string;
  readonly uuid: string;
  readonly number: number;
  readonly file: WorkflowFile;
  readonly made: number;
  /** By the index of the step that it is in. */
  readonly inner: ReadonlyMap<number, StoredWorkflow>;
}

/** The conditions of a search: `name:'exactly this'` (or `n:`), `name:part`, or words that a name contains. */
function searchedFor(search: string): (workflow: StoredWorkflow) => boolean {
  const terms = [...search.matchAll(/(?:(\w+):)?(?:'([^']*)'|"([^"]*)"|(\S+))/g)].map(
    ([, tag, single, double, plain]) => {
      const exact = single ?? double;
      return { tag, exact, part: (exact ?? plain ?? "").toLowerCase() };
    },
  );
  return ({ file }) => {
    const name = file.name.toLowerCase();
    return terms.every(({ tag, exact, part }) => {
      if (tag === "tag" || tag === "t") return file.tags.some((each) => each.toLowerCase() === part);
      const named = tag === "name" || tag === "n";
      return named && exact !== undefined ? name === part : name.includes(part);
    });
  };
}

/** The workflows of a stand-in. */
export class Workflows {
  readonly #ids: Ids;
  readonly #stored = new Map<string, StoredWorkflow>();
  readonly #instances = new Map<string, StoredWorkflow>();

  constructor(ids: Ids) {
    this.#ids = ids;
  }

  #keep(file: WorkflowFile, made: number): StoredWorkflow {
    const inner = file.steps.flatMap((step): [number, StoredWorkflow][] =>
      step.inner === null ? [] : [[step.index, this.#keep(step.inner, made)]],
    );
    const number = this.#instances.size + 1;
    const [id, instanceId, uuid] = [this.#ids.next(), this.#ids.next(), file.uuid ?? this.#ids.uuid()];
    const workflow = { id, instanceId, uuid, number, file, made, inner: new Map(inner) };
    this.#instances.set(instanceId, workflow);
    return workflow;
  }

  /** Imports a `.ga` file; one that is imported twice is there twice. */
  import(file: Json | undefined, made: number): StoredWorkflow {
    const workflow = this.#keep(readWorkflowFile(file), made);
    this.#stored.set(workflow.id, workflow);
    return workflow;
  }

  /** The workflow of an id, stored or, if asked so, the instance's. Refuses one that is not there. */
  get(id: string, instance: boolean): StoredWorkflow {
    const workflow = (instance ? this.#instances : this.#stored).get(decodable(id));
    if (workflow === undefined) throw notFound("Workflow not found.");
    return workflow;
  }

  /** What a search finds, the newest first. */
  search(search: string): StoredWorkflow[] {
    return [...this.#stored.values()].filter(searchedFor(search)).reverse();
  }
}
