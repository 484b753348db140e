import { createJob } from "../../src/actions/create-job.ts";
import { createTemplate, type TemplateMembers } from "../../src/actions/change-template.ts";
import { type RequestInvocation, requestInvocation } from "../../src/actions/request-invocation.ts";
import { GalaxyWork } from "../../src/daemon/galaxy-work.ts";
import type { RuntreeError } from "../../src/domain/errors.ts";
import type { InvocationRecord } from "../../src/domain/invocation.ts";
import type { JobRecord } from "../../src/domain/job.ts";
import type { Json } from "../../src/domain/json.ts";
import type { RunRecord } from "../../src/domain/run.ts";
import type { Invocation } from "../../src/galaxy-demo/invocations.ts";
import { GalaxyClient } from "../../src/galaxy/galaxy-client.ts";
import type { GalaxyLimits } from "../../src/galaxy/galaxy-limits.ts";
import type { Store } from "../../src/store/store.ts";
import { chainFile, DATASET, galaxyCaller, HandClock, type LiveGalaxy, startGalaxy } from "./galaxy.ts";
import { openTestStore, templateFolder, type TestStore, TESTER } from "./store.ts";
import { temporaryFolder } from "./folders.ts";

/** How long (ms) it takes until nothing is to be expected of a lost request any more, on the clock of a ground. */
export const SETTLE_MS = 60_000;

/** A client's limits that let time-outs come soon, and make each request once. */
export const HASTY: Partial<GalaxyLimits> = {
  connectMs: 1000,
  answerMs: 300,
  retries: 0,
  retryMs: 1,
  answerBytes: 1_000_000,
};

/** The workflow that there is on the stand-in of a ground, and the dataset in its store. */
export const WORKFLOW = "Count reads";
export const DATASET_ID = "ds-1";

/** A template of that workflow, whose mapping makes a document of what came out. */
export const COUNTS = {
  template_id: "count",
  executor: "galaxy",
  workflow_name: WORKFLOW,
  mapping: { results: { "${/job_id}": { title: "counts", of: "${/invocation/id}" } } },
} as const;

const REPOSITORY = {
  format: 1,
  collections: { datasets: { shards: 0 }, results: { schema: "schemas/result.schema.json" } },
} as const;

const FILES: Readonly<Record<string, Json>> = {
  "schemas/result.schema.json": {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    required: ["title"],
  },
  "metadata/datasets/ds-1.json": { id: DATASET_ID, galaxy_inputs: { reads: DATASET } },
};

export interface GroundOptions {
  readonly limits?: Partial<GalaxyLimits>;
  /** Addresses of Galaxies beside the stand-in, by name. */
  readonly others?: Readonly<Record<string, string>>;
  readonly template?: TemplateMembers;
  readonly version?: string;
}

/** A store that is worked on by Galaxy's workers, with the stand-in that these ask. Time passes by hand, for all of them. */
export class GalaxyGround {
  readonly demo: LiveGalaxy;
  readonly clock: HandClock;
  /** Every record of a run that was written, in order. */
  readonly written: RunRecord[] = [];
  /** What the operator was told. */
  readonly reports: string[] = [];
  readonly #options: GroundOptions;
  readonly #data: string = temporaryFolder();
  readonly #template: string;
  #open: TestStore | null = null;
  #work: GalaxyWork | null = null;
  #clients: readonly GalaxyClient[] = [];
  #tick: () => void = () => undefined;
  #later: { readonly work: () => void; readonly ms: number } | null = null;

  constructor(demo: LiveGalaxy, options: GroundOptions) {
    this.demo = demo;
    this.clock = demo.clock;
    this.#options = options;
    this.#template = templateFolder(REPOSITORY, FILES);
  }

  get store(): Store {
    return this.opened.store;
  }

