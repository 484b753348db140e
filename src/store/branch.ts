import { ATTIC, RUN_FILE, runRecordPath, runRef } from "../domain/layout.ts";
import { isClosed, type RunRecord } from "../domain/run.ts";
import { readCommit } from "../git/commit.ts";
import { type EncodedObject, encodeObject, type Oid } from "../git/objects.ts";
import type { RefMove } from "../git/refs.ts";
import { editFurther, editTree } from "../git/tree-edit.ts";
import { EMPTY_TREE, EMPTY_TREE_OBJECT } from "../git/tree.ts";
import { authoredCommit, type Authorship, type CommitText } from "./authorship.ts";
import { encodeRecord, type RunView } from "./run-view.ts";
import type { Store } from "./store.ts";

/** A commit to be made on a run's branch. */
export interface BranchCommit {
  /** The run as it stands; null when this commit opens it. */
  readonly from: Pick<RunView, "head"> | null;
  readonly parents: readonly Oid[];
  /** The branch's tree, but for the record. */
  readonly tree: Oid;
  /** Objects of that tree which are not written yet. */
  readonly objects?: readonly EncodedObject[];
  readonly record: RunRecord;
  readonly text: CommitText;
}

/** Edits files in a tree; null removes one. `objects` are those that the new tree needs and the old one does not have. */
export function editFiles(
  store: Store,
  tree: Oid,
  files: ReadonlyMap<string, string | null>,
): { tree: Oid; objects: EncodedObject[] } {
  if (files.size === 0) return { tree, objects: [] };
  const blobs = [...files].map(([path, text]) => ({ path, blob: text === null ? null : encodeObject("blob", text) }));
  const edits = new Map(blobs.map(({ path, blob }) => [path, blob?.oid ?? null]));
  const { root, objects, replaced } = editTree(store.reader(), tree, edits);
  const encoded = blobs.flatMap(({ blob }) => (blob === null ? [] : fromReplaced(blob, replaced)));
  return { tree: root ?? EMPTY_TREE, objects: [...encoded, ...objects] };
}

/** A file as what differs from the one whose place it takes: most submissions change little of a document, and less of the record. */
function fromReplaced(blob: EncodedObject, replaced: ReadonlyMap<Oid, Oid>): EncodedObject {
  const base = replaced.get(blob.oid);
  return base === undefined || base === blob.oid ? blob : { ...blob, base };
}

/** Puts a run's record into a tree that is not written yet. `blob` is the record's, `objects` are all that the new tree needs. */
export function putRecord(
  store: Store,
  { tree, objects }: { readonly tree: Oid; readonly objects: readonly EncodedObject[] },
  path: string,
  record: RunRecord,
): { tree: Oid; blob: Oid; objects: EncodedObject[] } {
  const blob = encodeObject("blob", encodeRecord(record));
  const edited = editFurther(store.reader(), { root: tree, objects }, new Map([[path, blob.oid]]));
  return { tree: edited.root, blob: blob.oid, objects: [fromReplaced(blob, edited.replaced), ...edited.objects] };
}

/** The trailers that every commit of a run carries. */
export function runTrailers(
  record: RunRecord,
  more: readonly (readonly [string, string])[] = [],
): (readonly [string, string])[] {
  return [["Run-Id", record.id], ["Job-Id", record.job_id], ...more];
}

/**
 * Writes one commit on a run's branch and moves the branch to it. A record in a closed status closes the run:
 * in the same group the attic takes the tip and the branch goes. Returns the run as it then stands.
 */
export async function commitOnBranch(store: Store, author: Authorship, commit: BranchCommit): Promise<RunView> {
  const { record } = commit;
  const edited = putRecord(store, { tree: commit.tree, objects: commit.objects ?? [] }, RUN_FILE, record);
  const tip = authoredCommit(store.reader(), store.signing(author), {
    ...commit.text,
    tree: edited.tree,
    parents: commit.parents,
  });
  const objects = [...edited.objects, tip];
  const ref = runRef(record.id);
  const from = commit.from?.head ?? null;
  if (!isClosed(record.status)) {
    const view: RunView = { record, blob: edited.blob, head: tip.oid, place: "open" };
    await store.apply({ objects, refs: [{ ref, from, to: tip.oid }] }, { run: view, commits: [tip.oid] });
    return view;
  }
  return store.attic.take(async (ahead) => {
    const closed = intoAttic(ahead, author, { ...record, head: tip.oid }, objects);
    const view: RunView = { record: closed.record, blob: closed.blob, head: tip.oid, place: "attic" };
    const refs = [closed.move, { ref, from, to: null }];
    await ahead.apply({ objects: [...objects, ...closed.objects], refs }, { run: view, commits: [tip.oid] });
    return view;
  });
}

/** The attic's next commit: its parents are the attic, which begins with an empty commit, and the closed tip; its tree keeps the record. */
function intoAttic(
  store: Store,
  author: Authorship,
  record: RunRecord & { readonly head: Oid },
  objects: readonly EncodedObject[],
): AtticStep {
  const from = store.repository.ref(ATTIC);
  const begun = from === null ? beginAttic(store) : [];
  const read = store.reader([...objects, ...begun]);
  const attic = from ?? begun.at(-1)?.oid ?? "";
  const blob = encodeObject("blob", encodeRecord(record));
  const edited = editTree(read, readCommit(read, attic).tree, new Map([[runRecordPath(record.id), blob.oid]]));
  const commit = authoredCommit(read, store.signing({ ...author, idempotency: null }), {
    subject: `Keep ${record.status} run ${record.id}`,
    body: record.error === undefined ? [] : [record.error.message],
    trailers: runTrailers(record),
    tree: edited.root ?? EMPTY_TREE,
    parents: [attic, record.head],
  });
  return {
    record,
    blob: blob.oid,
    objects: [...begun, blob, ...edited.objects, commit],
    move: { ref: ATTIC, from, to: commit.oid },
  };
}

interface AtticStep {
  readonly record: RunRecord;
  readonly blob: Oid;
  readonly objects: readonly EncodedObject[];
  readonly move: RefMove;
}

function beginAttic(store: Store): EncodedObject[] {
  const author = { principal: store.node, idempotency: null };
  const text = { subject: "Begin the attic", trailers: [], tree: EMPTY_TREE, parents: [] };
  return [EMPTY_TREE_OBJECT, authoredCommit(store.reader(), store.signing(author), text)];
}
