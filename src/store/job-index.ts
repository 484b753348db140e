import { ENDED_BY, type JobEnd, type JobRecord, type JobStatus } from "../domain/job.ts";
import { OPS } from "../domain/layout.ts";
import { addTo } from "../domain/lists.ts";
import { compareInQueue, rankBetween, ranksBetween } from "../domain/queue-order.ts";
import { readCommit } from "../git/commit.ts";
import type { Oid, ReadObject } from "../git/objects.ts";
import { readerWith, type Repository } from "../git/repository.ts";
import { diffTrees } from "../git/tree.ts";
import { readJsonBlob, treeAt } from "./documents.ts";
import {
  byCreation,
  fits,
  insert,
  isInQueue,
  isRunning,
  type JobFilter,
  type JobPage,
  type JobRow,
  placeIn,
  rowOf,
} from "./job-row.ts";
import type { Page } from "./page.ts";
import type { RunIndex } from "./run-index.ts";

/** What the index of jobs knows, as plain values for a snapshot. */
export type JobIndexState = readonly JobRow[];

/** The jobs on `ops`, and the queue of those that an executor is to start; derived from Git. */
export class JobIndex {
  readonly #repository: Repository;
  readonly #read: ReadObject;
  readonly #runs: RunIndex;
  readonly #rows = new Map<string, JobRow>();
  /** All of them, the oldest first. */
  readonly #order: JobRow[] = [];
  /** Those that wait, in the order of dispatch. */
  readonly #queue: JobRow[] = [];
  readonly #running = new Map<string, JobRow>();
  readonly #retries = new Map<string, string[]>();
  /** Statuses of external jobs as their runs have them, forgotten when one of these changes. */
  readonly #external = new Map<string, JobStatus>();
  /** The first and the last rank that were given behind all others of each priority since the start. */
  readonly #given = new Map<number, { readonly first: string; readonly last: string }>();

  /** Begins empty, or with the state of another index; `follow` brings it to the present. */
  constructor(repository: Repository, runs: RunIndex, state: JobIndexState = []) {
    this.#repository = repository;
    this.#read = readerWith(repository);
    this.#runs = runs;
    for (const row of state) this.#put(row);
  }

