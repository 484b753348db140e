import type { JobRecord } from "../domain/job.ts";
import { commitToOps } from "../store/ops-commit.ts";
import type { Store } from "../store/store.ts";

/** How many jobs one commit takes away. */
const TOGETHER = 1000;

/**
 * Takes jobs that ended for good before a time (ms since 1970) out of the tree of `ops`; its history keeps them. Jobs for
 * agents stay, as they take new runs at any time, unless they were cancelled. Returns how many went.
 */
export async function retireJobs(store: Store, before: number): Promise<number> {
  const old = [...store.jobs.newestFirst()].filter(
    (row) => row.endedAt !== null && row.endedAt < before && store.jobs.statusOf(row) === row.ended,
  );
  const author = { principal: store.node, idempotency: null };
  for (let at = 0; at < old.length; at += TOGETHER) {
    const gone: JobRecord[] = old.slice(at, at + TOGETHER).map((row) => store.jobs.read(row));
    const subject = `Retire ${gone.length} ${gone.length === 1 ? "job" : "jobs"} that ended before ${new Date(before).toISOString()}`;
    await store.ops.take(async (ahead) => commitToOps(ahead, author, { gone }, { subject, trailers: [] }));
  }
  return old.length;
}
