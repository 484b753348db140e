import { Worker } from "node:worker_threads";
import type { SchemaFile, SchemaSource } from "./closure.ts";
import type { SchemaProblem } from "./problem.ts";

/** Limits on what a user's schema may cost (facts/reliability.md §Security). */
const COMPILE_MS = 20_000;
const DOCUMENT_MS = 2_000;
const LOOK_MS = 250;
/** How many documents of one request may run into their limit; what comes after is not checked, and therefore not valid. */
const MAX_OVERRUNS = 2;

export interface CheckRequest {
  readonly id: number;
  readonly filesKey: string;
  /** Sent with the first request for a set of files; null when the worker should have it. */
  readonly files: readonly SchemaFile[] | null;
  readonly reference: string;
  readonly documents: readonly string[];
}

export type CheckAnswer =
  | { readonly id: number; readonly problems: SchemaProblem[][] }
  | { readonly id: number; readonly compileError: string }
  | { readonly id: number; readonly unknown: true };

/** What a check found: that the schema itself does not compile, in ajv's words, or the problems of each document. */
export type CheckResult = { readonly compileError: string } | { readonly problems: SchemaProblem[][] };

const NOT_CHECKED: SchemaProblem = {
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
 * never the server. Requests are answered one after another. `close` ends the worker.
 */
export class Validator {
  #worker: Worker | null = null;
  readonly #progress = new Int32Array(new SharedArrayBuffer(4));
  #known = new Set<string>();
  #last: Promise<unknown> = Promise.resolve();
  #ids = 0;
  #closed = false;

  /** Checks documents, given as JSON texts, against one schema. A document that takes over two seconds fails with a problem that says so. */
  async check(source: SchemaSource, documents: readonly string[]): Promise<CheckResult> {
    if (this.#closed) throw new Error("the validator is closed");
    const result = this.#last.then(() => this.#check(source, documents));
    this.#last = result.catch(() => undefined);
    return result;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
    await this.#stop();
  }

  async #stop(): Promise<void> {
    const worker = this.#worker;
    this.#worker = null;
    this.#known = new Set();
    await worker?.terminate();
  }

  async #check(source: SchemaSource, documents: readonly string[]): Promise<CheckResult> {
    const done: SchemaProblem[][] = [];
    for (let overruns = 0; ;) {
      const before = Atomics.load(this.#progress, 0);
      const answer = await this.#ask(source, documents.slice(done.length));
      if (answer !== null && "problems" in answer) return { problems: [...done, ...answer.problems] };
      if (answer !== null && "compileError" in answer) return answer;
      if (answer !== null) {
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
      done.push([
        {
          pointer: "",
          schema_pointer: "",
          message: `checking this document took longer than ${DOCUMENT_MS / 1000} seconds, or more memory than it may have`,
        },
      ]);
      overruns++;
      const rest = overruns < MAX_OVERRUNS ? [] : documents.slice(done.length);
      for (const _ of rest) done.push([NOT_CHECKED]);
      if (done.length >= documents.length) return { problems: done.slice(0, documents.length) };
    }
  }

  /** Sends one request; null when the worker took too long or died and was stopped. */
  async #ask(source: SchemaSource, documents: readonly string[]): Promise<CheckAnswer | null> {
    this.#worker ??= new Worker(WORKER, {
      workerData: this.#progress.buffer,
      resourceLimits: { maxOldGenerationSizeMb: 1024 },
    });
    const worker = this.#worker;
    worker.unref();
    const id = ++this.#ids;
    const known = this.#known.has(source.filesKey);
    const { filesKey, reference } = source;
    const request: CheckRequest = { id, filesKey, files: known ? null : source.files, reference, documents };
    this.#known.add(filesKey);
    const answer = await new Promise<CheckAnswer | null>((resolve) => {
      let seen = Atomics.load(this.#progress, 0);
      let since = performance.now();
      let limit = COMPILE_MS;
      const look = setInterval(() => {
        const now = Atomics.load(this.#progress, 0);
        if (now !== seen) [seen, since, limit] = [now, performance.now(), DOCUMENT_MS];
        else if (performance.now() - since > limit) settle(null);
      }, LOOK_MS);
      const onMessage = (message: CheckAnswer): void => settle(message);
      const onEnd = (): void => settle(null);
      const settle = (result: CheckAnswer | null): void => {
        clearInterval(look);
        worker.off("message", onMessage).off("error", onEnd).off("exit", onEnd);
        resolve(result);
      };
      worker.on("message", onMessage).on("error", onEnd).on("exit", onEnd);
      worker.postMessage(request);
    });
    if (answer === null) await this.#stop();
    return answer;
  }
}
