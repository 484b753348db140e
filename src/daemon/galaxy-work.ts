import { dispatchJob } from "../actions/dispatch-job.ts";
import { endJob } from "../actions/end-job.ts";
import type { AllowedServer, PlannedInvocation } from "../actions/plan-invocation.ts";
import { requestOf } from "../actions/plan-run.ts";
import { type Galaxies, notConfigured } from "../actions/request-invocation.ts";
import { hasEnded } from "../domain/invocation-state.ts";
import { isClosed, type RunRecord } from "../domain/run.ts";
import type { News } from "../store/news.ts";
import type { Store } from "../store/store.ts";
import { AT_A_TIME, GalaxyWatch } from "./galaxy-watch.ts";
import { inParallel } from "./in-parallel.ts";
import { CLOSED_BY_HAND } from "./job-outcome.ts";

/** How long (ms) a request to invoke whose answer was lost may take to show an effect. */
const SETTLE_MS = 60_000;

/** For how long (ms) after its end a run is still looked for in Galaxy after a start; and how old it may be. */
const LOOK_BACK_MS = 24 * 60 * 60 * 1000;
const MOST_AGE_MS = 90 * LOOK_BACK_MS;

export interface GalaxyParts {
  readonly store: Store;
  readonly servers: readonly AllowedServer[];
  /** Calls some work again and again, as the operator says; returns what ends that. */
  readonly repeat: (work: () => void) => () => void;
  /** Calls some work once, so many ms later; returns what takes that back. */
  readonly later: (work: () => void, ms: number) => () => void;
  readonly settleMs?: number;
  /** Hears what is the operator's to know. */
  readonly report: (message: string) => void;
}

/**
 * Has workflows invoked and their invocations watched, those of all Galaxies that are configured: jobs of templates as they
 * come, and in sweeps everything that is open. Works from `start` until `close`.
 */
export class GalaxyWork implements Galaxies {
  readonly #parts: GalaxyParts;
  readonly #watches: ReadonlyMap<string, GalaxyWatch>;
  #sweeping: Promise<void> | null = null;
  #dispatching: Promise<void> | null = null;
  #stop: () => void = () => undefined;
  #stopWaiting: () => void = () => undefined;
  #isWorking = false;

  constructor(parts: GalaxyParts) {
    this.#parts = parts;
    const { store, servers, settleMs = SETTLE_MS, report } = parts;
    this.#watches = new Map(
      servers.map((allowed) => [allowed.server.name, new GalaxyWatch({ ...allowed, store, settleMs, report })]),
    );
  }

  allowed(name: string): AllowedServer {
    const found = this.#watches.get(name);
    if (found !== undefined) return found.allowed;
    throw notConfigured(name, [...this.#watches.keys()]);
  }

  async invokeNow(server: string, runId: string, planned: PlannedInvocation): Promise<void> {
    await this.#watches.get(server)?.invokeNow(runId, planned);
  }

  async start(): Promise<void> {
    this.#isWorking = true;
    for (const record of this.#endedLately()) this.#watchEnded(record);
    this.#stop = this.#parts.repeat(() => void this.sweep());
    void this.sweep();
  }

  tell({ run, jobs }: News): void {
    if (run?.record.executor === "galaxy" && run.place !== "open") this.#watchEnded(run.record);
    if (run?.record.executor === "galaxy" && run.record.status === "cancelled") void this.#inTime(this.#endJobs());
    if (jobs.some(({ job, status }) => job.executor === "galaxy" && status === "queued")) void this.#dispatch();
  }

  async close(): Promise<void> {
    this.#isWorking = false;
    this.#stop();
    this.#stopWaiting();
    await Promise.all([this.#sweeping, this.#dispatching]);
  }

  /** Looks at everything that is open once; joins the sweep that is going on. */
  sweep(): Promise<void> {
    this.#sweeping ??= this.#sweepAll().finally(() => {
      this.#sweeping = null;
      this.#waitForRests();
    });
    return this.#sweeping;
  }

  /** Sweeps again when the first server that rests may be asked: what is back is not left alone until the operator's next time. */
  #waitForRests(): void {
    this.#stopWaiting();
    const rests = [...this.#watches.values()].flatMap(({ restMs }) => (restMs > 0 ? [restMs] : []));
    if (!this.#isWorking || rests.length === 0) return;
    this.#stopWaiting = this.#parts.later(() => void this.sweep(), Math.min(...rests));
  }

  async #sweepAll(): Promise<void> {
    if (!this.#isWorking) return;
    // What fails at one server is nothing to the others.
    await this.#inTime(this.#endJobs());
    const watches = [...this.#watches.values()];
    await Promise.all(watches.map(async (watch) => this.#inTime(watch.sweep(() => this.#isWorking))));
    await this.#dispatch();
  }

  /** Lets work fail that a later sweep does again. */
  async #inTime(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.#parts.report(
        `Galaxy: ${error instanceof Error ? error.message : String(error)}; the next sweep tries again`,
      );
    }
  }

  #dispatch(): Promise<void> {
    this.#dispatching ??= this.#inTime(this.#dispatchAll()).finally(() => (this.#dispatching = null));
    return this.#dispatching;
  }

  /** Has the jobs that wait for a server that can be asked now invoked, in the order of the queue. */
  async #dispatchAll(): Promise<void> {
    const { store } = this.#parts;
    const watchOf = (row: (typeof store.jobs.queue)[number]): GalaxyWatch | null => {
      if (row.executor !== "galaxy") return null;
      return this.#watches.get(requestOf(store, store.jobs.read(row))?.server ?? "") ?? null;
    };
    while (this.#isWorking) {
      const ready = store.jobs.queue.flatMap((row) => {
        const watch = watchOf(row);
        return watch?.isAwake === true ? [{ id: row.id, watch }] : [];
      });
      if (ready.length === 0) return;
      await inParallel(ready, AT_A_TIME, async ({ id, watch }) => {
        if (!this.#isWorking || !watch.isAwake) return;
        const dispatched = await dispatchJob(store, id, (job) => requestOf(store, job));
        if (dispatched !== null) await watch.invoke(dispatched.run.record.id, true);
      });
    }
  }

  /** Ends the jobs whose runs have ended without them: by a person, or before a crash. */
  async #endJobs(): Promise<void> {
    const { store } = this.#parts;
    const ended = store.jobs.running().filter(({ executor, run }) => {
      const status = executor === "galaxy" && run !== null ? store.runs.statusOf(run) : null;
      return status !== null && (isClosed(status) || status === "rejected");
    });
    await Promise.all(ended.map(async ({ id }) => endJob(store, id, CLOSED_BY_HAND)));
  }

  /** A run that ended here while Galaxy may still work on it. */
  #watchEnded({ id, invocation }: RunRecord): void {
    if (invocation?.history_id === undefined || hasEnded(invocation.state)) return;
    this.#watches.get(invocation.server)?.cancel(id);
  }

  #endedLately(): RunRecord[] {
    const { store } = this.#parts;
    const now = store.clock();
    const start = now - MOST_AGE_MS;
    const { ids } = store.runs.select({ executor: "galaxy", place: "attic", start }, { offset: 0, limit: Infinity });
    const records = ids.flatMap((id) => store.runs.view(id)?.record ?? []);
    return records.filter(({ updated_at }) => Date.parse(updated_at) >= now - LOOK_BACK_MS);
  }
}
