import type { Authorship } from "./authorship.ts";
import { bringToEnd } from "./gate.ts";
import { findRun } from "./run-view.ts";
import type { Store } from "./store.ts";

/** The run's turn, and what goes on about it after its request was answered. */
function nameOf(runId: string): string {
  return `run ${runId}`;
}

/**
 * Has a run that is `merging` judged when its turn comes, and returns at once. What refuses it stands in its record; what
 * the machine is to blame for is reported and tried again, and at the latest by the next start. The store's end waits for it.
 */
export function judgeLater(store: Store, author: Authorship, runId: string): void {
  store.later.begin(nameOf(runId), async () =>
    store.turns.take(nameOf(runId), async () => {
      const view = findRun(store.repository, runId);
      if (view !== null) await bringToEnd(store, author, view);
    }),
  );
}

/** The same, unless it is under way already. */
export function judgeLaterOnce(store: Store, author: Authorship, runId: string): void {
  if (!store.later.isGoing(nameOf(runId))) judgeLater(store, author, runId);
}
