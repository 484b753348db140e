import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { dispatchJob } from "../actions/dispatch-job.ts";
import { endJob, type JobOutcome } from "../actions/end-job.ts";
import type { DispatchedJob } from "../actions/open-job-run.ts";
import { logPath } from "../domain/layout.ts";
import type { JobRow } from "../store/job-row.ts";
import type { News } from "../store/news.ts";
import type { Store } from "../store/store.ts";
import { FOUND_RUNNING, outcomeOf, type StopReason } from "./job-outcome.ts";
import { JobRunner, type RunningJob } from "./job-runner.ts";
import { removeFolder } from "./job-work.ts";
import { roomForJobs } from "./room.ts";
import { clearLeftFolders, endLeftProcesses } from "./leftovers.ts";

/** How long (ms) is waited before something that the machine failed at is tried again. */
const AGAIN_MS = 1000;

/** How long (ms) is waited at most after what the machine could not begin, twice as long each time. */
const MOST_AGAIN_MS = 60_000;

/** How long (s) a job may take when neither its template nor the configuration says: a day. */
const DEFAULT_SECONDS = 86_400;

/** Bytes of a job's log that are kept, and of all files that a job may bring along (DESIGN §2). */
const LOG_BYTES = 16 * 1024 * 1024;
const ARTIFACT_BYTES = 5_000_000;

export interface ExecutorParts {
  readonly store: Store;
  /** How many processes may work at once. */
  readonly slots: number;
  /** The folder that holds logs and the private folders of jobs. */
  readonly folder: string;
  /** Bytes of a submission. */
  readonly maxBody: number;
  /** Throws while the disk has too little room left for a job to be begun. */
  readonly requireFree: () => void;
  /** Hears what is the operator's to know. */
  readonly report: (message: string) => void;
}

/** A job that holds a slot: from when it is taken out of the queue until how it ended is written. */
class Slot {
  readonly jobId: string;
  readonly runId: string;
  readonly log: string;
  pid: number | null = null;
  stopped: StopReason | null = null;
  readonly ended: Promise<void>;
  hasEnded: () => void = () => undefined;
  #running: RunningJob | null = null;

  constructor(jobId: string, runId: string, log: string) {
    this.jobId = jobId;
    this.runId = runId;
    this.log = log;
    this.ended = new Promise((resolve) => (this.hasEnded = resolve));
  }

  begun(running: RunningJob): void {
    this.#running = running;
    if (this.stopped !== null) running.stop(this.stopped.words);
  }

  stop(reason: StopReason): void {
    this.stopped ??= reason;
    this.#running?.stop(reason.words);
  }

