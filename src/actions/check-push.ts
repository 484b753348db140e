import { type ErrorCode, RuntreeError } from "../domain/errors.ts";
import { CONFIG_COLLECTION, runRef } from "../domain/layout.ts";
import { isAtLeast, LOCAL, type Principal } from "../domain/roles.ts";
import { runIdProblem } from "../domain/run-id.ts";
import { MAX_LISTED, type Violation } from "../domain/verdict.ts";
import { boundedReader } from "../git/bounded-reader.ts";
import { readCommit } from "../git/commit.ts";
import type { Oid, ReadObject } from "../git/objects.ts";
import { artifactViolations } from "../store/artifacts.ts";
import { changedFiles, rootDotfiles } from "../store/changed-files.ts";
import { nameCollisions } from "../store/name-collisions.ts";
import { CUSTOM_JOB } from "../domain/job.ts";
import { commitViolations, goesOn } from "../store/pushed-commits.ts";
import { MOST_FILE_BYTES, pushedRecordAt, readPushedFile, tooMuchJson } from "../store/pushed-file.ts";
import { findClosedRun, findRun, type RunView } from "../store/run-view.ts";
import type { Store } from "../store/store.ts";
import { violationLine } from "./verdict-lines.ts";

/** A branch that a push would make (from null) or move. */
export interface AskedMove {
  readonly run: string;
  readonly from: Oid | null;
  readonly tip: Oid;
}

/** What a push would bring. */
export interface AskedPush {
  readonly moves: readonly AskedMove[];
  /** Reads what is not in the repository yet; null when it was not sent. */
  readonly sent: ReadObject;
  /** Bytes of the largest object that was sent as a file of its own, and of all of these; the hook measures packs. */
  readonly sizes: { readonly largest: number; readonly total: number };
}

/** Bytes that one push may bring, when unpacked (facts/reliability.md §Security); the hook says the same of packs. */
const MOST_BYTES = 200_000_000;

/** What of trees is looked at for one push: those of some twenty commits that change a thousand documents each, where there are 100,000. */
const MOST_TREES = { trees: 100_000, bytes: 512 * 1024 * 1024 };

/** What pushes are let in by. */
export interface PushLimits {
  /** How many runs of one key may be open at a time. */
  readonly openRuns: number;
  /** Throws `disk_full` while there is too little room. */
  readonly requireRoom: () => void;
}

/** A push that would be let in, if not for this. */
function refuse(code: ErrorCode, words: string): never {
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
  if (owner !== name)
    refuse(
      "forbidden",
      `run ${run} was pushed by ${owner}, and only they push to it, not ${name}; push to a run id of your own`,
    );
  return null;
}

/** What is wrong with what a branch would bring, as far as it is refused at the door. Throws what does not lie in a file. */
function violationsOf(
  store: Store,
  { role, name }: Principal,
  read: ReadObject,
  { run, from, tip }: AskedMove,
  spent: { bytes: number },
): Violation[] {
  const bases = store.main.history.mergeBases(tip, read);
  if (bases.length === 0) {
    const begin = `begin it at main (git switch -c runs/${run} origin/main)`;
    refuse("forbidden", `runs/${run} has no commit in common with main; ${begin}`);
  }
  const { record, violations: told } = pushedRecordAt(read, tip);
  const job = record.job_id === CUSTOM_JOB ? null : store.jobs.row(record.job_id);
  if (record.job_id !== CUSTOM_JOB && job === null)
    refuse("job_not_found", `there is no job ${record.job_id}; name one that there is in run.json, or custom`);
  if (job !== null && job.executor !== "external")
    refuse(
      "job_not_external",
      `job ${job.id} is worked on by the executor ${job.executor}; name a job for agents, or custom`,
    );
  const tree = readCommit(read, tip).tree;
  const { history, tree: main, rules } = store.main;
  const dotfiles = rootDotfiles(read, main);
  const hidden = commitViolations({ read, history, run, from, tip, dotfiles });
  // What does not even lie where it may is not looked into.
  if (hidden.length > 0) return hidden;
  const trees = bases.map((base) => readCommit(read, base).tree);
  const { files, violations } = changedFiles({ read, runId: run, bases: trees, main, run: tree, mainRules: rules });
  // What git does with a clone is everybody's, too.
  const settings = files.find(
    ({ kind, path: at }) => kind === "configuration" || kind === "schema" || at.startsWith("."),
  );
  if (settings !== undefined && !isAtLeast(role, "steward"))
    refuse("forbidden", `${settings.path} is changed by stewards only; the key of ${name} has the role ${role}`);
  const tooMuch = tooMuchJson(read, files, spent);
  if (tooMuch !== null) return [...told, tooMuch];
  const inside = files.flatMap(({ kind, named, path, theirs }) =>
    theirs === null || kind === "file"
      ? []
      : readPushedFile(read, theirs, named ?? { collection: CONFIG_COLLECTION, id: path }).violations,
  );
  const artifacts = artifactViolations(read, run, files);
  return [...told, ...violations, ...artifacts, ...inside, ...nameCollisions(read, tree, files)];
}

