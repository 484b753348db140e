import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { OperationId } from "../../src/contract/operations.ts";
import type { Until } from "../support/folders.ts";
import { fsck } from "../support/git.ts";
import { call } from "../support/http.ts";
import { makeTemplate, readJob, type SeenJob } from "../support/jobs.ts";
import { isAlive, soon } from "../support/processes.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { type ModelJob, QueueModel } from "./queue-model.ts";
import { RUNS } from "./runs.ts";

const SLOTS = 2;
const FLAGS = ["--concurrency", String(SLOTS)];
const RETRIES = { once: 0, twice: 1 };
const PRIORITIES = [25, 50, 75];

/** Notes that it has begun, and ends when it is told to: by one signal well, by another badly. */
const TOLD = `trap 'exit 0' USR1; trap 'exit 3' USR2; echo "$RUNTREE_RUN_ID $$" >>starts
while :; do sleep 600 & wait $!; done`;

/** An operation, and the numbers that choose what it is done to. */
interface Step {
  readonly act: keyof typeof ACTS;
  readonly job: number;
  readonly place: number;
}

class Trial {
  readonly #until: Until;
  readonly model = new QueueModel(SLOTS, RETRIES);
  #server: TestServer;

  constructor(server: TestServer, until: Until) {
    this.#server = server;
    this.#until = until;
  }

