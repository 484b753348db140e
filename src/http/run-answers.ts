import type { Wire } from "../contract/wire.ts";
import type { RunView } from "../store/run-view.ts";
import type { Store } from "../store/store.ts";
import type { Answer } from "./handler.ts";
import { presentRun, runTag } from "./present.ts";

/** A run with its entity tag. */
export function runAnswer(store: Store, view: RunView): Answer<Wire<"run#Run">> {
  return { body: presentRun(store, view), etag: runTag(view), view };
}

/** A run that was made just now, or by an earlier try of the same request. */
export function madeRunAnswer(store: Store, view: RunView): Answer<Wire<"run#Run">> {
  return { ...runAnswer(store, view), headers: { Location: `/runs/${view.record.id}` } };
}

/** A run that is still to be judged, as the client preferred. */
export function laterAnswer(store: Store, view: RunView): Answer<Wire<"run#Run">> {
  const headers = { Location: `/runs/${view.record.id}`, "Preference-Applied": "respond-async" };
  return { ...runAnswer(store, view), status: 202, headers };
}
