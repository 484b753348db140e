import { RUNS } from "../domain/layout.ts";
import { dropClosedBranch, judge } from "./gate.ts";
import { receivePush } from "./pushed-run.ts";
import type { RunView } from "./run-view.ts";
import type { Store } from "./store.ts";

/** Whose a branch is when nobody noted who moved it: that of the person at this machine. */
const NOBODY = "local";

/**
 * Takes what was pushed to a run's branch: its record follows the tip, and where that says done the gate judges it. The
 * branch of a run that is closed goes again. Returns the run as it then stands; null when there is no such branch. The
 * caller holds the run's turn. Throws what `judge` throws.
 */
export async function takePush(store: Store, id: string): Promise<RunView | null> {
  const closed = await dropClosedBranch(store, id);
  const view = closed ?? (await receivePush(store, store.pushes.pusherOf(id) ?? NOBODY, id));
  if (view === null) return null;
  store.pushes.forget(id);
  if (view.place !== "open" || view.record.status !== "merging") return view;
  return judge(store, { principal: view.record.created_by, idempotency: null }, id);
}

/** Takes what was pushed while nobody listened, one run after another; one that fails is told and keeps nobody waiting. */
export async function takeLeftPushes(store: Store, report: (message: string) => void): Promise<void> {
  for (const id of store.pushes.ids()) {
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
  for (const id of store.pushes.ids()) if (store.repository.ref(RUNS + id) === null) store.pushes.forget(id);
}