  async ask(id: OperationId, job: ModelJob | null, body?: object): Promise<{ status: number; body: SeenJob }> {
    return call(this.#server, id, {
      ...(job === null ? {} : { params: { job_id: job.id } }),
      ...(body === undefined ? {} : { body }),
    });
  }

  /** The processes that were started, by run. */
  starts(): Map<string, number> {
    const path = join(this.#server.data, "starts");
    const lines = existsSync(path) ? readFileSync(path, "utf8").trim().split("\n") : [];
    const pids = new Map(lines.map((line) => [line.split(" ")[0] ?? "", Number(line.split(" ")[1])]));
    // No run is begun twice.
    expect(pids.size).toBe(lines.length);
    return pids;
  }

  /** Ends a process by a signal, and waits until its job has ended. */
  async finish(job: ModelJob, signal: NodeJS.Signals, status: "completed" | "failed"): Promise<void> {
    const { run_id } = await readJob(this.#server, job.id);
    process.kill(this.starts().get(run_id) ?? 0, signal);
    await soon(async () => (await readJob(this.#server, job.id)).status).toBe(status);
    this.model.end(job, status);
    if (status === "failed") await this.#triedAgain([job], false);
  }

  /** Restarts the server: what was at work is cut short, and tried again. */
  async restart(how: "stop" | "kill"): Promise<void> {
    await this.#server[how]();
    this.#server = await startServer({ data: this.#server.data, until: this.#until, flags: FLAGS });
    const cut = [...this.model.running];
    for (const job of cut) this.model.end(job, "failed");
    await this.#triedAgain(cut, true);
  }

  /** Takes those that try some again into the model, in the order that they were made in. */
  async #triedAgain(jobs: readonly ModelJob[], interrupted: boolean): Promise<void> {
    const due = new Map(jobs.filter((job) => this.model.isTriedAgain(job, interrupted)).map((job) => [job.id, job]));
    const fresh = async (): Promise<SeenJob[]> => {
      const { items } = (await call(this.#server, "listJobs", { query: { limit: "500" } })).body;
      return items.filter(({ job_id }: SeenJob) => !this.model.jobs.has(job_id));
    };
    await soon(async () => (await fresh()).map(({ retry_of }) => retry_of).sort()).toEqual([...due.keys()].sort());
    const made = (await fresh()).sort((left, right) => (left.job_id < right.job_id ? -1 : 1));
    for (const { job_id, retry_of, attempt } of made) {
      const { template, priority } = due.get(retry_of) as ModelJob;
      this.model.enqueue({ id: job_id, template, priority, attempt });
    }
  }

  /** Has the free slots taken, and compares what the server says with the model. */
  async compare(): Promise<void> {
    const { model } = this;
    model.fill();
    const running = [...model.running].map(({ id }) => id).sort();
    const begun = async (): Promise<string[]> => {
      const { body } = await this.ask("getQueue", null);
      const runs = this.starts();
      expect(body.running.length).toBeLessThanOrEqual(SLOTS);
      return body.running.flatMap((job: SeenJob) => (runs.has(job.run_id) ? [job.job_id] : [])).sort();
    };
    await soon(begun).toEqual(running);
    const { body } = await this.ask("getQueue", null);
    const seen = body.items.map(({ job_id, priority, attempt }: SeenJob) => ({ id: job_id, priority, attempt }));
    expect(seen).toEqual(model.queue.map(({ id, priority, attempt }) => ({ id, priority, attempt })));
    expect([...this.starts().values()].filter(isAlive)).toHaveLength(running.length);
    const { items } = (await call(this.#server, "listJobs", { query: { limit: "500" } })).body;
    const statuses = Object.fromEntries(items.map(({ job_id, status }: SeenJob) => [job_id, status]));
    expect(statuses).toEqual(Object.fromEntries([...model.jobs.values()].map(({ id, status }) => [id, status])));
    const ran = items.flatMap(({ run_id }: SeenJob) => run_id ?? []);
    expect([...this.starts().keys()].sort()).toEqual(ran.sort());
  }

  async close(): Promise<void> {
    expect(await this.#server.stop()).toBe(0);
    expect([...this.starts().values()].filter(isAlive)).toEqual([]);
    expect(fsck(this.#server.gitDir)).toEqual([]);
  }
}

function pick<Item>(items: Iterable<Item>, number: number): Item | null {
  const all = [...items];
  return all[number % all.length] ?? null;
}

/** Does something to a job that waits; to one at work it is refused, as that is frozen. */
async function toQueued(
  { ask, model }: Pick<Trial, "ask" | "model">,
  { job: number }: Step,
  operation: OperationId,
  body: object | undefined,
  learn: (job: ModelJob) => void,
): Promise<void> {
  const job = pick([...model.queue, ...model.running], number);
  if (job === null) return;
  const { status, body: answer } = await ask(operation, job, body);
  if (job.status === "queued") {
    expect([200, 204]).toContain(status);
    learn(job);
  } else expect([status, answer.code]).toEqual([409, "job_not_queued"]);
}

async function finish(
  trial: Trial,
  { job }: Step,
  signal: NodeJS.Signals,
  status: "completed" | "failed",
): Promise<void> {
  const chosen = pick(trial.model.running, job);
  if (chosen !== null) await trial.finish(chosen, signal, status);
}

const bound = (trial: Trial): Pick<Trial, "ask" | "model"> => ({ ask: trial.ask.bind(trial), model: trial.model });

const ACTS = {
  async enqueue(trial: Trial, { job, place }: Step): Promise<void> {
    const template = pick(Object.keys(RETRIES), job) ?? "";
    const priority = pick(PRIORITIES, job >> 1) ?? 50;
    // Half of them come in at a place of their own.
    const position = place % 2 === 0 ? {} : { position: place >> 1 };
    const { body } = await trial.ask("createJob", null, { template_id: template, priority, ...position });
    trial.model.enqueue({ id: body.job_id, template, priority, attempt: 1 }, position.position);
  },
  async move(trial: Trial, step: Step): Promise<void> {
    const position = step.place;
    await toQueued(bound(trial), step, "moveJob", { position }, (job) => trial.model.place(job, position));
  },
  async prioritize(trial: Trial, step: Step): Promise<void> {
    const priority = pick(PRIORITIES, step.place) ?? 50;
    await toQueued(bound(trial), step, "prioritizeJob", { priority }, (job) => trial.model.prioritize(job, priority));
  },
  async change(trial: Trial, step: Step): Promise<void> {
    await toQueued(bound(trial), step, "patchJob", { params: { at: step.place } }, () => undefined);
  },
  async remove(trial: Trial, step: Step): Promise<void> {
    await toQueued(bound(trial), step, "deleteJob", undefined, (job) => trial.model.remove(job));
  },
  async reorder(trial: Trial, { job, place }: Step): Promise<void> {
    const { queue } = trial.model;
    const start = queue.length === 0 ? 0 : job % queue.length;
    const first = queue.slice(start, start + 1 + place).toReversed();
    if (first.length === 0) return;
    const { status } = await trial.ask("reorderQueue", null, { job_ids: first.map(({ id }) => id) });
    expect(status).toBe(200);
    trial.model.reorder(first);
  },
  async cancel(trial: Trial, { job: number }: Step): Promise<void> {
    const job = pick([...trial.model.queue, ...trial.model.running], number);
    if (job === null) return;
    expect((await trial.ask("cancelJob", job, {})).body.status).toBe("cancelled");
    trial.model.end(job, "cancelled");
  },
  async retry(trial: Trial, { job: number }: Step): Promise<void> {
    const job = pick(trial.model.ended(), number);
    if (job === null) return;
    const { status, body } = await trial.ask("retryJob", job, {});
    expect(status).toBe(201);
    const { template, priority, attempt } = job;
    trial.model.enqueue({ id: body.job_id, template, priority, attempt: attempt + 1 });
  },
  succeed: async (trial: Trial, step: Step): Promise<void> => finish(trial, step, "SIGUSR1", "completed"),
  fail: async (trial: Trial, step: Step): Promise<void> => finish(trial, step, "SIGUSR2", "failed"),
  stop: async (trial: Trial): Promise<void> => trial.restart("stop"),
  kill: async (trial: Trial): Promise<void> => trial.restart("kill"),
};

/** How often something is done, others once. */
const OFTEN: Partial<Record<Step["act"], number>> = { enqueue: 9, succeed: 2, fail: 2 };

const step: fc.Arbitrary<Step> = fc.record({
  act: fc.constantFrom(
    ...(Object.keys(ACTS) as Step["act"][]).flatMap((act) => Array.from({ length: OFTEN[act] ?? 1 }, () => act)),
  ),
  job: fc.nat(1000),
  place: fc.nat(6),
});

test(
  "whatever is done to it, by hand, by the ends of processes and of the server, the queue is as its model",
  { timeout: 60_000 + RUNS * 30 },
  async () => {
    const property = fc.asyncProperty(fc.array(step, { minLength: 40, maxLength: 40 }), async (steps) => {
      const cleanUps: (() => void | Promise<void>)[] = [];
      const until: Until = (cleanUp) => cleanUps.push(cleanUp);
      try {
        const server = await startServer({ until, scripts: { told: TOLD }, flags: FLAGS });
        for (const [name, retries] of Object.entries(RETRIES))
          await makeTemplate(server, name, { command: "told", retries });
        const trial = new Trial(server, until);
        for (const each of steps) {
          await ACTS[each.act](trial, each);
          await trial.compare();
        }
        await trial.close();
      } finally {
        for (const cleanUp of cleanUps.reverse()) await cleanUp();
      }
    });
    // A case takes seconds, and each that is tried to find a smaller one as well.
    await fc.assert(property, { numRuns: Math.ceil(RUNS / 1000), endOnFailure: true });
  },
);
