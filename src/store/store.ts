import { ATTIC, MAIN, OPS, RUNS } from "../domain/layout.ts";
import { runIdMaker } from "../domain/run-id.ts";
import { readCommit } from "../git/commit.ts";
import type { EncodedObject, Oid, ReadObject } from "../git/objects.ts";
import { readerWith, RehearsalRepository, type Repository, type WriteGroup } from "../git/repository.ts";
import type { Validator } from "../schema/validator.ts";
import type { Authorship } from "./authorship.ts";
import { SchemaChecks } from "./schema-checks.ts";
import { RememberedRequests } from "./idempotency.ts";
import { MainState } from "./main-state.ts";
import { type JobRecord, JobIndex } from "./ops.ts";
import { RunIndex } from "./run-index.ts";
import { findRun, type RunView } from "./run-view.ts";
import { NamedTurns, Turns } from "./turns.ts";

/** What a store takes from its surroundings: the repository, the committer's name, a clock in ms since 1970. */
export interface StoreParts {
  readonly repository: Repository;
  /** Closed with the store. */
  readonly validator: Validator;
  readonly node: string;
  readonly clock: () => number;
}

/** What a group of writes made known, besides its objects and refs. */
export interface Learned {
  readonly run?: RunView;
  readonly job?: JobRecord;
  readonly commits: readonly Oid[];
}

/**
 * The open store: one repository, and what is derived from it. Everything derived is learned only after the
 * repository acknowledged the write. Actions hold a run's turn while they write to its branch, and the lane to move `main`.
 */
export class Store {
  readonly repository: Repository;
  readonly node: string;
  readonly clock: () => number;
  readonly main: MainState;
  readonly schemas: SchemaChecks;
  readonly runs: RunIndex;
  readonly jobs: JobIndex;
  readonly requests: RememberedRequests;
  /** Merges into `main`, one after another. */
  readonly lane: Turns;
  /** Writes to the attic and to `ops`, each one after another. */
  readonly attic: Turns;
  readonly ops: Turns;
  readonly runTurns: NamedTurns;
  readonly nextRunId: (now: number) => string;
  readonly #validator: Validator;
  readonly #rehearsal: boolean;

  constructor(parts: StoreParts, rehearsalOf?: Store) {
    this.repository = parts.repository;
    this.node = parts.node;
    this.clock = parts.clock;
    this.#rehearsal = rehearsalOf !== undefined;
    this.#validator = parts.validator;
    this.schemas = rehearsalOf?.schemas ?? new SchemaChecks(this.#validator);
    this.main = rehearsalOf?.main ?? new MainState(parts.repository);
    this.runs = rehearsalOf?.runs ?? new RunIndex();
    this.jobs = rehearsalOf?.jobs ?? new JobIndex();
    this.requests = rehearsalOf?.requests ?? new RememberedRequests();
    this.lane = rehearsalOf?.lane ?? new Turns();
    this.attic = rehearsalOf?.attic ?? new Turns();
    this.ops = rehearsalOf?.ops ?? new Turns();
    this.runTurns = rehearsalOf?.runTurns ?? new NamedTurns();
    this.nextRunId = rehearsalOf?.nextRunId ?? runIdMaker();
    if (rehearsalOf === undefined) this.#deriveAll();
  }

  #deriveAll(): void {
    this.runs.rebuild(this.repository);
    this.jobs.rebuild(this.repository);
    const tips = [MAIN, OPS, ATTIC].map((ref) => this.repository.ref(ref)).filter((tip) => tip !== null);
    this.requests.rebuild(this.repository, [...tips, ...this.repository.refs(RUNS).values()], this.clock());
  }

  /** Compiles the schemas of `main`, so that the first submission does not wait for it. */
  async warmUp(): Promise<void> {
    for (const { source } of this.main.rules.collections.values()) {
      if (source !== null) await this.schemas.compileError(source);
    }
  }

  /** Reads objects, those of a group that is not written yet included. */
  reader(objects: readonly EncodedObject[] = []): ReadObject {
    return readerWith(this.repository, objects);
  }

  /** Who writes now, for a commit. */
  signing(author: Authorship): { author: Authorship; node: string; now: number } {
    return { author, node: this.node, now: this.clock() };
  }

  /** Writes a group durably, then takes note of what it means. Throws what `Repository.apply` throws. */
  async apply(group: WriteGroup, learned: Learned): Promise<void> {
    try {
      await this.repository.apply(group);
    } catch (error) {
      if (!this.#rehearsal) this.#lookAgain(learned);
      throw error;
    }
    if (this.#rehearsal) return;
    this.main.catchUp();
    if (learned.run !== undefined) this.runs.learn(learned.run);
    if (learned.job !== undefined) this.jobs.learn(learned.job);
    for (const commit of learned.commits) this.requests.learn(this.repository, commit);
  }

  /** After a write that failed: the disk may have moved all the same, and what is derived follows the disk. */
  #lookAgain(learned: Learned): void {
    this.main.catchUp();
    const run = learned.run === undefined ? null : findRun(this.repository, learned.run.record.id);
    if (run !== null) this.runs.learn(run);
  }

  /** A store on which the same actions can be played with nothing written and nothing learned. */
  rehearse(): Store {
    return new Store(
      {
        repository: new RehearsalRepository(this.repository),
        validator: this.#validator,
        node: this.node,
        clock: this.clock,
      },
      this,
    );
  }

  /** The merge that brought a run's tip into `main`; null when none did. */
  mergeCommitOf(tip: Oid): Oid | null {
    const known = this.main.history.broughtBy(tip);
    if (known !== null || !this.#rehearsal) return known;
    const read = this.reader();
    for (
      let at = this.repository.ref(MAIN);
      at !== null && at !== this.main.commit;
      at = readCommit(read, at).parents[0] ?? null
    ) {
      if (readCommit(read, at).parents[1] === tip) return at;
    }
    return null;
  }

  /** Waits for the merge at work, then lets go of the worker and the files. */
  async close(): Promise<void> {
    await this.lane.idle();
    await this.#validator.close();
    await this.repository.close();
  }
}
