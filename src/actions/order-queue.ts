import { priorityOf } from "../domain/job.ts";
import { ranksBetween } from "../domain/queue-order.ts";
import type { Authorship } from "../store/authorship.ts";
import { commitToOps } from "../store/ops-commit.ts";
import type { Store } from "../store/store.ts";
import { refuseMember } from "./refusal.ts";
import { requirePlaced } from "./require-job.ts";

/** The turn of whoever gives ranks between others. */
const QUEUE_TURN = "queue";

/** Does work that gives ranks between others, one after another: each sees what the one before gave. */
export async function takeQueue<Result>(store: Store, work: () => Promise<Result>): Promise<Result> {
  return store.turns.take(QUEUE_TURN, work);
}

/** A rank for a place among the queued jobs of a priority, `position` counted from 0 without the job itself; beyond the last is last. */
export function rankAt(store: Store, priority: number, position: number, id: string): string {
  const { start, end } = store.jobs.spanOf(priority);
  const row = store.jobs.row(id);
  const mine = (row === null ? null : store.jobs.placeOf(row))?.queue ?? 0;
  const own = mine > start && mine <= end ? mine - 1 : end;
  const othersAt = (place: number): number => (start + place < own ? start + place : start + place + 1);
  const others = end - start - (own === end ? 0 : 1);
  if (position >= others) return store.jobs.nextRank(priority);
  const before = position === 0 ? null : (store.jobs.queue[othersAt(position - 1)]?.rank ?? null);
  const [rank = ""] = ranksBetween(before, store.jobs.queue[othersAt(position)]?.rank ?? null, 1);
  return rank;
}

/** The rank of the first queued job of a priority that is none of these; null when there is no other. */
function firstRankWithout(store: Store, priority: number, ids: ReadonlySet<string>): string | null {
  const { start, end } = store.jobs.spanOf(priority);
  for (let at = start; at < end; at++) {
    const row = store.jobs.queue[at];
    if (row !== undefined && !ids.has(row.id)) return row.rank;
  }
  return null;
}

/**
 * Puts some queued jobs first, in this order, within their priorities, as one commit. Throws `job_not_found`,
 * `job_not_queued`, `validation_failed` for one that is named twice or has no place in the queue.
 */
export async function reorderQueue(store: Store, author: Authorship, ids: readonly string[]): Promise<void> {
  const moved = new Set(ids);
  if (moved.size < ids.length) {
    const seen = new Set<string>();
    const twice = ids.findIndex((id) => seen.has(id) || (seen.add(id), false));
    refuseMember("duplicate", `/job_ids/${twice}`, `Job ${ids[twice]} is named twice.`);
  }
  await takeQueue(store, async () =>
    store.ops.take(async (ahead) => {
      const wanted = ids.map((id, at) => requirePlaced(ahead, id, `/job_ids/${at}`));
      const priorities = new Set(wanted.map(({ priority }) => priorityOf(priority)));
      const jobs = [...priorities].flatMap((priority) => {
        const mine = wanted.filter((job) => priorityOf(job.priority) === priority);
        const behind = firstRankWithout(store, priority, moved);
        const ranks =
          behind === null ? mine.map(() => store.jobs.nextRank(priority)) : ranksBetween(null, behind, mine.length);
        return mine.map((job, at) => ({ ...job, rank: ranks[at] ?? "" }));
      });
      const subject = jobs.length === 1 ? `Move job ${ids[0]} first` : `Move ${jobs.length} jobs first`;
      const trailers = jobs.length === 1 ? [["Job-Id", ids[0] ?? ""] as const] : [];
      await commitToOps(ahead, author, { jobs, reorders: true }, { subject, trailers });
    }),
  );
}
