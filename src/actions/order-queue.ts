import { type JobRecord, priorityOf } from "../domain/job.ts";
import { rankBetween } from "../domain/queue-order.ts";
import type { Authorship } from "../store/authorship.ts";
import { commitToOps } from "../store/ops-commit.ts";
import type { Store } from "../store/store.ts";
import { refuseMember } from "./refusal.ts";
import { findLatest, requirePlaced } from "./require-job.ts";

/** The turn of whoever gives ranks between others. */
const QUEUE_TURN = "queue";

/** Does work that gives ranks between others, one after another: each sees what the one before gave. */
export async function takeQueue<Result>(store: Store, work: () => Promise<Result>): Promise<Result> {
  return store.turns.take(QUEUE_TURN, work);
}

/** A rank, and the other jobs of its priority whose ranks change with it. */
interface Placed {
  readonly rank: string;
  readonly others: readonly JobRecord[];
}

/** Up to how many characters a rank has. Each move between the same two makes it longer. */
const LONGEST_RANK = 64;

/**
 * A rank for a place among the queued jobs of a priority, `position` counted from 0 without the job itself; beyond the last
 * is last. For work in the lane of `ops` by whoever holds the queue.
 */
export function placeAt(store: Store, ahead: Store, priority: number, position: number, id: string): Placed {
  const { queue } = store.jobs;
  const { start, end } = store.jobs.spanOf(priority);
  const row = store.jobs.row(id);
  const mine = (row === null ? null : store.jobs.placeOf(row))?.queue ?? 0;
  const own = mine > start && mine <= end ? mine - 1 : end;
  const othersAt = (place: number): number => (start + place < own ? start + place : start + place + 1);
  const others = end - start - (own === end ? 0 : 1);
  if (position === 0) return { rank: store.jobs.firstRanks(priority, 1)[0] ?? "", others: [] };
  if (position >= others) return { rank: store.jobs.nextRank(priority), others: [] };
  const rank = rankBetween(queue[othersAt(position - 1)]?.rank ?? null, queue[othersAt(position)]?.rank ?? null);
  if (rank.length <= LONGEST_RANK) return { rank, others: [] };
  const ids = Array.from({ length: others }, (_, place) => queue[othersAt(place)]?.id ?? "");
  return freshRanks(store, ahead, priority, ids.toSpliced(position, 0, id), id);
}

/** Gives all queued jobs of a priority short ranks, in this order. */
function freshRanks(store: Store, ahead: Store, priority: number, ids: readonly string[], id: string): Placed {
  const ranks = store.jobs.firstRanks(priority, ids.length);
  const others = ids.flatMap((other, at) => {
    const job = other === id ? null : findLatest(ahead, other);
    const waits = job !== null && job.run_id === undefined && job.ended === undefined;
    return waits ? [{ ...job, rank: ranks[at] ?? "" }] : [];
  });
  return { rank: ranks[ids.indexOf(id)] ?? "", others };
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
        const ranks = store.jobs.firstRanks(priority, mine.length);
        return mine.map((job, at) => ({ ...job, rank: ranks[at] ?? "" }));
      });
      const subject = jobs.length === 1 ? `Move job ${ids[0]} first` : `Move ${jobs.length} jobs first`;
      const trailers = jobs.length === 1 ? [["Job-Id", ids[0] ?? ""] as const] : [];
      await commitToOps(ahead, author, { jobs, reorders: true }, { subject, trailers });
    }),
  );
}