  get opened(): TestStore {
    if (this.#open === null) throw new Error("the store is closed");
    return this.#open;
  }

  get work(): GalaxyWork {
    if (this.#work === null) throw new Error("nobody works");
    return this.#work;
  }

  /** Opens the store and begins to work, as a server does that starts. The first sweep has ended when this returns. */
  async open(): Promise<void> {
    const clock = (): number => this.clock.now();
    const { limits = HASTY, others = {} } = this.#options;
    this.#open = await openTestStore({ data: this.#data, template: this.#template, clock });
    const { store } = this.#open;
    const addresses = { default: this.demo.url, ...others };
    this.#clients = Object.entries(addresses).map(
      ([name, url]) => new GalaxyClient({ name, url, key: this.demo.key, clock, random: () => 0.5, limits }),
    );
    const work = new GalaxyWork({
      store,
      servers: this.#clients.map((server) => ({ server, workflows: [] })),
      settleMs: SETTLE_MS,
      report: (message) => this.reports.push(message),
      repeat: (sweep) => {
        this.#tick = sweep;
        return () => (this.#tick = () => undefined);
      },
      later: (awaited, ms) => {
        this.#later = { work: awaited, ms };
        return () => (this.#later = null);
      },
    });
    this.#work = work;
    store.listen((news) => {
      if (news.run !== undefined) this.written.push(news.run.record);
      work.tell(news);
    });
    await work.start();
    await work.sweep();
  }

  /** Ends all of it in the midst of things: the store first, so that nothing more is written. */
  async stop(): Promise<void> {
    const [open, work, clients] = [this.#open, this.#work, this.#clients];
    [this.#open, this.#work, this.#clients, this.#tick] = [null, null, [], () => undefined];
    await open?.close();
    await Promise.all(clients.map(async (client) => client.close()));
    await work?.close();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.open();
  }

  /** One sweep, after some seconds. */
  async sweep(seconds = 0): Promise<void> {
    this.clock.pass(seconds);
    this.#tick();
    await this.work.sweep();
  }

  /** Lets the time pass that the work waits for by itself, and what comes then; returns how many seconds. */
  async wake(): Promise<number> {
    const { work, ms } = this.#later ?? {};
    if (work === undefined || ms === undefined) throw new Error("nothing is waited for");
    this.#later = null;
    this.clock.pass(ms / 1000);
    work();
    await this.work.sweep();
    return ms / 1000;
  }

  /** Sweeps until something is so, some seconds between. */
  async sweepUntil(isSo: () => boolean, seconds = 20, most = 60): Promise<void> {
    for (let done = 0; !isSo(); done++) {
      if (done === most) throw new Error(`${most} sweeps were not enough; ${this.reports.slice(-3).join("\n")}`);
      await this.sweep(seconds);
    }
  }

  /** Asks for the workflow as a request that waits. */
  async request(more: Partial<RequestInvocation> = {}): Promise<JobRecord> {
    const asked = { dataset_id: DATASET_ID, workflow_name: WORKFLOW, ...more };
    return requestInvocation(this.store, this.work, TESTER, asked);
  }

  /** The error of a request that waits. */
  async refusal(more: Partial<RequestInvocation> = {}): Promise<RuntreeError> {
    return this.request(more).then(
      () => {
        throw new Error("it was not refused");
      },
      (error: unknown) => error as RuntreeError,
    );
  }

  async makeTemplate(): Promise<void> {
    await createTemplate(this.store, TESTER, { ...COUNTS, ...this.#options.template });
  }

  /** Puts a job of the template in the queue, from where it is invoked by itself, or waits. */
  async enqueue(params: Readonly<Record<string, Json>> = { dataset_id: DATASET_ID }): Promise<JobRecord> {
    if (this.store.templates.find(COUNTS.template_id) === null) await this.makeTemplate();
    return createJob(this.store, TESTER, { template_id: COUNTS.template_id, params });
  }

  job(id: string): JobRecord {
    const job = this.store.jobs.find(id);
    if (job === null) throw new Error(`no job ${id}`);
    return job;
  }

  /** The only job for Galaxy that there is. */
  onlyRun(): RunRecord {
    const { ids } = this.store.runs.select({ executor: "galaxy" }, { offset: 0, limit: 10 });
    if (ids.length !== 1) throw new Error(`${ids.length} runs`);
    return this.run(ids[0] ?? "");
  }

  run(id: string): RunRecord {
    const record = this.store.runs.view(id)?.record;
    if (record === undefined) throw new Error(`no run ${id}`);
    return record;
  }

  invocationOf(runId: string): InvocationRecord {
    const { invocation } = this.run(runId);
    if (invocation === undefined) throw new Error(`run ${runId} has no invocation`);
    return invocation;
  }

  /** Everything that was ever invoked, sub-workflows left out, the oldest first. */
  invoked(): readonly Invocation[] {
    const asked = { historyId: null, workflowId: null, nested: false, ended: true };
    return this.demo.galaxy.invocations.list(asked, this.clock.now()).reverse();
  }

  /** What works in Galaxy, and is not about to be cancelled. */
  live(): readonly string[] {
    const asked = { historyId: null, workflowId: null, nested: false, ended: false };
    const live = this.demo.galaxy.invocations.list(asked, this.clock.now());
    return live.filter(({ cancelled }) => cancelled === null).map(({ id }) => id);
  }

  /** Invokes the workflow into the history of a run, as nobody but a lost request of ours would. */
  async invokeInto(runId: string): Promise<string> {
    const { history_id } = this.invocationOf(runId);
    const [workflow] = this.demo.galaxy.workflows.search(WORKFLOW);
    const body = { history_id, inputs: { "0": DATASET } };
    return (await galaxyCaller(this.demo)("POST", `/api/workflows/${workflow?.id}/invocations`, body)).id;
  }
}

/** A ground with a store of its own, opened, and ended with the test. */
export async function galaxyGround(options: GroundOptions = {}): Promise<GalaxyGround> {
  const demo = await startGalaxy({
    seconds: 50,
    ...(options.version === undefined ? {} : { version: options.version }),
  });
  demo.galaxy.workflows.import(chainFile(WORKFLOW), demo.clock.now());
  const ground = new GalaxyGround(demo, options);
  await ground.open();
  return ground;
}
