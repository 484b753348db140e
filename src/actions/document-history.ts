import { type Change, changedPointers, describeChange, leafPointers } from "../domain/change.ts";
import { DEFAULT_SHARDS } from "../domain/configuration.ts";
import { RuntreeError } from "../domain/errors.ts";
import { idProblem } from "../domain/ids.ts";
import type { JsonObject } from "../domain/json.ts";
import { documentPath } from "../domain/layout.ts";
import { readCommit, trailerOf } from "../git/commit.ts";
import type { Oid } from "../git/objects.ts";
import { blobAt, readDocumentBlob } from "../store/documents.ts";
import type { Store } from "../store/store.ts";
import { timeOf } from "./commit-at.ts";
import { rulesAt } from "./read-documents.ts";

/** Who changed something, and when: the merge on `main`, and the run that it brought; null for a commit that brought none. */
export interface Attribution {
  readonly commit: Oid;
  readonly run_id: string | null;
  readonly author: string;
  readonly at: string;
}

/** A merge that changed a document, and what it did to it. */
export interface DocumentMerge extends Attribution {
  readonly changes: readonly Change[];
}

/** A commit of `main` that changed a document, and the document before and after it; null is absent. */
interface Step {
  readonly commit: Oid;
  readonly before: JsonObject | null;
  readonly after: JsonObject | null;
}

function attribution(store: Store, commit: Oid): Attribution {
  const { author, message } = readCommit(store.reader(), commit);
  return {
    commit,
    run_id: trailerOf(message, "Run-Id"),
    author: author.name,
    at: new Date(timeOf(store, commit)).toISOString(),
  };
}

function documentAfter(store: Store, commit: Oid, collection: string, id: string): JsonObject | null {
  const shards = rulesAt(store, commit).collections.get(collection)?.shards ?? DEFAULT_SHARDS;
  const read = store.reader();
  return readDocumentBlob(read, blobAt(read, readCommit(read, commit).tree, documentPath(collection, id, shards)));
}

/** The changes of a document on `main`, newest first; none when there never was such a document. */
function* stepsOf(store: Store, collection: string, id: string): Generator<Step> {
  store.main.catchUp();
  const commits = idProblem(id) === null ? store.derived.main.documentHistory(collection, id) : [];
  // Between two changes a document stays what it was, so what one found is what the next one left.
  let after = commits[0] === undefined ? null : documentAfter(store, commits[0], collection, id);
  for (const [at, commit] of commits.entries()) {
    const earlier = commits[at + 1];
    const before = earlier === undefined ? null : documentAfter(store, earlier, collection, id);
    yield { commit, before, after };
    after = before;
  }
}

function noDocument(collection: string, id: string): RuntreeError {
  return new RuntreeError("document_not_found", `There is no document ${id} in ${collection}.`, { collection, id });
}

/**
 * The merges that changed a document, newest first, with what each did to it; of one that is deleted, too. Follows
 * `main`'s first-parent chain (DESIGN §4). Throws `document_not_found` when there never was such a document.
 */
export function documentHistory(store: Store, collection: string, id: string): DocumentMerge[] {
  const found = [...stepsOf(store, collection, id)].flatMap(({ commit, before, after }) => {
    const change = describeChange(collection, id, before, after);
    return change === null ? [] : [{ ...attribution(store, commit), changes: [change] }];
  });
  if (found.length === 0) throw noDocument(collection, id);
  return found;
}

/**
 * Which merge last changed each leaf of a document, by JSON Pointer: a field belongs to the run whose merge changed it.
 * Throws `document_not_found` when `main` does not have the document.
 */
export function documentBlame(store: Store, collection: string, id: string): Record<string, Attribution> {
  const blamed = new Map<string, Attribution | null>();
  let open = 0;
  for (const { commit, before, after } of stepsOf(store, collection, id)) {
    if (blamed.size === 0) {
      if (after === null) break;
      for (const pointer of leafPointers(after)) blamed.set(pointer, null);
      open = blamed.size;
    }
    let found: Attribution | null = null;
    for (const pointer of changedPointers(before ?? undefined, after ?? undefined)) {
      if (blamed.get(pointer) !== null) continue;
      blamed.set(pointer, (found ??= attribution(store, commit)));
      open--;
    }
    if (open === 0) return Object.fromEntries(blamed) as Record<string, Attribution>;
  }
  throw noDocument(collection, id);
}
