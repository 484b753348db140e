import { LRUCache } from "lru-cache";
import { readableVerdict } from "../actions/readable-verdict.ts";
import type { Wire } from "../contract/wire.ts";
import { runRef } from "../domain/layout.ts";
import { isDone } from "../domain/run.ts";
import type { RunIndex } from "../store/run-index.ts";
import type { RunView } from "../store/run-view.ts";
import type { Store } from "../store/store.ts";
import { presentInvocation } from "./present-invocation.ts";
import { runFacts } from "./present-job.ts";

/** The merge of a run as clients see it. */
function presentMerge(store: Store, view: RunView): Wire<"run#Run">["merge"] {
  const verdict = readableVerdict(store, view);
  return verdict === null ? null : { commit: verdict.main_after ?? null, verdict };
}

/** A run as clients see it (WIRE §1). */
export function presentRun(store: Store, view: RunView): Wire<"run#Run"> {
  const { record, head } = view;
  const self = `/runs/${record.id}`;
  const completed = record.completed_at ?? null;
  return {
    id: record.id,
    run_id: record.id,
    origin: record.origin,
    job_id: record.job_id,
    done: isDone(record.status),
    status: record.status,
    branch: runRef(record.id).slice("refs/heads/".length),
    head,
    base: record.base,
    created_at: record.created_at,
    started_at: record.started_at ?? null,
    updated_at: record.updated_at,
    completed_at: completed,
    finished_at: completed,
    created_by: record.created_by,
    metadata: record.metadata,
    contract_id: record.contract_id ?? null,
    pipeline_name: record.pipeline_name ?? null,
    pipeline_id: record.pipeline_id ?? null,
    template_id: record.template_id ?? null,
    params: record.params ?? null,
    mode: record.mode ?? null,
    executor: record.executor ?? "external",
    invocation: presentInvocation(store, record),
    warnings: record.warnings,
    notices: record.notices,
    validations: record.validations,
    submissions: record.submissions,
    merge: presentMerge(store, view),
    error: record.error ?? null,
    ...runFacts(store, view),
    retry_of: record.retry_of ?? null,
    attempt: record.attempt ?? 1,
    alias: null,
    links: { self, diff: `${self}/diff`, commits: `${self}/commits`, validations: `${self}/validations` },
  };
}

/** Bytes of closed runs' JSON that are kept, for lists; a closed run never changes. */
const MOST_CLOSED = 8 * 1024 * 1024;

/** Closed runs as clients see them, by tag, for the runs of each repository. */
const CLOSED = new WeakMap<RunIndex, LRUCache<string, Buffer>>();

/** The JSON of a run as clients see it. */
export function presentedRun(store: Store, view: RunView): Buffer {
  // What is said of an invocation changes by later ones.
  if (view.place === "open" || view.record.invocation !== undefined) return jsonOf(store, view);
  let closed = CLOSED.get(store.runs);
  if (closed === undefined)
    CLOSED.set(store.runs, (closed = new LRUCache({ maxSize: MOST_CLOSED, sizeCalculation: ({ length }) => length })));
  const tag = runTag(view);
  let known = closed.get(tag);
  if (known === undefined) closed.set(tag, (known = jsonOf(store, view)));
  return known;
}

function jsonOf(store: Store, view: RunView): Buffer {
  const text = JSON.stringify(presentRun(store, view));
  // Bytes of their own: a slice of a pool would keep all of that.
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text);
  return bytes;
}

/** The entity tag of a run: its tip and its status. */
export function runTag({ head, record }: RunView): string {
  return `${head}.${record.status}`;
}
