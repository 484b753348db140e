/** What a small model of the queue knows of a job. */
export interface ModelJob {
  readonly id: string;
  readonly template: string;
  readonly attempt: number;
  priority: number;
  status: "queued" | "running" | "completed" | "failed" | "cancelled";
}

/** Attempts in all that are made without being asked. */
const MOST_ATTEMPTS = 3;

/** The queue as it should be: what waits, in the order of dispatch, and what is at work. */
export class QueueModel {
  readonly #slots: number;
  readonly #retries: Readonly<Record<string, number>>;
  readonly jobs = new Map<string, ModelJob>();
  queue: ModelJob[] = [];
  readonly running = new Set<ModelJob>();

  constructor(slots: number, retries: Readonly<Record<string, number>>) {
    this.#slots = slots;
    this.#retries = retries;
  }

  ended(): ModelJob[] {
    return [...this.jobs.values()].filter(({ status }) => status !== "queued" && status !== "running");
  }

  /** Puts a job among those of its priority; without a place behind them. */
  place(job: ModelJob, position = Infinity): void {
    this.queue = this.queue.filter((other) => other !== job);
    const above = this.queue.filter(({ priority }) => priority > job.priority).length;
    const equal = this.queue.filter(({ priority }) => priority === job.priority).length;
    this.queue.splice(above + Math.min(position, equal), 0, job);
  }

  enqueue(job: Omit<ModelJob, "status">, position?: number): void {
    const added: ModelJob = { ...job, status: "queued" };
    this.jobs.set(added.id, added);
    this.place(added, position);
  }

  prioritize(job: ModelJob, priority: number): void {
    if (job.priority === priority) return;
    job.priority = priority;
    this.place(job);
  }

  reorder(first: readonly ModelJob[]): void {
    for (const job of first.toReversed()) this.place(job, 0);
  }

  end(job: ModelJob, status: "completed" | "failed" | "cancelled"): void {
    job.status = status;
    this.queue = this.queue.filter((other) => other !== job);
    this.running.delete(job);
  }

  remove(job: ModelJob): void {
    this.queue = this.queue.filter((other) => other !== job);
    this.jobs.delete(job.id);
  }

  /** Tells whether a job that failed is tried again without being asked. */
  isTriedAgain({ attempt, template }: ModelJob, interrupted: boolean): boolean {
    return attempt < MOST_ATTEMPTS && (interrupted || attempt <= (this.#retries[template] ?? 0));
  }

  /** Jobs begin while a slot is free. */
  fill(): void {
    while (this.running.size < this.#slots) {
      const next = this.queue.shift();
      if (next === undefined) return;
      next.status = "running";
      this.running.add(next);
    }
  }
}
