import { runRef } from "../domain/layout.ts";
import { dropClosedBranch, judge } from "./gate.ts";
import { receivePush } from "./pushed-run.ts";
import type { RunView } from "./run-view.ts";
import type { PushedTip } from "../git/push-notes.ts";
import type { Store } from "./store.ts";

/**
 * Takes what was pushed to a run's branch: its record follows the tip, and where that says done the gate judges it. The
 * branch of a run that is closed goes again. Returns the run as it then stands; null when there is no such branch. The
 * caller holds the run's turn. Throws what `judge` throws.
 */
export async function takePush(store: Store, id: string): Promise<RunView | null> {
  const tip = store.repository.ref(runRef(id));
  const closed = await dropClosedBranch(store, id);
  const view = closed ?? (await receivePush(store, id));
  if (tip !== null) store.pushes.forget({ id, tip });
  if (view === null) return null;
  if (view.place !== "open" || view.record.status !== "merging") return view;
  return judge(store, { principal: view.record.created_by, idempotency: null }, id);
}

/** Takes what was pushed while nobody listened, one run after another; one that fails is told and keeps nobody waiting. */
export async function takeLeftPushes(store: Store, report: (message: string) => void): Promise<void> {
  for (const pushed of store.pushes.all()) {
    const { id } = pushed;
    // Of what is not there git may be about to move the branch.
    if (!cameThrough(store, pushed)) continue;
    try {
      const view = await store.turns.take(`run ${id}`, async () => takePush(store, id));
      if (view !== null) report(`took what was pushed to run ${id}: ${view.record.status}`);
    } catch (error) {
      report(
        `what was pushed to run ${id} is left for later: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }
}

/** Lets go of notes about pushes that were refused after they were noted. Only while nobody can push. */
export function forgetRefused(store: Store): void {
  for (const pushed of store.pushes.all()) if (!cameThrough(store, pushed)) store.pushes.forget(pushed);
}

/** Tells whether the branch of a run is where somebody noted to push it. */
function cameThrough(store: Store, { id, tip }: PushedTip): boolean {
  return store.repository.ref(runRef(id)) === tip;
}
