import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { retireJobs } from "../actions/retire-jobs.ts";
import type { Retention } from "../domain/retention.ts";
import { counted } from "../domain/verdict.ts";
import type { Store } from "../store/store.ts";

/** How often (ms) is looked for what is older than it is to be. */
const LOOK_MS = 60 * 60 * 1000;

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;

/** The folder of an hour below that of the logs: `yyyy/mm-dd/hh`. */
const HOUR = /^(\d{4})\/(\d{2})-(\d{2})\/(\d{2})$/;

export interface RetentionParts {
  readonly store: Store;
  readonly retention: Retention;
  /** The folder that holds logs. */
  readonly folder: string;
  /** Calls some work again and again, so many ms apart; returns what ends that. */
  readonly repeat: (work: () => void, everyMs: number) => () => void;
  readonly report: (message: string) => void;
}

/** Takes jobs that ended and logs away when their time is over. Looks at once, then every hour, until it is closed. */
export class KeptForAWhile {
  readonly #parts: RetentionParts;
  readonly #stop: () => void;
  #looking: Promise<void> | null = null;

  constructor(parts: RetentionParts) {
    this.#parts = parts;
    this.#stop = parts.repeat(() => void this.look(), LOOK_MS);
    void this.look();
  }

  /** Takes away what is too old; joins the look that is going on. */
  look(): Promise<void> {
    this.#looking ??= this.#once().finally(() => (this.#looking = null));
    return this.#looking;
  }

  async close(): Promise<void> {
    this.#stop();
    await this.#looking;
  }

  async #once(): Promise<void> {
    const { store, retention, folder, report } = this.#parts;
    const now = store.clock();
    try {
      const count = await retireJobs(store, now - retention.jobs_days * DAY_MS);
      if (count > 0) report(`${counted(count, "job")} that ended went from ops; git log has them`);
      removeLogsBefore(join(folder, "logs"), now - retention.logs_days * DAY_MS);
    } catch (error) {
      report(`what is too old stays: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

/** Removes the folders of hours that were over before a time. */
function removeLogsBefore(root: string, before: number): void {
  const within = (below: string): string[] =>
    foldersIn(join(root, below)).map((name) => (below === "" ? name : `${below}/${name}`));
  for (const hour of within("").flatMap(within).flatMap(within)) {
    const [, year, month, day, at] = HOUR.exec(hour) ?? [];
    const begun = Date.parse(`${year}-${month}-${day}T${at}:00:00Z`);
    if (begun + HOUR_MS <= before) rmSync(join(root, hour), { recursive: true, force: true });
  }
}

function foldersIn(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
