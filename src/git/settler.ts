import { Worker } from "node:worker_threads";
import { RuntreeError, type ErrorCode } from "../domain/errors.ts";
import { BareRepository } from "./bare-repository.ts";
import type { FileSystem } from "./files.ts";
import { type JournalRange, readRange } from "./journal-segments.ts";
import { type LostMove, settleRecords } from "./settle.ts";

/** Settles ranges of a journal, one call at a time. */
export interface Settler {
  settle(ranges: readonly JournalRange[]): Promise<LostMove[]>;
  close(): Promise<void>;
}

/** What the worker answers: what it did, or the error it met, as data. */
export type SettleAnswer =
  | { readonly lost: readonly LostMove[] }
  | { readonly code: ErrorCode | null; readonly message: string; readonly data: Readonly<Record<string, unknown>> };

/** What settling needs of older objects is the directories that were edited last. */
const CACHE_BYTES = 16 * 1024 * 1024;

/** Settles in this thread: for file systems that another thread cannot see. */
export class OwnThreadSettler implements Settler {
  readonly #fs: FileSystem;
  readonly #disk: BareRepository;

  constructor(fs: FileSystem, gitDir: string) {
    this.#fs = fs;
    this.#disk = new BareRepository(fs, gitDir, CACHE_BYTES);
  }

  async settle(ranges: readonly JournalRange[]): Promise<LostMove[]> {
    return settleRecords(
      this.#disk,
      ranges.flatMap((range) => readRange(this.#fs, range)),
    );
  }

  async close(): Promise<void> {
    await this.#disk.close();
  }
}

/** In a source tree the worker runs from the build, as Node 20 cannot run TypeScript. */
const WORKER = new URL(
  import.meta.url.endsWith(".ts") ? "../../dist/git/settle-worker.js" : "./settle-worker.js",
  import.meta.url,
);

/** Settles in a worker, which deflates and syncs while this thread answers requests. Started when it is first needed. */
export class WorkerSettler implements Settler {
  readonly #gitDir: string;
  #worker: Worker | null = null;

  constructor(gitDir: string) {
    this.#gitDir = gitDir;
  }

  async settle(ranges: readonly JournalRange[]): Promise<LostMove[]> {
    this.#worker ??= new Worker(WORKER, { workerData: this.#gitDir });
    const worker = this.#worker;
    const answer = await new Promise<SettleAnswer>((resolve, reject) => {
      const settle = (end: () => void): void => {
        worker.off("message", onMessage).off("error", onError).off("exit", onExit);
        end();
      };
      const stop = (error: Error): void => {
        this.#worker = null;
        settle(() => reject(error));
      };
      const onMessage = (message: SettleAnswer): void => settle(() => resolve(message));
      const onError = (error: Error): void => stop(error);
      const onExit = (): void => stop(new Error("the worker that settles the journal ended"));
      worker.on("message", onMessage).on("error", onError).on("exit", onExit);
      worker.postMessage(ranges);
    });
    if ("lost" in answer) return [...answer.lost];
    const { code, message, data } = answer;
    throw code === null ? new Error(message) : new RuntreeError(code, message, data);
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
    this.#worker = null;
  }
}
