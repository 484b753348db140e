import { RuntreeError } from "../domain/errors.ts";
import { CONFIG_COLLECTION, runRef } from "../domain/layout.ts";
import { isAtLeast, type Principal } from "../domain/roles.ts";
import { MAX_LISTED, type Violation } from "../domain/verdict.ts";
import { readCommit, readParents } from "../git/commit.ts";
import type { Oid, ReadObject } from "../git/objects.ts";
import { changedFiles } from "../store/changed-files.ts";
import { nameCollisions } from "../store/name-collisions.ts";
import { CUSTOM_JOB } from "../store/ops.ts";
import { pushedRecordAt, readPushedFile, tooMuchJson } from "../store/pushed-file.ts";
import { findClosedRun, findRun, type RunView } from "../store/run-view.ts";
import type { Store } from "../store/store.ts";
import { violationLine } from "./verdict-lines.ts";

/** A branch that a push would make (from null) or move. */
export interface AskedMove {
  readonly run: string;
  readonly from: Oid | null;
  readonly tip: Oid;
}

/** What pushes are let in by. */
export interface PushLimits {
  /** How many runs of one key may be open at a time. */
  readonly openRuns: number;
  /** Throws `disk_full` while there is too little room. */
  readonly requireRoom: () => void;
}

/** A push that would be let in, if not for this. */
function refuse(code: "forbidden" | "run_closed" | "run_exists" | "job_not_found" | "busy", words: string): never {
  throw new RuntreeError(code, words);
}

/** Throws where somebody may not make or move a branch, whatever is on it. Returns the run that is closed at this very tip; null for any other. */
function requireOwn(store: Store, { name }: Principal, { run, from, tip }: AskedMove): RunView | null {
  const closed = findClosedRun(store.repository, run);
  if (closed !== null) {
    if (closed.head === tip) return closed;
    return refuse(
      "run_closed",
      `run ${run} is closed (${closed.record.status}) at ${closed.head}; push to a new run id to go on`,
    );
  }
  const noted = from === null ? null : store.pushes.pusherOf({ id: run, tip: from });
  const view = findRun(store.repository, run);
  if (view !== null && view.record.origin !== "push" && noted === null)
    refuse("run_exists", `run ${run} was opened over REST; submit to it there, or push a run of your own`);
  if (store.repository.ref(runRef(run)) !== from)
    refuse("busy", `run ${run} was moved by somebody else just now; fetch it and push again`);
  const owner = view?.record.origin === "push" ? view.record.created_by : (noted ?? name);
  if (owner !== name) refuse("forbidden", `run ${run} was pushed by ${owner}, and only they push to it, not ${name}`);
  return null;
}

/** Tells whether a commit is one that another goes on from, as far as that can be told without walking `main`: git looks again. */
function goesOn(store: Store, read: ReadObject, from: Oid, tip: Oid): boolean {
  const { history } = store.main;
  const [seen, open] = [new Set<Oid>(), [tip]];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (at === from || (history.contains(from) && history.contains(at))) return true;
    if (seen.has(at) || history.contains(at)) continue;
    seen.add(at);
    open.push(...readParents(read, at));
  }
  return false;
}

/** What is wrong with what a branch would bring, as far as it is refused at the door. Throws what does not lie in a file. */
function violationsOf(
  store: Store,
  { role, name }: Principal,
  read: ReadObject,
  { run, tip }: AskedMove,
  spent: { bytes: number },
): Violation[] {
  const bases = store.main.history.mergeBases(tip, read);
  if (bases.length === 0)
    refuse(
      "forbidden",
      `runs/${run} has no commit in common with main; begin it at main (git switch -c runs/${run} origin/main)`,
    );
  const { record, violations: told } = pushedRecordAt(read, tip);
  if (record.job_id !== CUSTOM_JOB && store.jobs.find(record.job_id) === null)
    refuse("job_not_found", `there is no job ${record.job_id}; name one that there is in run.json, or custom`);
  const tree = readCommit(read, tip).tree;
  const { files, violations } = changedFiles({
    read,
    runId: run,
    bases: bases.map((base) => readCommit(read, base).tree),
    main: store.main.tree,
    run: tree,
    mainRules: store.main.rules,
  });
  const settings = files.find(({ kind }) => kind === "configuration" || kind === "schema");
  if (settings !== undefined && !isAtLeast(role, "steward"))
    refuse("forbidden", `${settings.path} is changed by stewards only; the key of ${name} has the role ${role}`);
  const tooMuch = tooMuchJson(read, files, spent);
  if (tooMuch !== null) return [...told, tooMuch];
  const inside = files.flatMap(({ kind, named, path, theirs }) =>
    theirs === null || kind === "file"
      ? []
      : readPushedFile(read, theirs, named ?? { collection: CONFIG_COLLECTION, id: path }).violations,
  );
  return [...told, ...violations, ...inside, ...nameCollisions(read, tree, files)];
}

/**
 * Looks at what a push would bring, before git moves a branch; nothing is written. `sent` reads what is not in the
 * repository yet. Returns why it is refused, a line each; none where it is let in.
 */
export function checkPush(
  store: Store,
  principal: Principal,
  moves: readonly AskedMove[],
  sent: ReadObject,
  { openRuns, requireRoom }: PushLimits,
): string[] {
  const below = store.reader();
  const read: ReadObject = (oid) => sent(oid) ?? below(oid);
  try {
    requireRoom();
    store.main.catchUp();
    const opened = moves.filter(({ from }) => from === null).length;
    const open = store.runs.openCountOf(principal.name);
    if (principal.key !== null && opened > 0 && open + opened > openRuns)
      throw new RuntreeError("too_many_runs", `${principal.name} has ${open} open runs; ${openRuns} is the most`);
    const spent = { bytes: 0 };
    const violations = moves.flatMap((move) => {
      const { run, from, tip } = move;
      if (requireOwn(store, principal, move) !== null) return [];
      if (from !== null && !goesOn(store, read, from, tip))
        refuse(
          "forbidden",
          `runs/${run} does not go on from what was pushed before; add commits instead of rewriting them`,
        );
      return violationsOf(store, principal, read, move, spent);
    });
    if (violations.length === 0) return [];
    return [
      ...violations.slice(0, MAX_LISTED).map(violationLine),
      `runtree: refused: ${violations.length} violations; nothing is written, mend and push again`,
    ];
  } catch (error) {
    if (!(error instanceof RuntreeError)) throw error;
    return [`runtree: refused: ${error.code}: ${error.message}`];
  }
}
