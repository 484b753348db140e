import { RuntreeError } from "../domain/errors.ts";
import { oneLine } from "../git/commit.ts";
import type { Oid } from "../git/objects.ts";
import { within } from "../git/within.ts";
import { judgeLaterOnce } from "../store/judge-later.ts";
import { takePush } from "../store/take-push.ts";
import { findRun, type RunView } from "../store/run-view.ts";
import type { Store } from "../store/store.ts";
import { readableVerdict } from "./readable-verdict.ts";
import { conflictLine, violationLine } from "./verdict-lines.ts";

/** How long (ms) a push waits for its verdict (WIRE §8). */
const WAIT_MS = 10_000;

/** A branch that a push moved. */
export interface JudgedMove {
  readonly run: string;
  readonly tip: Oid;
}

/** What whoever pushed a tip hears of it (WIRE §8). */
function linesOf(store: Store, view: RunView, tip: Oid): string[] {
  const { record, head } = view;
  const verdict = readableVerdict(store, view);
  if (head !== tip) {
    const known = verdict === null ? [] : [`runtree: ${JSON.stringify(verdict)}`];
    const where = `your commit ${tip} is kept on the server, and not part of it; make it part of a new run`;
    return [...known, `runtree: run ${record.id} is ${record.status} at ${head}: ${where}`];
  }
  const found = record.warnings.map(violationLine);
  if (record.status === "rejected" && record.error !== undefined) {
    const { code, message } = record.error;
    return [...found, `runtree: ${code}: ${oneLine(message)}`, rejected(record.warning_count, 0)];
  }
  if (verdict === null || verdict.tip !== tip) {
    const ended = record.error === undefined ? record.status : `${record.status}: ${oneLine(record.error.message)}`;
    return view.place === "open"
      ? [
          ...found,
          ...record.notices.map(({ message }) => `runtree: ${oneLine(message)}`),
          `runtree: kept, ${record.warning_count} warnings`,
        ]
      : [`runtree: run ${record.id} is ${ended}`];
  }
  const { outcome, violations, violation_count, conflicts } = verdict;
  return [
    `runtree: ${JSON.stringify(verdict)}`,
    ...violations.map(violationLine),
    ...conflicts.map(conflictLine),
    outcome === "merged" ? `runtree: merged ${verdict.main_after ?? ""}` : rejected(violation_count, conflicts.length),
  ];
}

function rejected(violations: number, conflicts: number): string {
  return `runtree: rejected, ${violations} violations, ${conflicts} conflicts; mend and push again`;
}

/** Does work on a run when its turn has come. */
export type TakeTurn = (run: string, work: () => Promise<RunView | null>) => Promise<RunView | null>;

async function judgeMove(store: Store, { run, tip }: JudgedMove, take: TakeTurn): Promise<string[]> {
  let view: RunView | null = null;
  let failure: unknown;
  const judged = take(run, async () => takePush(store, run)).then(
    (taken) => (view = taken ?? findRun(store.repository, run)),
    (error: unknown) => (failure = error),
  );
  await within(judged, WAIT_MS);
  if (failure !== undefined) {
    const principal = findRun(store.repository, run)?.record.created_by ?? store.node;
    judgeLaterOnce(store, { principal, idempotency: null }, run);
    const words = failure instanceof RuntreeError ? `${failure.code}: ${failure.message}` : "internal error";
    return [`runtree: not judged yet (${oneLine(words)}); it is tried again, look at the run later`];
  }
  if (view !== null) return linesOf(store, view, tip);
  return [`runtree: still being judged; git fetch origin refs/runtree/results/${run}`];
}

/**
 * Takes what a push brought, has what is done judged, all at once, and tells the verdicts in the lines of WIRE §8, in
 * the order of the branches. What is not judged in time goes on. `take` gives each its turn.
 */
export async function judgePush(store: Store, moves: readonly JudgedMove[], take: TakeTurn): Promise<string[]> {
  const told = await Promise.all(moves.map(async (move) => judgeMove(store, move, take)));
  return told.flat();
}
