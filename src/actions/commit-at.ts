import { RuntreeError } from "../domain/errors.ts";
import { runRecordPath } from "../domain/layout.ts";
import { isRunId } from "../domain/run-id.ts";
import { readTime } from "../domain/time.ts";
import { readCommit, trailerOf } from "../git/commit.ts";
import { isOid, type Oid } from "../git/objects.ts";
import { blobAt, readDocumentBlob } from "../store/documents.ts";
import { findRun } from "../store/run-view.ts";
import type { Store } from "../store/store.ts";

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;
const TAG = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$/;

const ABBREVIATED = /^[0-9a-f]{7,39}$/;

function nothingAt(at: string, what: string): RuntreeError {
  return new RuntreeError("not_found", `at=${at.slice(0, 100)}: ${what}`, { at });
}

/** When a commit of `main` was made, in ms since 1970: a merge's record says it more exactly than the commit's seconds. */
export function timeOf(store: Store, commit: Oid): number {
  const read = store.reader();
  const { committer, message, tree } = readCommit(read, commit);
  const runId = trailerOf(message, "Run-Id");
  const record =
    runId !== null && isRunId(runId) ? readDocumentBlob(read, blobAt(read, tree, runRecordPath(runId))) : null;
  const completed = record?.["completed_at"];
  return typeof completed === "string" ? Date.parse(completed) : committer.seconds * 1000;
}

/**
 * The newest commit of `main` not after a time in ms; undefined when `main` began later. A commit is never dated before
 * its parent, so the chain is halved again and again until only commits of the wanted second are left to look at.
 */
function commitAtTime(store: Store, ms: number): Oid | undefined {
  store.main.catchUp();
  const { history } = store.main;
  const read = store.reader();
  const secondsAt = (place: number): number => readCommit(read, history.at(place) ?? "").committer.seconds;
  let [low, high] = [0, history.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (secondsAt(middle) * 1000 <= ms) low = middle + 1;
    else high = middle;
  }
  for (let place = low - 1; place >= 0; place--) {
    const commit = history.at(place) ?? "";
    if (secondsAt(place) * 1000 + 1000 <= ms || timeOf(store, commit) <= ms) return commit;
  }
  return undefined;
}

/** The commit of `main` whose id begins so. Throws `not_found` when there is none, or more than one. */
function abbreviatedCommit(store: Store, at: string): Oid {
  store.main.catchUp();
  const [found, another] = store.main.history.startingWith(at);
  if (found !== undefined && another === undefined) return found;
  throw nothingAt(
    at,
    found === undefined ? "no commit of main begins so, and no tag is called so." : "several commits of main begin so.",
  );
}

/**
 * The commit that `?at=` names: a commit id (of `main` also abbreviated, from 7 digits), a tag, an RFC 3339 time (the
 * newest merge not after it) or `run:<id>`; `main` when it is absent. Throws `not_found` or `run_not_found` when it names
 * nothing, `bad_request` when it is none of these.
 */
export function commitAt(store: Store, given: string | undefined): Oid {
  if (given === undefined) return store.main.catchUp();
  const read = store.reader();
  // A "+" that was not encoded arrives as a space.
  const at = given.replace(/ (?=\d{2}:\d{2}$)/, "+");
  if (at.startsWith("run:")) {
    const id = at.slice("run:".length);
    const view = findRun(store.repository, id);
    if (view === null) throw new RuntreeError("run_not_found", `There is no run ${id.slice(0, 100)}.`, { at });
    return view.head;
  }
  if (isOid(at)) {
    if (read(at)?.type === "commit") return at;
    throw nothingAt(at, "there is no such commit.");
  }
  const time = TIME.test(at) ? readTime(at) : null;
  if (time !== null) {
    const found = commitAtTime(store, time);
    if (found === undefined) throw nothingAt(at, "main did not exist yet.");
    return found;
  }
  if (!TAG.test(at) || at.includes("..")) {
    throw new RuntreeError("bad_request", "at must be a commit id, a tag, an RFC 3339 time or run:<id>.", { at });
  }
  const tag = store.repository.ref(`refs/tags/${at}`);
  for (let oid = tag, depth = 0; oid !== null && depth < 8; depth++) {
    const object = read(oid);
    if (object?.type === "commit") return oid;
    oid = object?.type === "tag" ? (/^object ([0-9a-f]{40})$/m.exec(object.data.toString("utf8"))?.[1] ?? null) : null;
  }
  if (tag === null && ABBREVIATED.test(at)) return abbreviatedCommit(store, at);
  throw nothingAt(
    at,
    "there is no such tag; give a commit id, an RFC 3339 time such as 2026-01-31T12:00:00Z, or run:<id>.",
  );
}
