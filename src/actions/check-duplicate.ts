import { likeness } from "../domain/likeness.ts";
import { paramsDigest } from "../store/job-row.ts";
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
  const own = new Set(store.jobs.chainOf(id));
  const digest = paramsDigest(job);
  let [best, bestId, compared] = [0, "", 0];
  for (const row of store.jobs.newestFirst()) {
    if (row.template !== job.template_id || own.has(row.id)) continue;
    if (row.paramsDigest === digest) {
      const duplicate_of = { job_id: row.id, run_id: row.run };
      const message = `Job ${row.id} has the same template and the same params.`;
      return { ...found, signal: "HIGH", similarity_score: 1, message, duplicate_of };
    }
    if (compared++ >= MOST_COMPARED) continue;
    const alike = likeness(job.params, store.jobs.read(row).params);
    if (alike > best) [best, bestId] = [alike, row.id];
  }
  const signal = best >= MEDIUM ? "MEDIUM" : "LOW";
  const message =
    best === 0
      ? `No other job of template ${job.template_id} has anything in common with it.`
      : `No other job has the same params; the most alike is ${bestId}.`;
  return { ...found, signal, similarity_score: best, message, duplicate_of: null };
}
