import type { JobRecord } from "../domain/job.ts";
import { likenessTo } from "../domain/likeness.ts";
import { readBlob, readJsonBlob } from "../store/documents.ts";
import { type JobRow, paramsDigest } from "../store/job-row.ts";
import { artifactsOf } from "../store/run-artifacts.ts";
import type { Store } from "../store/store.ts";
import { requireJobRecord } from "./require-job.ts";

export interface DuplicateCheck {
  readonly job_id: string;
  readonly has_artifact: boolean;
  readonly artifact_path: string | null;
  readonly signal: "LOW" | "MEDIUM" | "HIGH";
  readonly similarity_score: number;
  readonly message: string;
  readonly duplicate_of: { readonly job_id: string; readonly run_id: string | null } | null;
}

/** How many of the newest jobs of a template a job is compared with, leaf by leaf. */
const MOST_COMPARED = 200;

/** How many bytes these have together: a request may keep others waiting for some 50 ms. */
const MOST_BYTES = 1024 * 1024;

/** From how much likeness on it is worth a look. */
const MEDIUM = 0.5;

/**
 * Looks for another job of the same template with the same params, outside of the job's own chain of retries; without one
 * for the most alike among the newest. Throws `job_not_found`.
 */
export function checkDuplicate(store: Store, id: string): DuplicateCheck {
  const job = requireJobRecord(store, id);
  const view = store.runs.view(job.run_id ?? store.runs.select({ job_id: id }, { offset: 0, limit: 1 }).ids[0] ?? "");
  const [artifact] = view === null ? [] : artifactsOf(store, view);
  const found = { job_id: id, has_artifact: artifact !== undefined, artifact_path: artifact?.path ?? null };
  if (job.template_id === undefined) {
    const message = "The job is of no template; there is nothing to compare it with.";
    return { ...found, signal: "LOW", similarity_score: 0, message, duplicate_of: null };
  }
  const others = othersOf(store, id, job.template_id);
  const digest = store.jobs.row(id)?.paramsDigest ?? paramsDigest(job);
  const same = others.find(({ paramsDigest: other }) => other === digest);
  if (same !== undefined) {
    const duplicate_of = { job_id: same.id, run_id: same.run };
    const message = `Job ${same.id} has the same template and the same params.`;
    return { ...found, signal: "HIGH", similarity_score: 1, message, duplicate_of };
  }
  const [best, bestId] = mostAlike(store, job, others);
  const signal = best >= MEDIUM ? "MEDIUM" : "LOW";
  const message =
    best === 0
      ? `None of the newest other jobs of template ${job.template_id} has anything in common with it.`
      : `No other job has the same params; the most alike of the newest is ${bestId}.`;
  return { ...found, signal, similarity_score: best, message, duplicate_of: null };
}

/** The other jobs of a template, outside of a job's own chain of retries, the newest first. */
function othersOf(store: Store, id: string, template: string): JobRow[] {
  const own = new Set(store.jobs.chainOf(id));
  return [...store.jobs.newestFirst()].filter((row) => row.template === template && !own.has(row.id));
}

/** How much the most alike of the first of these is like a job, and its id. */
function mostAlike(store: Store, { params }: JobRecord, others: readonly JobRow[]): readonly [number, string] {
  const read = store.reader();
  const likenessOf = likenessTo(params);
  let [best, bestId, bytes] = [0, "", 0];
  for (const { id, blob } of others.slice(0, MOST_COMPARED)) {
    bytes += readBlob(read, blob).length;
    if (bytes > MOST_BYTES) break;
    const alike = likenessOf((readJsonBlob(read, blob) as unknown as JobRecord).params);
    if (alike > best) [best, bestId] = [alike, id];
  }
  return [best, bestId];
}
