import { Worker } from "node:worker_threads";
import type { SchemaFile, SchemaSource } from "./closure.ts";
import type { SchemaProblem } from "./problem.ts";

/** Limits on what a user's schema may cost (facts/reliability.md §Security). */
const COMPILE_MS = 20_000;
const DOCUMENT_MS = 2_000;
const LOOK_MS = 250;
/** How many documents of one request may run into their limit; what comes after is not checked, and therefore not valid. */
const MAX_OVERRUNS = 2;

/** How many documents of several requests go to the worker in one message. */
const MOST_TOGETHER = 500;
/** How much text, in UTF-16 units, is checked ahead at a time. */
const MOST_AHEAD = 8 * 1024 * 1024;

export interface CheckRequest {
  readonly filesKey: string;
  /** Sent with the first request for a set of files; null when the worker should have it. */
  readonly files: readonly SchemaFile[] | null;
  readonly reference: string;
  readonly documents: readonly string[];
}

export type CheckAnswer =
  | { readonly problems: SchemaProblem[][] }
  | { readonly compileError: string }
  | { readonly unknown: true };

/** What a check found: that the schema itself does not compile, in ajv's words, or the problems of each document. */
export type CheckResult = { readonly compileError: string } | { readonly problems: SchemaProblem[][] };

/** Documents, as JSON texts, to be checked against one schema. */
export interface Check {
  readonly source: SchemaSource;
  readonly documents: readonly string[];
}

/** A check that waits for the worker. */
interface WaitingCheck extends Check {
  readonly resolve: (result: CheckResult) => void;
  readonly reject: (error: unknown) => void;
}

/** What is said of a document that took too long: another time it may not. */
export const TOO_SLOW: SchemaProblem = {
  pointer: "",
  schema_pointer: "",
  message: `checking this document took longer than ${DOCUMENT_MS / 1000} seconds, or more memory than it may have`,
};

/** What is said of a document behind several that took too long: it may be valid. */
export const NOT_CHECKED: SchemaProblem = {
  pointer: "",
  schema_pointer: "",
  message: "not checked: the schema took too long with other documents of the same submission",
};

/** In a source tree the worker runs from the build, as Node 20 cannot run TypeScript. */
const WORKER = new URL(
  import.meta.url.endsWith(".ts") ? "../../dist/schema/worker.js" : "./worker.js",
  import.meta.url,
);

/**
 * Checks documents against users' schemas in a worker, because a schema is code: a pathological pattern may stall it,
 * never the server. Requests are answered one after another; those that wait under schemas which are compiled already
 * share a message. `close` ends the worker.
 */
export class Validator {
  #worker: Worker | null = null;
  readonly #progress = new Int32Array(new SharedArrayBuffer(4));
  #known = new Set<string>();
  /** Keys of the schemas that the worker has compiled. */
  #compiled = new Set<string>();
  readonly #waiting: WaitingCheck[] = [];
  /** What resolves the messages that the worker has not answered, in their order. */
  #asked: ((answers: readonly CheckAnswer[] | null) => void)[] = [];
  /** Looks after the worker while it has something to answer. */
  #watch: NodeJS.Timeout | undefined;
  /** The messages that were sent ahead, and how much text of them is not checked yet. */
  #ahead: Promise<unknown> = Promise.resolve();
  #textAhead = 0;
  #running: Promise<void> | null = null;
  #closed = false;

