import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { News } from "../store/news.ts";
import type { OpenStore } from "../store/open.ts";
import type { Store } from "../store/store.ts";
import type { EventStreams } from "./events.ts";

/** What is measured. */
export interface Measured {
  readonly store: Store;
  readonly journal: OpenStore["journal"];
  /** The git programs run so far, those that failed, and how long they took. */
  readonly git: () => { readonly processes: number; readonly failures: number; readonly seconds: number };
  readonly events: Pick<EventStreams, "counts">;
}

/** Seconds: from a cached read to a merge that checks a large repository anew. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** The counters of one server, by Prometheus' conventions. What others count is read when it is asked for. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #requests: Counter<"operation" | "status">;
  readonly #requestSeconds: Histogram<"operation">;
  readonly #merges: Counter<"outcome">;
  readonly #mergeSeconds: Histogram;
  readonly #jobs: Counter<"status">;
  /** When (ms) runs that are merging began to. */
  readonly #merging = new Map<string, number>();

  constructor({ store, journal, git, events }: Measured) {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    this.#requests = new Counter({
      name: "runtree_http_requests_total",
      help: "Requests answered.",
      labelNames: ["operation", "status"],
      registers,
    });
    this.#requestSeconds = new Histogram({
      name: "runtree_http_request_seconds",
      help: "Time from a request's headers to its answer.",
      labelNames: ["operation"],
      buckets: BUCKETS,
      registers,
    });
    this.#merges = new Counter({
      name: "runtree_merges_total",
      help: "Runs that the gate judged.",
      labelNames: ["outcome"],
      registers,
    });
    this.#mergeSeconds = new Histogram({
      name: "runtree_merge_seconds",
      help: "Time from done to the verdict.",
      buckets: BUCKETS,
      registers,
    });
    this.#counted("runtree_journal_appends_total", "Appends to the journal, a sync each.", () => journal().appends);
    this.#counted(
      "runtree_journal_groups_total",
      "Durable writes; those that wait share an append.",
      () => journal().groups,
    );
    this.#counted("runtree_journal_bytes_total", "Bytes appended to the journal.", () => journal().bytes);
    this.#read("runtree_journal_waiting_bytes", "Bytes not settled yet.", () => journal().waiting_bytes);
    this.#read("runtree_index_documents", "Documents on main.", () => store.derived.main.index.size);
    this.#read("runtree_index_runs", "Runs, closed ones too.", () => store.runs.size);
    this.#read("runtree_open_runs", "Runs that are open.", () => store.runs.openCount());
    this.#read("runtree_queued_jobs", "Jobs that wait for a slot.", () => store.jobs.queue.length);
    this.#read("runtree_running_jobs", "Jobs that an executor works on.", () => store.jobs.runningCount());
    this.#jobs = new Counter({
      name: "runtree_jobs_total",
      help: "Jobs that ended.",
      labelNames: ["status"],
      registers,
    });
    this.#counted("runtree_git_processes_total", "git programs run by this process.", () => git().processes);
    this.#counted(
      "runtree_git_failures_total",
      "Those that ended with an exit code other than 0.",
      () => git().failures,
    );
    this.#counted("runtree_git_seconds_total", "Time they took.", () => git().seconds);
    this.#read("runtree_event_followers", "Clients that follow events.", () => events.counts.followers);
    this.#counted("runtree_events_total", "Events told.", () => events.counts.events);
    this.#counted(
      "runtree_event_followers_cut_total",
      "Followers cut as they read too slowly.",
      () => events.counts.cut,
    );
  }

  /** Everything in Prometheus' text format. */
  async text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Takes note of a request that was answered; `operation` is `none` for a path that has none. */
  answered(operation: string, status: number, ms: number): void {
    this.#requests.inc({ operation, status });
    this.#requestSeconds.observe({ operation }, ms / 1000);
  }

  /** Takes note of what happened to runs and jobs. */
  tell({ run, was, jobs }: News): void {
    for (const { was: before, status, job } of jobs)
      if (job.ended !== undefined && status !== null && status !== before) this.#jobs.inc({ status });
    if (run === undefined) return;
    const { id, status } = run.record;
    if (status === "merging") this.#merging.set(id, performance.now());
    else if (was === "merging") {
      const since = this.#merging.get(id);
      this.#merging.delete(id);
      if (since !== undefined) this.#mergeSeconds.observe((performance.now() - since) / 1000);
      this.#merges.inc({ outcome: status === "success" ? "merged" : "rejected" });
    }
  }

  /** A counter that is kept elsewhere. */
  #counted(name: string, help: string, value: () => number): void {
    const counter: Counter = new Counter({
      name,
      help,
      registers: [this.#registry],
      collect: () => {
        counter.reset();
        counter.inc(value());
      },
    });
  }

  #read(name: string, help: string, value: () => number): void {
    const gauge: Gauge = new Gauge({ name, help, registers: [this.#registry], collect: () => gauge.set(value()) });
  }
}
