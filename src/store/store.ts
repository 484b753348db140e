import { NO_COMMANDS } from "../domain/commands.ts";
import type { TemplateRecord } from "../domain/job-template.ts";
import { MAIN } from "../domain/layout.ts";
import { runIdMaker } from "../domain/run-id.ts";
import { readCommit } from "../git/commit.ts";
import type { EncodedObject, Oid, ReadObject } from "../git/objects.ts";
import { PathFinder } from "../git/path-finder.ts";
import { NO_NOTES, type PushNotes } from "../git/push-notes.ts";
import { readerWith, RehearsalRepository, type Repository, type WriteGroup } from "../git/repository.ts";
import { isTree } from "../git/tree.ts";
import type { Validator } from "../schema/validator.ts";
import type { Authorship } from "./authorship.ts";
import { CommandChecks } from "./command-checks.ts";
import { derive, type Derived, stateOf, tipsOf } from "./derived.ts";
import { Executions } from "./executions.ts";
import { SchemaChecks } from "./schema-checks.ts";
import type { RememberedRequests } from "./idempotency.ts";
import type { JobIndex } from "./job-index.ts";
import { type Lane, ownLane, SharedLane } from "./lane.ts";
import { LaterWork } from "./later-work.ts";
import { MainAhead } from "./main-ahead.ts";
import type { MainView } from "./main-view.ts";
import type { JobChange, JobNews, News } from "./news.ts";
import { ParamsChecks } from "./params-schema.ts";
import type { Progress } from "./progress.ts";
import type { RunIndex } from "./run-index.ts";
import { findRun, type RunView } from "./run-view.ts";
import type { SnapshotFile } from "./snapshot.ts";
import type { StoreParts } from "./store-parts.ts";
import type { TemplateIndex } from "./template-index.ts";
import { NamedTurns, Turns } from "./turns.ts";

/** How many runs or documents may be missing in the snapshot before it is worth writing anew. */
const SNAPSHOT_AFTER = 1000;

/** What a group of writes made known, besides its objects and refs. */
export interface Learned {
  readonly run?: RunView;
  readonly jobs?: readonly JobChange[];
  readonly template?: TemplateRecord;
  readonly reorders?: boolean;
  readonly commits: readonly Oid[];
}

/** A write that a store running ahead has seen, and that is still to be made for good. */
export interface StagedWrite {
  readonly group: WriteGroup;
  readonly learned: Learned;
}

/** What a store stands on that writes nothing for good itself. */
interface Upon {
  readonly store: Store;
  readonly main: MainView;
  /** Hears of every write. */
  readonly wrote: (write: StagedWrite) => void;
}

/**
 * The open store: one repository, and what is derived from it. Everything derived is learned only after the
 * repository acknowledged the write. Actions hold a run's turn while they write to its branch, and the lane to move `main`.
 */
export class Store {
  readonly repository: Repository;
  /** Everything that is derived from the repository as it is acknowledged. */
  readonly derived: Derived;
  readonly node: string;
  readonly clock: () => number;
  readonly datasets: string;
  readonly main: MainView;
  readonly schemas: SchemaChecks;
  readonly params: ParamsChecks;
  readonly commands: CommandChecks;
  readonly runs: RunIndex;
  readonly jobs: JobIndex;
  readonly templates: TemplateIndex;
  readonly requests: RememberedRequests;
  /** Merges into `main`, one after another. */
  readonly lane: Lane;
  /** Writes to the attic and to `ops`, each one after another. */
  readonly attic: Lane;
  readonly ops: Lane;
  readonly turns: NamedTurns;
  readonly later: LaterWork;
  readonly executions: Executions;
  readonly pushes: PushNotes;
  readonly nextRunId: (now: number) => string;
  readonly #paths: PathFinder;
  readonly #validator: Validator;
  readonly #upon: Upon | null;
  readonly #snapshot: SnapshotFile | undefined;
  /** Ref moves that were not learned from yet. */
  readonly #inDoubt = new Set<WriteGroup["refs"]>();
  readonly #snapshots = new Turns();
  #listener: (news: News) => void = () => undefined;
  /** How many runs and documents were read that the snapshot lacks, and how many runs had been learned when it was made. */
  #unsaved: { readonly read: number; readonly learned: number } = { read: 0, learned: 0 };

