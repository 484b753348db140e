import { LRUCache } from "lru-cache";
import type { JobRow } from "../store/job-row.ts";
import type { Store } from "../store/store.ts";
import { thatFit } from "./list-answer.ts";
import { placeMembers, presentJob } from "./present-job.ts";

/** Bytes of queued jobs' JSON that are kept. */
const MOST_KEPT = 8 * 1024 * 1024;

/** The JSON of queued jobs but for their places, by the blobs of their records, for the templates of each index. */
const KEPT = new WeakMap<object, LRUCache<string, Buffer>>();

/** The JSON of a queued job but for its place, which is to follow: only that changes while its record and its template stay. */
function presentedJob(store: Store, row: JobRow): Buffer {
  const key: object = store.templates.find(row.template ?? "") ?? store.templates;
  let kept = KEPT.get(key);
  if (kept === undefined)
    KEPT.set(key, (kept = new LRUCache({ maxSize: MOST_KEPT, sizeCalculation: ({ length }) => length })));
  let bytes = kept.get(row.blob);
  if (bytes === undefined) {
    const { position: _, queue_position: __, ...members } = presentJob(store, store.jobs.read(row));
    kept.set(row.blob, (bytes = Buffer.from(JSON.stringify(members).slice(0, -1))));
  }
  return bytes;
}

/** Puts pieces together; texts are ASCII. To join texts and then encode them makes three times the garbage. */
function together(pieces: readonly (Buffer | string)[]): Buffer {
  const bytes = Buffer.allocUnsafe(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces)
    at += typeof piece === "string" ? bytes.write(piece, at, "latin1") : piece.copy(bytes, at);
  return bytes;
}

/** The JSON of the queue, with as many of these of the jobs that wait as fit into it, and how many those are. */
export function presentedQueue(
  store: Store,
  waiting: readonly JobRow[],
): { readonly body: Buffer; readonly taken: number } {
  const running = store.jobs.running().map((row) => JSON.stringify(presentJob(store, store.jobs.read(row))));
  const { taken, pieces: jobs } = thatFit(waiting, (row) => presentedJob(store, row));
  const pieces: (Buffer | string)[] = [Buffer.from(`{"running":[${running.join()}],"reserved":0,"items":[`)];
  for (const [at, job] of jobs.entries()) {
    const place = `,${JSON.stringify(placeMembers(store, waiting[at]?.id ?? "")).slice(1)}`;
    pieces.push(job, at === jobs.length - 1 ? place : `${place},`);
  }
  return { body: together([...pieces, `],"total":${store.jobs.queue.length}}`]), taken };
}
