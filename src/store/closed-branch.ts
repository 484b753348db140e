import { runRef } from "../domain/layout.ts";
import type { RefMove } from "../git/refs.ts";
import { keepLateTip } from "./branch.ts";
import { goesOn } from "./pushed-commits.ts";
import { findClosedRun, type RunView } from "./run-view.ts";
import type { Store } from "./store.ts";

/**
 * Removes the branch of a run whose record is closed already: an error of the machine came between two ref moves, or the
 * branch was pushed again. A tip that the closed one does not have is kept in the attic.
 * Returns the run as it is closed, or null when it is open.
 */
export async function dropClosedBranch(store: Store, id: string): Promise<RunView | null> {
  const closed = findClosedRun(store.repository, id);
  if (closed === null) return null;
  const ref = runRef(id);
  const from = store.repository.ref(ref);
  if (from === null) return closed;
  const pushed = closed.record.origin === "push";
  store.main.catchUp();
  const gone: RefMove = { ref, from, to: null, ...(pushed ? { contested: true } : {}) };
  const learned = { run: closed, commits: [] };
  if (goesOn(store.main.history, store.reader(), from, closed.head))
    await store.apply({ objects: [], refs: [gone] }, learned);
  else
    await store.attic.take(async (ahead) => {
      const { objects, move } = keepLateTip(ahead, closed.record, from);
      await ahead.apply({ objects, refs: [move, gone] }, learned);
    });
  return closed;
}
