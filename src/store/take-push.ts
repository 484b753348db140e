import { setTimeout as pause } from "node:timers/promises";
import { hasCode } from "../domain/errors.ts";
import { RESULTS, runRef } from "../domain/layout.ts";
import { dropClosedBranch } from "./closed-branch.ts";
import { judge } from "./gate.ts";
import { readPush, receivePush } from "./pushed-run.ts";
import { findClosedRun, type RunView } from "./run-view.ts";
import type { Store } from "./store.ts";

/** How long (ms) a run may be judged before its record says so. */
const SOON_MS = 200;

/**
 * Takes what was pushed to a run's branch: its record follows the tip, and where that says done the gate judges it. The
 * branch of a run that is closed goes again. Returns the run as it then stands; null when there is no such branch. The
 * caller holds the run's turn. Throws what `judge` throws.
 */
export async function takePush(store: Store, id: string): Promise<RunView | null> {
  const tip = store.repository.ref(runRef(id));
  const taken = (await dropClosedBranch(store, id)) ?? (await takeOpen(store, id));
  for (const each of new Set([tip, taken?.head ?? null])) if (each !== null) store.pushes.forget({ id, tip: each });
  return taken;
}

async function takeOpen(store: Store, id: string): Promise<RunView | null> {
  const view = readPush(store, id);
  if (view?.record.status !== "merging") return receivePush(store, id);
  const judging = judge(store, { principal: view.record.created_by, idempotency: null }, id);
  const isJudged = judging.then(
    () => true,
    () => true,
  );
  // A verdict that comes at once is one write; others see meanwhile what a longer one is about.
  if ((await Promise.race([isJudged, pause(SOON_MS, false)])) === false) {
    await receivePush(store, id).catch((error: unknown) => {
      if (!hasCode(error, "ref_moved")) throw error;
    });
  }
  return judging;
}

/** Does something for each run whose branch is where somebody noted to push it; what fails is told and keeps nobody waiting. */
async function forEachNoted(
  store: Store,
  report: (message: string) => void,
  work: (id: string) => Promise<void>,
): Promise<void> {
  for (const { id, tip } of store.pushes.all()) {
    // Of what is not there git may be about to move the branch.
    if (store.repository.ref(runRef(id)) !== tip) continue;
    try {
      await work(id);
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      report(`what was pushed to run ${id} is left for later: ${words}`);
    }
  }
}

/** Takes what was pushed while nobody listened, one run after another. */
export async function takeLeftPushes(store: Store, report: (message: string) => void): Promise<void> {
  await forEachNoted(store, report, async (id) => {
    const view = await store.turns.take(`run ${id}`, async () => takePush(store, id));
    if (view !== null) report(`took what was pushed to run ${id}: ${view.record.status}`);
  });
}

/**
 * Writes the records of what was pushed while nobody listened, before anybody else sees these branches: what they say of
 * themselves does not count. Lets go of notes about pushes that git refused in the end. Only while nobody can push.
 */
export async function receiveLeftPushes(store: Store, report: (message: string) => void): Promise<void> {
  await forEachNoted(store, report, async (id) => void (await receivePush(store, id)));
  for (const pushed of store.pushes.all())
    if (store.repository.ref(runRef(pushed.id)) !== pushed.tip) store.pushes.forget(pushed);
}

/** How long (ms) the verdict of a pushed run is kept beside it after it closed (DESIGN §2). */
const RESULT_MS = 30 * 24 * 60 * 60 * 1000;

/** Drops the results of pushed runs that closed long ago; what they say of the last tip is in the run's record. Throws what `Store.apply` throws. */
export async function dropOldResults(store: Store): Promise<void> {
  for (const [ref, from] of store.repository.refs(RESULTS)) {
    const id = ref.slice(RESULTS.length);
    const closed = store.repository.ref(runRef(id)) === null ? findClosedRun(store.repository, id) : null;
    const at = Date.parse(closed?.record.completed_at ?? "");
    if (closed === null || !(at < store.clock() - RESULT_MS)) continue;
    await store.apply({ objects: [], refs: [{ ref, from, to: null }] }, { commits: [] });
  }
}