  constructor(parts: StoreParts, upon: Upon | null = null, progress?: Progress) {
    const shared = upon?.store;
    this.repository = parts.repository;
    this.node = parts.node;
    this.clock = parts.clock;
    this.datasets = shared?.datasets ?? parts.datasets ?? "datasets";
    this.#upon = upon;
    this.#validator = parts.validator;
    this.schemas = shared?.schemas ?? new SchemaChecks(this.#validator);
    this.params = shared?.params ?? new ParamsChecks();
    this.commands = shared?.commands ?? parts.commands ?? new CommandChecks(NO_COMMANDS, () => undefined);
    this.#snapshot = parts.snapshot;
    this.derived = shared === undefined ? this.#derive(progress) : shared.derived;
    this.main = upon?.main ?? this.derived.main;
    this.runs = this.derived.runs;
    this.jobs = this.derived.jobs;
    this.templates = this.derived.templates;
    this.requests = this.derived.requests;
    this.lane = shared === undefined ? new SharedLane(this) : ownLane(this);
    this.attic = shared === undefined ? new SharedLane(this) : ownLane(this);
    this.ops = shared === undefined ? new SharedLane(this) : ownLane(this);
    this.turns = shared?.turns ?? new NamedTurns();
    this.later = shared?.later ?? new LaterWork(parts.report ?? ((): void => undefined));
    // Whoever only plays at it ends no process.
    this.executions = new Executions();
    this.pushes = shared?.pushes ?? parts.pushes ?? NO_NOTES;
    this.nextRunId = shared?.nextRunId ?? runIdMaker();
    this.#paths = shared === undefined ? new PathFinder() : shared.#paths;
  }

  #derive(progress?: Progress): Derived {
    if (this.#snapshot === undefined) return derive(this.repository, this.clock());
    const { derived, rebuilt } = this.#snapshot.derive(this.repository, this.clock(), progress);
    if (rebuilt) this.#unsaved = { read: derived.main.index.size, learned: 0 };
    return derived;
  }

  /** Tells whether so much happened since the snapshot was written that it should be written anew. */
  get snapshotDue(): boolean {
    const { read, learned } = this.#unsaved;
    return this.#snapshot !== undefined && read + this.runs.changes - learned >= SNAPSHOT_AFTER;
  }

  /** Writes what is derived to the snapshot file, durably; nothing without one. Throws `disk_full`, `io_failed`. */
  async writeSnapshot(): Promise<void> {
    await this.#snapshots.take(async () => {
      const learned = this.runs.changes;
      await this.#snapshot?.write(stateOf(this.derived, this.#tipsLearned()));
      this.#unsaved = { read: 0, learned };
    });
  }

  /** Where the refs are, as far as what they lead to was learned. */
  #tipsLearned(): Map<string, Oid> {
    const tips = tipsOf(this.repository);
    for (const moves of [...this.#inDoubt].reverse()) {
      for (const { ref, from } of moves) {
        if (from === null) tips.delete(ref);
        else tips.set(ref, from);
      }
    }
    return tips;
  }

  /** Compiles the schemas of `main` and makes ready to run commands, so that the first submission does not wait for it. */
  async warmUp(): Promise<void> {
    this.commands.warmUp();
    for (const { source } of this.main.rules.collections.values()) {
      if (source !== null) await this.schemas.compileError(source);
    }
  }

  /** Reads objects, those of a group that is not written yet included. */
  reader(objects: readonly EncodedObject[] = []): ReadObject {
    return readerWith(this.repository, objects);
  }

  /** The blob at a path of a tree, null when there is none: for a tree that is asked again and again. */
  blobAt(tree: Oid, path: string): Oid | null {
    const entry = this.#paths.find(this.reader(), tree, path);
    return entry === null || isTree(entry) ? null : entry.oid;
  }

  /** Who writes now, for a commit. */
  signing(author: Authorship): { author: Authorship; node: string; now: number } {
    return { author, node: this.node, now: this.clock() };
  }

  /** Writes a group durably, then takes note of what it means. Throws what `Repository.apply` throws. */
  async apply(group: WriteGroup, learned: Learned): Promise<void> {
    if (this.#upon !== null) {
      await this.repository.apply(group);
      this.#upon.wrote({ group, learned });
      return;
    }
    this.#inDoubt.add(group.refs);
    try {
      await this.repository.apply(group);
    } catch (error) {
      this.#lookAgain(learned);
      if (!group.refs.some(({ ref, to }) => this.repository.ref(ref) === to)) this.#inDoubt.delete(group.refs);
      throw error;
    }
    if (group.refs.some(({ ref }) => ref === MAIN)) this.main.catchUp();
    const was = learned.run === undefined ? null : this.runs.statusOf(learned.run.record.id);
    if (learned.run !== undefined) this.#learnRun(learned.run);
    const jobs = (learned.jobs ?? []).map((change) => this.#learnJob(change));
    if (learned.template !== undefined) this.templates.learn(learned.template);
    for (const commit of learned.commits) this.requests.learn(this.repository, commit);
    this.#inDoubt.delete(group.refs);
    this.#listener({ ...learned, was, jobs });
  }

  #learnRun(run: RunView): void {
    this.runs.learn(run);
    this.jobs.runsChanged(run.record.job_id);
  }

  #learnJob({ job, blob }: JobChange): JobNews {
    const before = this.jobs.row(job.id);
    const was = before === null ? null : this.jobs.statusOf(before);
    this.jobs.learn(job, blob);
    const now = this.jobs.row(job.id);
    return { job, was, status: now === null ? null : this.jobs.statusOf(now), at: this.clock() };
  }

  /** Has every durable write told from now on, when all that it means is known here. */
  listen(listener: (news: News) => void): void {
    this.#listener = listener;
  }

  /** After a write that failed: the disk may have moved all the same, and what is derived follows the disk. */
  #lookAgain(learned: Learned): void {
    this.main.catchUp();
    const run = learned.run === undefined ? null : findRun(this.repository, learned.run.record.id);
    if (run !== null) this.#learnRun(run);
  }

  /** A store on which the same actions can be played with nothing written and nothing learned. */
  rehearse(): Store {
    return this.#above(new RehearsalRepository(this.repository), this.main, () => undefined);
  }

  /** A store that runs ahead of the disk: what is written to it is seen by it alone, and listed to be written for good. */
  runAhead(): { readonly ahead: Store; readonly staged: StagedWrite[] } {
    this.main.catchUp();
    const repository = new RehearsalRepository(this.repository);
    const main = new MainAhead(this.main, repository);
    const staged: StagedWrite[] = [];
    const ahead = this.#above(repository, main, (write) => {
      staged.push(write);
      main.catchUp();
    });
    return { ahead, staged };
  }

  #above(repository: Repository, main: MainView, wrote: Upon["wrote"]): Store {
    const parts = { repository, validator: this.#validator, node: this.node, clock: this.clock };
    return new Store(parts, { store: this, main, wrote });
  }

  /** The merge that brought a run's tip into `main`; null when none did. */
  mergeCommitOf(tip: Oid): Oid | null {
    const known = this.main.history.broughtBy(tip);
    if (known !== null || this.#upon === null) return known;
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

  /** Waits for what goes on after its request and for the work in the lanes, then lets go of the worker, the operator's commands and the files. */
  async close(): Promise<void> {
    await this.later.ended();
    await Promise.all([this.lane.idle(), this.attic.idle(), this.ops.idle()]);
    await this.#snapshots.idle();
    await this.commands.close();
    await this.#validator.close();
    await this.params.close();
    await this.repository.close();
  }
}
