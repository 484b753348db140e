import type { Authorship } from "../store/authorship.ts";
import { bringToEnd } from "../store/gate.ts";
import type { RunView } from "../store/run-view.ts";
import type { Store } from "../store/store.ts";
import { advanceRun, onBranch } from "./advance-run.ts";
import type { Precondition } from "./patch-run.ts";
import { requireRun, runClosed } from "./refusal.ts";

/** Closes an open run without a merge; its work stays reachable in the attic. Throws `run_not_found`, `run_closed`, `precondition_failed`. */
export async function cancelRun(
  store: Store,
  author: Authorship,
  id: string,
  reason: string | undefined,
  precondition: Precondition,
): Promise<RunView> {
  requireRun(store, id);
  return store.turns.take(`run ${id}`, async () => {
    let view = requireRun(store, id);
    precondition(view);
    // As in patchRun: it said done, and the verdict is still owed.
    view = await bringToEnd(store, author, view);
    if (view.place !== "open") throw runClosed(view);
    const at = new Date(store.clock()).toISOString();
    const message = reason ?? `cancelled by ${author.principal}`;
    return advanceRun(store, author, {
      ...onBranch(store, view),
      files: null,
      lines: [message],
      notices: [],
      record: {
        ...view.record,
        status: "cancelled",
        updated_at: at,
        completed_at: at,
        error: { code: "cancelled", message },
      },
      subject: `Close run ${id} as cancelled`,
    });
  });
}
