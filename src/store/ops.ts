import { encodeId } from "../domain/ids.ts";
import type { JsonObject } from "../domain/json.ts";
import { OPS } from "../domain/layout.ts";
import { datedFolder } from "../domain/run-id.ts";
import { readCommit } from "../git/commit.ts";
import { readerWith, type Repository } from "../git/repository.ts";
import { findEntry, isTree, walkFiles } from "../git/tree.ts";
import { readJsonBlob } from "./documents.ts";

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

/** The jobs on `ops`, by id; derived from Git. */
export class JobIndex {
  readonly #jobs = new Map<string, JobRecord>();

  rebuild(repository: Repository): void {
    const commit = repository.ref(OPS);
    const read = readerWith(repository);
    const folder = commit === null ? null : findEntry(read, readCommit(read, commit).tree, "jobs");
    if (folder === null || !isTree(folder)) return;
    for (const { entry } of walkFiles(read, folder.oid))
      this.learn(readJsonBlob(read, entry.oid) as unknown as JobRecord);
  }

  learn(job: JobRecord): void {
    this.#jobs.set(job.id, job);
  }

  /** A job by id; null when there is none. */
  find(id: string): JobRecord | null {
    return this.#jobs.get(id) ?? null;
  }
}
