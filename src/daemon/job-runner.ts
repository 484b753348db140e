import { helperBeside, HelperProcess } from "../store/helper-process.ts";
import type { JobOrder, JobProcessEnd, JobReport, JobStart } from "./job-process.ts";

/** A job at work. */
export interface RunningJob {
  /** Resolves when it has ended; to null when it was lost with the process that starts jobs. */
  readonly ended: Promise<JobProcessEnd | null>;
  /** Ends it, politely and then firmly; `ended` says for which reason. */
  stop(reason: string): void;
}

interface Watched {
  readonly began: (pid: number) => void;
  readonly end: (end: JobProcessEnd | null) => void;
}

/** Starts jobs from a small process of their own, which ends with this one, and they with it. */
export class JobRunner {
  readonly #helper = new HelperProcess<JobOrder, JobReport>(
    helperBeside(import.meta.url, "job-helper"),
    (report) => this.#hear(report),
    () => this.#giveUp(),
  );
  readonly #running = new Map<number, Watched>();
  #asked = 0;

  /** Starts the process that starts jobs. */
  warmUp(): void {
    this.#helper.start();
  }

  /** Starts a job; `began` hears the number of its process. */
  start(job: Omit<JobStart, "number">, began: (pid: number) => void): RunningJob {
    const number = this.#asked++;
    const ended = new Promise<JobProcessEnd | null>((end) => {
      this.#running.set(number, { began, end });
      try {
        this.#helper.send({ ...job, number }, () => this.#end(number, null));
      } catch {
        // The system gives no more processes.
        this.#end(number, null);
      }
    });
    const stop = (reason: string): void => {
      if (this.#running.has(number)) this.#helper.send({ number, stop: reason }, () => undefined);
    };
    return { ended, stop };
  }

  #hear(report: JobReport): void {
    if ("end" in report) this.#end(report.number, report.end);
    else this.#running.get(report.number)?.began(report.pid);
  }

  #end(number: number, end: JobProcessEnd | null): void {
    this.#running.get(number)?.end(end);
    this.#running.delete(number);
    if (this.#running.size === 0) this.#helper.rest();
  }

  #giveUp(): void {
    for (const number of this.#running.keys()) this.#end(number, null);
  }

  /** Ends the process that starts jobs, and what it runs. */
  async close(): Promise<void> {
    await this.#helper.close();
    this.#giveUp();
  }
}