  /** Checks documents, given as JSON texts, against one schema. A document that takes over two seconds fails with a problem that says so. */
  async check(source: SchemaSource, documents: readonly string[]): Promise<CheckResult> {
    if (this.#closed) throw new Error("the validator is closed");
    return new Promise((resolve, reject) => {
      this.#waiting.push({ source, documents, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /**
   * Has the worker check documents while the caller goes on without a wait. Null when nothing came of it, and they are
   * to be checked as any others: a schema is not compiled yet, other checks are under way, much is checked ahead
   * already, or the worker had to be stopped.
   */
  async checkAhead(checks: readonly Check[]): Promise<readonly CheckAnswer[] | null> {
    const idle = !this.#closed && this.#running === null && this.#textAhead < MOST_AHEAD;
    if (!idle || !checks.every(({ source }) => this.#compiled.has(source.key))) return null;
    const length = checks.reduce((sum, { documents }) => documents.reduce((all, text) => all + text.length, sum), 0);
    this.#textAhead += length;
    const answers = this.#ask(checks);
    this.#ahead = Promise.allSettled([this.#ahead, answers]);
    try {
      return await answers;
    } finally {
      this.#textAhead -= length;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#ahead;
    await this.#running;
    await this.#stop();
  }

  async #stop(): Promise<void> {
    const worker = this.#worker;
    this.#worker = null;
    this.#known = new Set();
    this.#compiled = new Set();
    await worker?.terminate();
  }

  async #run(): Promise<void> {
    // Begins after the caller has put in all that it has at hand.
    await Promise.resolve();
    await this.#ahead;
    while (this.#waiting.length > 0) {
      const together = this.#takeTogether();
      const left = together.length > 1 ? await this.#checkTogether(together) : together;
      for (const { source, documents, resolve, reject } of left)
        await this.#check(source, documents).then(resolve, reject);
    }
    this.#running = null;
  }

  /** The checks that go next: the first that waits and, where nothing needs compiling, those behind it. */
  #takeTogether(): WaitingCheck[] {
    let room = MOST_TOGETHER;
    const fitting = this.#waiting.findIndex(({ source, documents }) => {
      room -= documents.length;
      return room < 0 || !this.#compiled.has(source.key);
    });
    return this.#waiting.splice(0, fitting < 0 ? this.#waiting.length : Math.max(1, fitting));
  }

  /** Sends several checks at once. Returns those to be made alone: all of them when the worker was stopped meanwhile. */
  async #checkTogether(together: readonly WaitingCheck[]): Promise<WaitingCheck[]> {
    // What went wrong with all of them is told to each by its own try.
    const answers = await this.#ask(together).catch(() => null);
    return together.filter(({ resolve }, index) => {
      const answer = answers?.[index];
      if (answer === undefined || "unknown" in answer) return true;
      resolve(answer);
      return false;
    });
  }

  async #check(source: SchemaSource, documents: readonly string[]): Promise<CheckResult> {
    const done: SchemaProblem[][] = [];
    for (let overruns = 0; ;) {
      const before = Atomics.load(this.#progress, 0);
      const [answer] = (await this.#ask([{ source, documents: documents.slice(done.length) }])) ?? [];
      if (answer !== undefined && "problems" in answer) {
        this.#compiled.add(source.key);
        return { problems: [...done, ...answer.problems] };
      }
      if (answer !== undefined && "compileError" in answer) return answer;
      if (answer !== undefined) {
        this.#known.delete(source.filesKey);
        continue;
      }
      // The worker was stopped: its count says which document it was at, or that it never finished compiling.
      const steps = Atomics.load(this.#progress, 0) - before;
      if (steps === 0)
        return {
          compileError: `compiling took longer than ${COMPILE_MS / 1000} seconds, or more memory than it may have`,
        };
      if (steps > 1) {
        const answered = await this.#check(source, documents.slice(done.length, done.length + steps - 1));
        if ("compileError" in answered) return answered;
        for (const problems of answered.problems) done.push(problems);
      }
      done.push([TOO_SLOW]);
      overruns++;
      const rest = overruns < MAX_OVERRUNS ? [] : documents.slice(done.length);
      for (const _ of rest) done.push([NOT_CHECKED]);
      if (done.length >= documents.length) return { problems: done.slice(0, documents.length) };
    }
  }

  /** Sends one message, and returns the answer to each check; null when the worker took too long or died and was stopped. */
  async #ask(checks: readonly Check[]): Promise<readonly CheckAnswer[] | null> {
    const worker = (this.#worker ??= this.#start());
    const requests = checks.map(({ source, documents }): CheckRequest => {
      const { filesKey, reference } = source;
      const files = this.#known.has(filesKey) ? null : source.files;
      this.#known.add(filesKey);
      return { filesKey, files, reference, documents };
    });
    const answers = await new Promise<readonly CheckAnswer[] | null>((resolve) => {
      this.#asked.push(resolve);
      this.#watch ??= this.#startWatch();
      worker.postMessage(requests);
    });
    if (answers === null) await this.#stop();
    return answers;
  }

  #start(): Worker {
    const worker = new Worker(WORKER, {
      workerData: this.#progress.buffer,
      resourceLimits: { maxOldGenerationSizeMb: 1024 },
    });
    worker.unref();
    // One that was stopped may still have something to say.
    const onEnd = (): void => {
      if (worker !== this.#worker) return;
      this.#giveUp();
      void this.#stop();
    };
    worker.on("message", (answers: readonly CheckAnswer[]) => {
      if (worker === this.#worker) this.#answered(answers);
    });
    return worker.on("error", onEnd).on("exit", onEnd);
  }

  #answered(answers: readonly CheckAnswer[]): void {
    this.#asked.shift()?.(answers);
    if (this.#asked.length === 0) this.#endWatch();
  }

  #giveUp(): void {
    this.#endWatch();
    for (const resolve of this.#asked.splice(0)) resolve(null);
  }

  /** Gives the worker up when it counts no step for too long. */
  #startWatch(): NodeJS.Timeout {
    let seen = Atomics.load(this.#progress, 0);
    let since = performance.now();
    let limit = COMPILE_MS;
    return setInterval(() => {
      const now = Atomics.load(this.#progress, 0);
      if (now !== seen) [seen, since, limit] = [now, performance.now(), DOCUMENT_MS];
      else if (performance.now() - since > limit) this.#giveUp();
    }, LOOK_MS);
  }

  #endWatch(): void {
    clearInterval(this.#watch);
    this.#watch = undefined;
  }
}