  cancel(reason: string): void {
    this.stop({ kind: "cancelled", words: reason });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function workFolder(folder: string, runId: string): string {
  return join(folder, "work", runId);
}

/**
 * Has the queue worked on: takes jobs in the order of dispatch while a slot is free, runs their commands, and ends them
 * through the gate. Works from `start` until `close`.
 */
export class Executor {
  readonly #parts: ExecutorParts;
  readonly #runner = new JobRunner();
  /** Jobs that hold a slot, by id; null while they are being dispatched. */
  readonly #slots = new Map<string, Slot | null>();
  readonly #works = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  readonly #requireRoom: () => void;
  /** No job is taken for now, as the machine could not begin it; and the operator knows. */
  #isHeld = false;
  #isHoldTold = false;
  #againMs = AGAIN_MS;
  #url = "";
  #isWorking = false;

  constructor(parts: ExecutorParts) {
    this.#parts = parts;
    this.#requireRoom = roomForJobs(parts.folder, parts.requireFree, () => parts.store.clock());
  }

  /** Ends what a crash left, and begins to work; `url` is where processes find the server. */
  async start(url: string): Promise<void> {
    const { store, folder, report } = this.#parts;
    this.#url = url;
    const left = store.jobs.running().filter(({ executor }) => executor === "process");
    await endLeftProcesses(new Set(left.flatMap(({ run }) => run ?? [])));
    await clearLeftFolders(join(folder, "work"));
    for (const { id } of left) {
      const ended = await this.#certainly(async () => endJob(store, id, FOUND_RUNNING));
      if (ended !== null) report(`job ${id} was found running: ${ended.ended?.status}`);
    }
    this.#isWorking = true;
    if (store.templates.all().some(({ executor }) => executor === "process")) this.#runner.warmUp();
    this.#fill();
  }

  /** Looks at what happened: there may be more to do, or a run to stop working on. */
  tell({ run, jobs }: News): void {
    if (run?.record.status === "cancelled")
      this.#slots.get(run.record.job_id)?.cancel(run.record.error?.message ?? "the run was cancelled");
    if (jobs.length > 0) this.#fill();
  }

  /** Takes no more jobs and ends those at work, which are tried again after the next start. */
  async close(): Promise<void> {
    this.#isWorking = false;
    this.#closing.abort();
    for (const slot of this.#slots.values()) slot?.stop({ kind: "interrupted", words: "the server was stopped" });
    while (this.#works.size > 0) await Promise.all(this.#works);
    await this.#runner.close();
  }

  #fill(): void {
    for (let row = this.#next(); row !== null; row = this.#next()) {
      const { id } = row;
      this.#slots.set(id, null);
      const work = this.#work(id).finally(() => {
        this.#works.delete(work);
        this.#slots.delete(id);
        this.#fill();
      });
      this.#works.add(work);
    }
  }

  /** The job to be taken now; null while nothing waits, no slot is free, or the machine could not begin it. */
  #next(): JobRow | null {
    const { store, slots } = this.#parts;
    if (!this.#isWorking || this.#isHeld || this.#slots.size >= slots) return null;
    const row = store.jobs.queue.find(({ id, executor }) => executor === "process" && !this.#slots.has(id));
    if (row === undefined) return null;
    try {
      this.#requireRoom();
      return row;
    } catch (error) {
      this.#hold(AGAIN_MS, messageOf(error));
      return null;
    }
  }

  /** Takes no job for so many ms, and then looks again. */
  #hold(ms: number, why: string): void {
    if (this.#isHeld) return;
    if (!this.#isHoldTold) this.#parts.report(`the queue waits until this machine can begin a job: ${why}`);
    [this.#isHeld, this.#isHoldTold] = [true, true];
    const goOn = (): void => {
      this.#isHeld = false;
      this.#fill();
    };
    void pause(ms, undefined, { signal: this.#closing.signal }).then(goOn, () => undefined);
  }

  /** Hears that the machine began a job. */
  #hasBegun(): void {
    if (this.#isHoldTold) this.#parts.report("the queue goes on");
    [this.#isHoldTold, this.#againMs] = [false, AGAIN_MS];
  }

  async #work(id: string): Promise<void> {
    const { store } = this.#parts;
    const dispatched = await this.#certainly(async () => dispatchJob(store, id));
    if (dispatched === null) return;
    const runId = dispatched.run.record.id;
    const slot = new Slot(id, runId, logPath(runId));
    this.#slots.set(id, slot);
    if (!this.#isWorking) slot.stop({ kind: "interrupted", words: "the server was stopped" });
    const token = store.executions.begin(slot, dispatched.job.created_by);
    try {
      const outcome = await this.#execute(slot, dispatched, token);
      await this.#certainly(async () => endJob(store, id, outcome, () => this.#logDropped(slot)));
    } finally {
      store.executions.end(runId);
      slot.hasEnded();
    }
  }

  async #execute(slot: Slot, { job }: DispatchedJob, token: string): Promise<JobOutcome> {
    const { store, folder, maxBody } = this.#parts;
    const template = store.templates.find(job.template_id ?? "");
    const command = store.commands.find(template?.command ?? "");
    if (command === null) {
      const message =
        template?.command === undefined
          ? `Template ${job.template_id} names no command any more.`
          : `The configuration of this node has no command ${JSON.stringify(template.command)}.`;
      return { status: "failed", error: { code: "command_not_allowed", message } };
    }
    const own = { RUNTREE_URL: this.#url, RUNTREE_RUN_ID: slot.runId, RUNTREE_TOKEN: token };
    const seconds = [template?.timeout_s, command.timeout_s].flatMap((each) => each ?? []);
    const running = this.#runner.start(
      {
        run: slot.runId,
        command: { ...command, env: { ...command.env, ...own } },
        folder: workFolder(folder, slot.runId),
        log: join(folder, slot.log),
        params: JSON.stringify(job.params),
        seconds: Math.min(DEFAULT_SECONDS, ...seconds),
        limits: { outputBytes: maxBody, artifactBytes: ARTIFACT_BYTES, logBytes: LOG_BYTES },
      },
      (pid) => {
        slot.pid = pid;
        this.#hasBegun();
      },
    );
    slot.begun(running);
    const end = await running.ended;
    if (end === null) await this.#clearUp(slot.runId);
    const outcome = outcomeOf(slot, end, template);
    if (outcome.neverBegan === true) {
      this.#hold(this.#againMs, outcome.error?.message ?? "");
      this.#againMs = Math.min(2 * this.#againMs, MOST_AGAIN_MS);
    }
    return outcome;
  }

  /** Says in a run's log that what its process left was not taken. */
  #logDropped({ runId, log }: Slot): void {
    const words = "the run was closed before the process ended: the output and the artifacts that it left are dropped";
    try {
      appendFileSync(join(this.#parts.folder, log), `\n[runtree: ${words}]\n`);
    } catch {
      this.#parts.report(`run ${runId}: ${words}`);
    }
  }

  /** Ends what is left of the work on a run when the process that looked after it went. */
  async #clearUp(runId: string): Promise<void> {
    await endLeftProcesses(new Set([runId]));
    await removeFolder(workFolder(this.#parts.folder, runId));
  }

  /** Does what must be done, again and again while the machine fails at it; null when the executor is closed meanwhile. */
  async #certainly<Result>(work: () => Promise<Result>): Promise<Result | null> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        this.#parts.report(`the queue: ${messageOf(error)}; it is tried again`);
      }
      const { signal } = this.#closing;
      if (signal.aborted) return null;
      await pause(AGAIN_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}