  /** Takes note of every job whose record differs between a commit of `ops` (null: nothing) and now. */
  follow(since: Oid | null): void {
    const [before, after] = [this.#folderOf(since), this.#folderOf(this.#repository.ref(OPS))];
    const changes = [...diffTrees(this.#read, before, after)];
    for (const { before: old } of changes) if (old !== null) this.#remove(this.#recordIn(old.oid).id);
    for (const { after: now } of changes) if (now !== null) this.learn(this.#recordIn(now.oid), now.oid);
  }

  /** Takes note of a job as it was just written; a null blob says that its record went. */
  learn(record: JobRecord, blob: Oid | null): void {
    this.#remove(record.id);
    if (blob !== null) this.#put(rowOf(record, blob));
  }

  /** Forgets what runs of a job said about it; of all jobs without one. */
  runsChanged(jobId?: string): void {
    if (jobId === undefined) this.#external.clear();
    else this.#external.delete(jobId);
  }

  /** A job by id; null when there is none. */
  find(id: string): JobRecord | null {
    const row = this.#rows.get(id);
    return row === undefined ? null : this.read(row);
  }

  row(id: string): JobRow | null {
    return this.#rows.get(id) ?? null;
  }

  /** The record of a job that is listed here. */
  read({ blob }: JobRow): JobRecord {
    return this.#recordIn(blob);
  }

  /** How many jobs there are. */
  get size(): number {
    return this.#rows.size;
  }

  /** The queue, in the order of dispatch; it changes with the index. */
  get queue(): readonly JobRow[] {
    return this.#queue;
  }

  /** Those that an executor opened a run for and that have not ended, in the order they began. */
  running(): JobRow[] {
    return [...this.#running.values()];
  }

  /** How many these are. */
  runningCount(): number {
    return this.#running.size;
  }

  /**
   * The status of a job; an external job runs while a run is open, else it follows its newest run. A job that an executor
   * has begun runs until it has ended: its run may be closed, or refused, while its process is still at work.
   */
  statusOf(row: JobRow): JobStatus {
    if (row.executor === "external") return this.#externalStatus(row);
    return row.ended ?? (row.run === null ? "queued" : "running");
  }

  /** Where a job is in the queue, counted from 1, and among those of its priority, from 0; null when it does not wait. */
  placeOf(row: JobRow): { readonly queue: number; readonly position: number } | null {
    if (!isInQueue(row)) return null;
    const at = placeIn(this.#queue, row, compareInQueue);
    return { queue: at + 1, position: at - this.#firstBelow(row.priority, true) };
  }

  /** Which places of the queue have one priority, the end not included. */
  spanOf(priority: number): { readonly start: number; readonly end: number } {
    return { start: this.#firstBelow(priority, true), end: this.#firstBelow(priority, false) };
  }

  /** A rank behind all that were ever given to jobs of a priority. */
  nextRank(priority: number): string {
    const { start, end } = this.spanOf(priority);
    const last = end > start ? (this.#queue[end - 1]?.rank ?? null) : null;
    const given = this.#given.get(priority) ?? null;
    const rank = rankBetween(given === null || (last !== null && last > given.last) ? last : given.last, null);
    this.#given.set(priority, { first: given?.first ?? rank, last: rank });
    return rank;
  }

  /** So many ranks before all others of a priority, ascending; before those of jobs that are still being written, too. */
  firstRanks(priority: number, count: number): string[] {
    const { start, end } = this.spanOf(priority);
    const first = end > start ? (this.#queue[start]?.rank ?? null) : null;
    const given = this.#given.get(priority)?.first ?? null;
    return ranksBetween(null, given === null || (first !== null && first < given) ? first : given, count);
  }

  /** The ids of a job's whole chain of retries, itself among them. */
  chainOf(id: string): string[] {
    let first = id;
    for (let before = this.row(first)?.retryOf ?? null; before !== null; before = this.row(first)?.retryOf ?? null)
      first = before;
    const chain = [first];
    for (const each of chain) chain.push(...(this.#retries.get(each) ?? []));
    return chain;
  }

  /** All jobs, the newest first, as long as they are asked for. */
  *newestFirst(): Generator<JobRow> {
    for (let at = this.#order.length - 1; at >= 0; at--) yield this.#order[at] as JobRow;
  }

  /** A page of the jobs of a filter, newest first; null when there is no such job as it goes on from. */
  select(filter: JobFilter, page: Page): JobPage | null {
    const from = page.after == null ? null : this.row(page.after);
    if (page.after != null && from === null) return null;
    const rows: JobRow[] = [];
    let [total, passed, queued, running] = [0, 0, 0, 0];
    for (const row of this.newestFirst()) {
      const status = this.statusOf(row);
      if (status === "queued") queued++;
      if (status === "running") running++;
      if (!fits(row, status, filter)) continue;
      total++;
      if (from !== null && byCreation(row, from) >= 0) continue;
      if (passed++ >= page.offset && rows.length < page.limit) rows.push(row);
    }
    return { total, rows, more: passed > page.offset + rows.length, queued, running };
  }

  /** All that is known, for a snapshot; it changes with the index. */
  state(): JobIndexState {
    return this.#order;
  }

  /** The status of a job by its record: of the evergreen one, or one that is only rehearsed. */
  statusBy({ id, executor, run_id, ended }: JobRecord): JobStatus {
    if (executor === "external") return this.#followed(id, ended?.status ?? null, Date.parse(ended?.at ?? "") || null);
    return ended?.status ?? (run_id === undefined ? "queued" : "running");
  }

  #externalStatus({ id, ended, endedAt }: JobRow): JobStatus {
    const known = this.#external.get(id);
    if (known !== undefined) return known;
    const status = this.#followed(id, ended, endedAt);
    this.#external.set(id, status);
    return status;
  }

  /** A job for agents runs while a run is open; else it is what its newest run made of it, or what was said of it since. */
  #followed(id: string, ended: JobEnd["status"] | null, endedAt: number | null): JobStatus {
    if (this.#runs.select({ job_id: id, place: "open" }, { offset: 0, limit: 0 }).total > 0) return "running";
    const [newestId = ""] = this.#runs.select({ job_id: id }, { offset: 0, limit: 1 }).ids;
    const newest = this.#runs.view(newestId)?.record;
    if (newest === undefined || Date.parse(newest.created_at) <= (endedAt ?? -Infinity)) return ended ?? "queued";
    return ENDED_BY[newest.status] ?? "running";
  }

  #put(row: JobRow): void {
    this.#rows.set(row.id, row);
    insert(this.#order, row, byCreation);
    if (isInQueue(row)) insert(this.#queue, row, compareInQueue);
    if (isRunning(row)) this.#running.set(row.id, row);
    if (row.retryOf !== null) addTo(this.#retries, row.retryOf, row.id);
  }

  #remove(id: string): void {
    const row = this.#rows.get(id);
    if (row === undefined) return;
    this.#rows.delete(id);
    this.#running.delete(id);
    this.#external.delete(id);
    this.#order.splice(placeIn(this.#order, row, byCreation), 1);
    if (isInQueue(row)) this.#queue.splice(placeIn(this.#queue, row, compareInQueue), 1);
    if (row.retryOf !== null) {
      const others = (this.#retries.get(row.retryOf) ?? []).filter((other) => other !== id);
      if (others.length > 0) this.#retries.set(row.retryOf, others);
      else this.#retries.delete(row.retryOf);
    }
  }

  /** Where the queue begins to have a priority below this one, or this one itself where it counts. */
  #firstBelow(priority: number, itself: boolean): number {
    let [low, high] = [0, this.#queue.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const there = this.#queue[middle]?.priority ?? 0;
      if (there > priority || (!itself && there === priority)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #recordIn(blob: Oid): JobRecord {
    return readJsonBlob(this.#read, blob) as unknown as JobRecord;
  }

  #folderOf(commit: Oid | null): Oid | null {
    return commit === null ? null : treeAt(this.#read, readCommit(this.#read, commit).tree, "jobs");
  }
}
