import type { JobRow } from "../store/job-row.ts";
import type { Store } from "../store/store.ts";

/** Times in ms: the middle, the 95th of a hundred (nearest rank), and the longest; 0 where there are none. */
export interface Times {
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

export interface QueueStats {
  readonly queued: number;
  readonly running: number;
  readonly waiting_ms: Times;
  readonly running_ms: Times;
  readonly completed_last_hour: number;
  readonly failed_last_hour: number;
}

const HOUR_MS = 3_600_000;

function timesOf(rows: readonly JobRow[], now: number, since: (row: JobRow) => number): Times {
  const times = Float64Array.from(rows, (row) => Math.max(0, now - since(row))).sort();
  const at = (share: number): number => times[Math.max(0, Math.ceil(times.length * share) - 1)] ?? 0;
  return { p50: at(0.5), p95: at(0.95), max: at(1) };
}

/** How the queue is doing: how long those wait that wait now, how long those run that run now, and what ended within an hour. */
export function queueStats(store: Store): QueueStats {
  const now = store.clock();
  const [queued, running] = [store.jobs.queue, store.jobs.running()];
  const endedLately = { completed: 0, failed: 0 };
  for (const { ended, endedAt } of store.jobs.newestFirst()) {
    if (endedAt === null || endedAt < now - HOUR_MS) continue;
    if (ended === "completed" || ended === "failed") endedLately[ended]++;
  }
  return {
    queued: queued.length,
    running: running.length,
    waiting_ms: timesOf(queued, now, ({ created }) => created),
    running_ms: timesOf(running, now, ({ started }) => started ?? now),
    completed_last_hour: endedLately.completed,
    failed_last_hour: endedLately.failed,
  };
}