/** Throws where a push is more than one may bring. */
function requireRoom(
  store: Store,
  { name, key }: Principal,
  { moves, sizes }: AskedPush,
  { openRuns, requireRoom: requireDisk }: PushLimits,
): void {
  requireDisk();
  const { largest, total } = sizes;
  if (largest > MOST_FILE_BYTES)
    refuse("too_large", `the push brings an object of ${largest} bytes; ${MOST_FILE_BYTES} is the most`);
  if (total > MOST_BYTES)
    refuse("too_large", `the push brings ${total} bytes when unpacked; ${MOST_BYTES} is the most`);
  const opened = moves.filter(({ from }) => from === null).length;
  const open = store.runs.openCountOf(name);
  if (key !== null && opened > 0 && open + opened > openRuns)
    refuse("too_many_runs", `${name} has ${open} open runs; ${openRuns} is the most`);
}

/**
 * Looks at what a push would bring, before git moves a branch. Returns why it is refused, a line each; none where it is
 * let in, and then it is noted whose the new branches are. Nothing else is written.
 */
export async function checkPush(
  store: Store,
  principal: Principal,
  asked: AskedPush,
  limits: PushLimits,
): Promise<string[]> {
  const { moves, sent } = asked;
  const below = store.reader();
  const read = boundedReader((oid) => sent(oid) ?? below(oid), MOST_TREES);
  try {
    requireRoom(store, principal, asked, limits);
    store.main.catchUp();
    const spent = { bytes: 0 };
    const violations = moves.flatMap((move) => {
      const { run, from, tip } = move;
      const problem = runIdProblem(run, store.clock());
      if (problem !== null) refuse("bad_request", `runs/${run}: ${problem}`);
      if (requireOwn(store, principal, move) !== null) return [];
      if (from !== null && !goesOn(store.main.history, read, from, tip)) {
        const instead = "add commits instead of rewriting those that were pushed";
        refuse("forbidden", `runs/${run} does not go on from ${from}; ${instead}`);
      }
      return violationsOf(store, principal, read, move, spent);
    });
    if (violations.length > 0) {
      const lines = violations.slice(0, MAX_LISTED).map(violationLine);
      const why = `runtree: refused: ${violations.length} violations; nothing is written, mend and push again`;
      // A commit that takes something back still brings the one that had it.
      const how =
        "runtree: to take a file out of the commits themselves: git reset --soft origin/main, and commit again";
      return violations.some(({ code }) => code === "forbidden_path") ? [...lines, how, why] : [...lines, why];
    }
    const pushed = moves.map(({ run, tip }) => ({ id: run, tip }));
    // What nobody's name is noted for is the local person's anyway.
    await store.pushes.note(pushed, principal.name, principal.name !== LOCAL.name);
    return [];
  } catch (error) {
    if (!(error instanceof RuntreeError)) throw error;
    return [`runtree: refused: ${error.code}: ${error.message}`];
  }
}
