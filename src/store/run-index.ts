import { LRUCache } from "lru-cache";
import { invocationKey } from "../domain/invocation.ts";
import { ATTIC, MAIN, RESULTS, runRecordPath, RUNS } from "../domain/layout.ts";
import { isRunId } from "../domain/run-id.ts";
import type { RunRecord, RunStatus } from "../domain/run.ts";
import { readCommit } from "../git/commit.ts";
import type { Oid, ReadObject } from "../git/objects.ts";
import { readerWith, type Repository } from "../git/repository.ts";
import { diffTrees } from "../git/tree.ts";
import { readBlob, readJsonBlob, treeAt } from "./documents.ts";
import type { Page } from "./page.ts";
import type { RunFilter, RunPage } from "./run-filter.ts";
import { RunRows, type RunRowsState } from "./run-rows.ts";
import { closedView, findRun, type RunView } from "./run-view.ts";

/** Bytes of run records, as JSON, that are kept parsed. */
const RECORD_BYTES = 4 * 1024 * 1024;

/** Where the records of closed runs are. */
const KEPT_ON = { merged: MAIN, attic: ATTIC } as const;

/** The tips of the branches that keep closed runs; null where there is none. */
export interface ClosedRunTips {
  readonly main: Oid | null;
  readonly attic: Oid | null;
}

/** Every run, for lists; derived from Git. Holds what lists are filtered and sorted by; records are read when they are shown. */
export class RunIndex {
  readonly #repository: Repository;
  readonly #read: ReadObject;
  readonly #rows: RunRows;
  #changes = 0;
  /** Records by their blob's id, so that none is ever stale. */
  readonly #records: LRUCache<Oid, RunRecord> = new LRUCache<Oid, RunRecord>({
    maxSize: RECORD_BYTES,
  });

  /** Begins empty, or with the state of another index; `follow` brings it to the present. */
  constructor(repository: Repository, state?: RunRowsState) {
    this.#repository = repository;
    this.#read = readerWith(repository);
    this.#rows = new RunRows(state);
  }

  /** Reads every run that may have changed: records that differ from these tips' and branches that moved. */
  follow(since: ClosedRunTips): void {
    const heads = new Map([...this.#repository.refs(RUNS)].map(([ref, head]) => [ref.slice(RUNS.length), head]));
    // The record of a pushed run changes while its branch stays where it is.
    const pushed = [...this.#repository.refs(RESULTS).keys()].map((ref) => ref.slice(RESULTS.length));
    const changed = new Set(pushed.filter((id) => heads.has(id)));
    for (const place of ["merged", "attic"] as const) {
      const before = this.#folderOf(place === "merged" ? since.main : since.attic);
      const after = this.#folderOf(this.#repository.ref(KEPT_ON[place]));
      for (const change of diffTrees(this.#read, before, after, "runs/")) {
        const id = change.path.slice(change.path.lastIndexOf("/") + 1, -".json".length);
        if (!isRunId(id) || runRecordPath(id) !== change.path) continue;
        // Most are closed runs never heard of; their records need not be looked for again.
        if (change.after !== null && this.#rows.find(id) === null && !heads.has(id))
          this.#put(id, closedView(this.#read, change.after.oid, place));
        else changed.add(id);
      }
    }
    for (const id of this.#rows.idsWith("place", "open")) if (!heads.has(id)) changed.add(id);
    for (const [id, head] of heads) {
      const known = this.#rows.find(id);
      if (known?.place !== "open" || known.head !== head) changed.add(id);
    }
    for (const id of changed) {
      const view = findRun(this.#repository, id);
      if (view === null) this.#rows.remove(id);
      else this.#put(id, view);
    }
  }

  /** Takes note of a run as it was just written. */
  learn(view: RunView): void {
    this.#put(view.record.id, view);
  }

  /** A branch that stock git moved may hold the record of another run; the branch's name counts. */
  #put(id: string, { record, blob, head, place }: RunView): void {
    const {
      job_id,
      status,
      created_by,
      contract_id,
      pipeline_name,
      template_id,
      dataset_id,
      mode,
      executor,
      invocation,
    } = record;
    const key = invocation === undefined ? null : invocationKey(invocation);
    const created = Date.parse(record.created_at) || 0;
    this.#changes++;
    this.#rows.put({
      id,
      record: blob,
      head,
      created,
      time: Date.parse(record.started_at ?? "") || created,
      members: {
        job_id,
        status,
        place,
        has_warnings: record.warning_count + record.notices.length > 0,
        ...(place === "open" ? { open_by: created_by } : {}),
        ...(contract_id === undefined ? {} : { contract_id }),
        ...(pipeline_name === undefined ? {} : { pipeline_name }),
        ...(template_id === undefined ? {} : { template_id }),
        ...(dataset_id === undefined ? {} : { dataset_id }),
        ...(mode === undefined ? {} : { mode }),
        ...(executor === undefined ? {} : { executor }),
        ...(invocation === undefined ? {} : { server: invocation.server }),
        ...(invocation === undefined || place !== "open" ? {} : { open_on: invocation.server }),
        ...(key === null ? {} : { invocation: key }),
      },
    });
  }

  /** The status of a run as the index knows it; null when there is no such run. */
  statusOf(id: string): RunStatus | null {
    return this.#rows.find(id)?.status ?? null;
  }

  /** Who made an open run; null for one that is closed or that the index does not know. */
  openedBy(id: string): string | null {
    return this.#rows.openedBy(id);
  }

  /** A page of the runs of a filter, newest first; null when there is no such run as it goes on from. */
  select(filter: RunFilter, page: Omit<Page, "after">): RunPage;
  select(filter: RunFilter, page: Page): RunPage | null;
  select(filter: RunFilter, page: Page): RunPage | null {
    return this.#rows.select(filter, page);
  }

  /** A run by id as the index knows it; null when there is none. */
  view(id: string): RunView | null {
    const found = this.#rows.find(id);
    if (found === null) return null;
    let record = this.#records.get(found.record);
    if (record === undefined) {
      record = readJsonBlob(this.#read, found.record) as unknown as RunRecord;
      this.#records.set(found.record, record, { size: readBlob(this.#read, found.record).length });
    }
    return { record, blob: found.record, head: found.head, place: found.place };
  }

  /** How often a run was learned since the index was made. */
  get changes(): number {
    return this.#changes;
  }

  /** How many runs there are. */
  get size(): number {
    return this.#rows.size;
  }

  /** How many runs are open. */
  openCount(): number {
    return this.#rows.count("place", "open");
  }

  /** The runs of an invocation by Galaxy's id: on one server, or on any that there ever was. */
  ofInvocation(id: string, server?: string): string[] {
    const servers = server === undefined ? this.#rows.valuesOf("server") : [server];
    return servers.flatMap((name) => this.#rows.idsWith("invocation", `${name}/${id}`));
  }

  /** The open runs that a Galaxy works on. */
  openOn(server: string): string[] {
    return this.#rows.idsWith("open_on", server);
  }

  /** How many open runs a principal made. */
  openCountOf(principal: string): number {
    return this.#rows.count("open_by", principal);
  }

  /** All that is known, for a snapshot; it changes with the index. */
  state(): RunRowsState {
    return this.#rows.state();
  }

  #folderOf(commit: Oid | null): Oid | null {
    return commit === null ? null : treeAt(this.#read, readCommit(this.#read, commit).tree, "runs");
  }
}
