import { type Change, describeChange } from "../domain/change.ts";
import type { JsonObject } from "../domain/json.ts";
import { CONFIG_COLLECTION, CONFIGURATION_FILE, documentAt, resultsRef, SCHEMA_PATH } from "../domain/layout.ts";
import { listed, type Violation } from "../domain/verdict.ts";
import { readCommit, subjectOf, trailerOf } from "../git/commit.ts";
import type { Oid, ReadObject } from "../git/objects.ts";
import { diffTrees } from "../git/tree.ts";
import { documentIn, type DocumentChange, joined } from "../store/documents.ts";
import { VALIDATION } from "../store/authorship.ts";
import { ownCommits } from "../store/pushed-run.ts";
import { recordAt, type RunView } from "../store/run-view.ts";
import { nameOf } from "../store/standing.ts";
import type { Store } from "../store/store.ts";
import { requireRun } from "./refusal.ts";

/** A change with the document on both sides; absent where it did not exist. */
export interface DocumentDiff extends Change {
  readonly before?: JsonObject;
  readonly after?: JsonObject;
}

/** The JSON files that differ between two trees, named as documents or as files of the configuration. */
function* namedFiles(read: ReadObject, before: Oid, after: Oid): Generator<DocumentChange> {
  for (const file of diffTrees(read, before, after)) {
    const known = file.path === CONFIGURATION_FILE || SCHEMA_PATH.test(file.path);
    const name = documentAt(file.path) ?? (known ? { collection: CONFIG_COLLECTION, id: file.path } : null);
    if (name !== null) yield { ...name, before: file.before?.oid ?? null, after: file.after?.oid ?? null };
  }
}

/** What differs between two trees, wherever each has it. */
function* documentDiffs(read: ReadObject, before: Oid, after: Oid): Generator<DocumentDiff> {
  for (const { collection, id, ...blobs } of joined(namedFiles(read, before, after))) {
    const [old, now] = [documentIn(read, blobs.before), documentIn(read, blobs.after)];
    const change = describeChange(collection, id, old, now);
    if (change === null) continue;
    yield { ...change, ...(old === null ? {} : { before: old }), ...(now === null ? {} : { after: now }) };
  }
}

/** What a run changes, from where it parted from `main` to its tip. Throws `run_not_found`. */
export function runDiff(store: Store, id: string): { base: Oid; head: Oid; changes: DocumentDiff[] } {
  const { record, head } = requireRun(store, id);
  const read = store.reader();
  const found = documentDiffs(read, readCommit(read, record.base).tree, readCommit(read, head).tree);
  return { base: record.base, head, changes: [...found] };
}

export interface RunCommit {
  readonly commit: Oid;
  readonly author: string;
  readonly at: string;
  readonly subject: string;
  readonly changes: readonly Change[];
}

/** The changes of one commit; of a merge commit those that neither parent has, so what came from `main` is not in it. */
function commitChanges(read: ReadObject, oid: Oid): Change[] {
  const { tree, parents } = readCommit(read, oid);
  const [first = [], ...others] = parents.map((parent) => [
    ...documentDiffs(read, readCommit(read, parent).tree, tree),
  ]);
  const inAll = first.filter((change) =>
    others.every((diffs) => diffs.some((diff) => nameOf(diff) === nameOf(change))),
  );
  return inAll.map(({ collection, id, op, pointers }) => ({ collection, id, op, pointers }));
}

/** A run's own commits, newest first. Throws `run_not_found`. */
export function runCommits(store: Store, id: string): RunCommit[] {
  const view = requireRun(store, id);
  const read = store.reader();
  return [...ownCommits(store, view)].map((commit) => {
    const { author, message } = readCommit(read, commit);
    return {
      commit,
      author: author.name,
      at: new Date(author.seconds * 1000).toISOString(),
      subject: subjectOf(message),
      changes: commitChanges(read, commit),
    };
  });
}

export interface RunValidation {
  readonly id: string;
  readonly commit: Oid;
  readonly status: "passed" | "warned" | "failed";
  readonly recorded_at: string;
  readonly violations: readonly Violation[];
  readonly violation_count: number;
}

/** Our commits about a run, newest first, but for its merge: on its branch, or for a pushed run beside it. */
function* recordingCommits(store: Store, view: RunView): Generator<Oid> {
  if (view.record.origin !== "push") return yield* ownCommits(store, view);
  for (let at = store.repository.ref(resultsRef(view.record.id)); at !== null;) {
    yield at;
    at = readCommit(store.reader(), at).parents[0] ?? null;
  }
}

/** Every check that a run's commits record, the gate's included, newest first. Throws `run_not_found`. */
export function runValidations(store: Store, id: string): RunValidation[] {
  const view = requireRun(store, id);
  const read = store.reader();
  const merge = view.place === "merged" ? store.mergeCommitOf(view.head) : null;
  const commits = [...(merge === null ? [] : [merge]), ...recordingCommits(store, view)];
  return commits.flatMap((commit) => {
    const status = trailerOf(readCommit(read, commit).message, VALIDATION)?.split(";")[0];
    if (status !== "passed" && status !== "warned" && status !== "failed") return [];
    const record = commit === merge ? view.record : recordAt(store.repository, commit);
    const count = record?.warning_count ?? 0;
    const { violations } = listed(record?.warnings ?? []);
    return [
      {
        id: commit,
        commit,
        status,
        recorded_at: record?.updated_at ?? view.record.updated_at,
        violations,
        violation_count: count,
      },
    ];
  });
}
