import { decodeId, encodeId } from "../domain/ids.ts";
import type { JsonObject } from "../domain/json.ts";
import { OPS } from "../domain/layout.ts";
import { datedFolder } from "../domain/run-id.ts";
import { readCommit } from "../git/commit.ts";
import type { Oid, ReadObject } from "../git/objects.ts";
import { OidList } from "../git/oid-table.ts";
import { readerWith, type Repository } from "../git/repository.ts";
import { diffTrees } from "../git/tree.ts";
import { blobAt, readJsonBlob, treeAt } from "./documents.ts";
import { NameTable, type NameTableState } from "./name-table.ts";

/** The job that always exists, for submissions that belong to no other. */
export const CUSTOM_JOB = "custom";

/** A job as `ops` keeps it. Whether it runs, completed or failed is read from its runs. */
export interface JobRecord {
  readonly id: string;
  readonly executor: "external";
  readonly title?: string;
  readonly params: JsonObject;
  readonly created_at: string;
  readonly created_by: string;
}

/** Where a job's record lies on `ops`. */
export function jobPath(job: JobRecord): string {
  return `jobs/${datedFolder(Date.parse(job.created_at))}/${encodeId(job.id)}.json`;
}

/** The id that git has for "nothing". */
const NO_RECORD: Oid = "0".repeat(40);

/** What the index of jobs knows, as plain values for a snapshot. */
export interface JobIndexState {
  readonly ids: NameTableState;
  readonly records: Uint32Array;
}

/** The jobs on `ops`, by id; derived from Git. Holds where each record is; records are read when they are asked for. */
export class JobIndex {
  readonly #repository: Repository;
  readonly #read: ReadObject;
  readonly #ids: NameTable;
  /** By number of an id: the blob of the job's record; `NO_RECORD` when the job is gone. */
  readonly #records: OidList;

  /** Begins empty, or with the state of another index; `follow` brings it to the present. */
  constructor(repository: Repository, state?: JobIndexState) {
    this.#repository = repository;
    this.#read = readerWith(repository);
    this.#ids = new NameTable(state?.ids);
    this.#records = new OidList(state?.records);
  }

  /** Takes note of every job whose record differs between a commit of `ops` (null: nothing) and now. */
  follow(since: Oid | null): void {
    for (const { path, after } of diffTrees(
      this.#read,
      this.#folderOf(since),
      this.#folderOf(this.#repository.ref(OPS)),
    )) {
      const id = decodeId(path.slice(path.lastIndexOf("/") + 1, -".json".length));
      if (id !== null) this.#records.set(this.#ids.add(id), after?.oid ?? NO_RECORD);
    }
  }

  /** Takes note of a job as it was just written. */
  learn(job: JobRecord): void {
    const commit = this.#repository.ref(OPS);
    const blob = commit === null ? null : blobAt(this.#read, readCommit(this.#read, commit).tree, jobPath(job));
    this.#records.set(this.#ids.add(job.id), blob ?? NO_RECORD);
  }

  /** A job by id; null when there is none. */
  find(id: string): JobRecord | null {
    const number = this.#ids.find(id);
    const blob = number < 0 ? NO_RECORD : this.#records.at(number);
    return blob === NO_RECORD ? null : (readJsonBlob(this.#read, blob) as unknown as JobRecord);
  }

  /** How many jobs there are. */
  get size(): number {
    let size = 0;
    for (let number = 0; number < this.#ids.size; number++) if (this.#records.at(number) !== NO_RECORD) size++;
    return size;
  }

  /** All that is known, for a snapshot; it changes with the index. */
  state(): JobIndexState {
    return { ids: this.#ids.state(), records: this.#records.values() };
  }

  #folderOf(commit: Oid | null): Oid | null {
    return commit === null ? null : treeAt(this.#read, readCommit(this.#read, commit).tree, "jobs");
  }
}
