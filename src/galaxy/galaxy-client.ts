import { LRUCache } from "lru-cache";
import type {
  Dataset,
  History,
  Invocation,
  InvocationLook,
  InvocationName,
  InvokeRequest,
  Workflow,
  WorkflowName,
  WorkflowServer,
} from "../domain/workflow-server.ts";
import { askDataset } from "./datasets.ts";
import { type GalaxyAddress, GalaxyCalls } from "./galaxy-calls.ts";
import { GALAXY_LIMITS, type GalaxyLimits } from "./galaxy-limits.ts";
import { createHistory, historiesNamed } from "./histories.ts";
import { askInvocation, cancel, invocationsIn, invoke } from "./invocations.ts";
import { askJobsSummary, type JobsSummary } from "./jobs-summary.ts";
import { look } from "./look.ts";
import { askVersion } from "./version.ts";
import { askWorkflow, workflowsNamed } from "./workflows.ts";

const MOST_WORKFLOWS = 200;
/** For how long (ms) a workflow is not asked for again, whatever the server lists. */
const WORKFLOW_MS = 60_000;

/** What a client is made of; limits that are left out are as usual. */
export interface GalaxyOptions extends Omit<GalaxyAddress, "limits"> {
  readonly limits?: Partial<GalaxyLimits>;
}

/** A client of one Galaxy server. It holds connections until it is closed. */
export class GalaxyClient implements WorkflowServer {
  readonly #calls: GalaxyCalls;
  /** Workflows that were asked for lately, good as long as the server lists them as changed at that time. */
  readonly #workflows = new LRUCache<string, Workflow>({ max: MOST_WORKFLOWS, ttl: WORKFLOW_MS });

  /** Throws `bad_configuration` for an address or a key that cannot be one. */
  constructor(options: GalaxyOptions) {
    this.#calls = new GalaxyCalls({ ...options, limits: { ...GALAXY_LIMITS, ...options.limits } });
  }

  get name(): string {
    return this.#calls.name;
  }

  get restsUntil(): number {
    return this.#calls.restsUntil;
  }

  version(): Promise<string> {
    return askVersion(this.#calls);
  }

  workflowsNamed(name: string): Promise<readonly WorkflowName[]> {
    return workflowsNamed(this.#calls, name);
  }

  async workflow(id: string, listedAt: string | null = null): Promise<Workflow> {
    const known = listedAt === null ? undefined : this.#workflows.get(id);
    if (known !== undefined && known.updated_at === listedAt) return known;
    const workflow = await askWorkflow(this.#calls, id);
    this.#workflows.set(id, workflow);
    return workflow;
  }

  createHistory(name: string): Promise<History> {
    return createHistory(this.#calls, name);
  }

  historiesNamed(name: string): Promise<readonly History[]> {
    return historiesNamed(this.#calls, name);
  }

  invoke(workflowId: string, request: InvokeRequest): Promise<InvocationName> {
    return invoke(this.#calls, workflowId, request);
  }

  invocationsIn(historyId: string): Promise<readonly InvocationName[]> {
    return invocationsIn(this.#calls, historyId);
  }

  async invocation(id: string): Promise<Invocation> {
    const { has_jobs: _, ...invocation } = await askInvocation(this.#calls, id);
    return invocation;
  }

  jobsSummary(id: string): Promise<JobsSummary> {
    return askJobsSummary(this.#calls, id);
  }

  look(id: string): Promise<InvocationLook> {
    return look(this.#calls, id);
  }

  cancel(id: string): Promise<InvocationName> {
    return cancel(this.#calls, id);
  }

  dataset(id: string): Promise<Dataset> {
    return askDataset(this.#calls, id);
  }

  /** Ends whatever is under way; a call that comes later fails as `closed`. */
  close(): Promise<void> {
    return this.#calls.close();
  }
}
