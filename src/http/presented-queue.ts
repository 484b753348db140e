import { LRUCache } from "lru-cache";
import type { JobRow } from "../store/job-row.ts";
import type { Store } from "../store/store.ts";
import { placeMembers, presentJob } from "./present-job.ts";

/** Characters of queued jobs' JSON that are kept. */
const MOST_KEPT = 8 * 1024 * 1024;

/** The JSON of queued jobs but for their places, by the blobs of their records, for the templates of each index. */
const KEPT = new WeakMap<object, LRUCache<string, string>>();

/** The JSON of a queued job: only its place changes while its record and its template stay. */
function presentedJob(store: Store, row: JobRow): string {
  const key: object = store.templates.find(row.template ?? "") ?? store.templates;
  let kept = KEPT.get(key);
  if (kept === undefined)
    KEPT.set(key, (kept = new LRUCache({ maxSize: MOST_KEPT, sizeCalculation: ({ length }) => length })));
  let text = kept.get(row.blob);
  if (text === undefined) {
    const { position: _, queue_position: __, ...members } = presentJob(store, store.jobs.read(row));
    kept.set(row.blob, (text = JSON.stringify(members).slice(0, -1)));
  }
  return `${text},${JSON.stringify(placeMembers(store, row.id)).slice(1)}`;
}

/** The JSON of the queue, with these of the jobs that wait. */
export function presentedQueue(store: Store, waiting: readonly JobRow[]): Buffer {
  const running = store.jobs.running().map((row) => JSON.stringify(presentJob(store, store.jobs.read(row))));
  const items = waiting.map((row) => presentedJob(store, row));
  const total = store.jobs.queue.length;
  return Buffer.from(`{"running":[${running.join()}],"reserved":0,"items":[${items.join()}],"total":${total}}`);
}
