import { ATTIC, resultsRef, RUN_FILE, runRecordPath, runRef, VERDICT_FILE } from "../domain/layout.ts";
import { canonicalJson, type Json } from "../domain/json.ts";
import { isClosed, type RunRecord } from "../domain/run.ts";
import { readCommit } from "../git/commit.ts";
import { type EncodedObject, encodeObject, type Oid } from "../git/objects.ts";
import type { RefMove } from "../git/refs.ts";
import type { WriteGroup } from "../git/repository.ts";
import { editFurther, editTree } from "../git/tree-edit.ts";
import { EMPTY_TREE, EMPTY_TREE_OBJECT } from "../git/tree.ts";
import { authoredCommit, type Authorship, type CommitText, PUSHED_BY } from "./authorship.ts";
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
  /** When it goes to the disk, and is told, where that is not as usual. */
  readonly sync?: Pick<WriteGroup, "early" | "together">;
}

/** Edits files in a tree; null removes one. `objects` are those that the new tree needs and the old one does not have. */
export function editFiles(
  store: Store,
  tree: Oid,
  files: ReadonlyMap<string, string | Buffer | null>,
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

/** Who pushed a run, as a trailer; none for a run that was not pushed. Its own commits are not ours, and never read for trailers. */
export function pushedBy({ origin, created_by }: RunRecord): (readonly [string, string])[] {
  return origin === "push" ? [[PUSHED_BY, created_by]] : [];
}

/** The trailers that every commit of a run carries. */
export function runTrailers(
  record: RunRecord,
  more: readonly (readonly [string, string])[] = [],
): (readonly [string, string])[] {
  return [["Run-Id", record.id], ["Job-Id", record.job_id], ...more];
}

/** A run's next commit, not written yet: what moves to it, and what moves besides when the run is thereby closed. */
interface RunStep {
  readonly view: RunView;
  readonly objects: readonly EncodedObject[];
  readonly move: RefMove;
  readonly closing: readonly RefMove[];
  /** Commits that requests are remembered by. */
  readonly commits: readonly Oid[];
}

function branchStep(store: Store, author: Authorship, commit: BranchCommit): RunStep {
  const { record } = commit;
  const edited = putRecord(store, { tree: commit.tree, objects: commit.objects ?? [] }, RUN_FILE, record);
  const tip = authoredCommit(store.reader(), store.signing(author), {
    ...commit.text,
    tree: edited.tree,
    parents: commit.parents,
  });
  const [ref, from] = [runRef(record.id), commit.from?.head ?? null];
  return {
    view: { record, blob: edited.blob, head: tip.oid, place: "open" },
    objects: [...edited.objects, tip],
    move: { ref, from, to: tip.oid },
    closing: [{ ref, from, to: null }],
    commits: [tip.oid],
  };
}

/** The commit that opens a run, not written yet, for whoever writes it with something else. */
export function openedBranch(
  store: Store,
  author: Authorship,
  commit: Omit<BranchCommit, "from">,
): { objects: readonly EncodedObject[]; refs: readonly RefMove[]; learned: { run: RunView; commits: readonly Oid[] } } {
  const { view, objects, move, commits } = branchStep(store, author, { ...commit, from: null });
  return { objects, refs: [move], learned: { run: view, commits } };
}

/** What a pushed run's next record and verdict are written as: beside its branch, which only pushes move. */
export function resultStep(
  store: Store,
  author: Authorship,
  record: RunRecord & { readonly head: Oid },
  text: CommitText,
): RunStep {
  const [ref, from] = [resultsRef(record.id), store.repository.ref(resultsRef(record.id))];
  const verdict = record.merge?.verdict;
  const files = new Map([
    [RUN_FILE, encodeRecord(record)],
    ...(verdict === undefined ? [] : [[VERDICT_FILE, canonicalJson(verdict as unknown as Json)] as const]),
  ]);
  const { tree, objects } = editFiles(store, EMPTY_TREE, files);
  const commit = authoredCommit(store.reader(), store.signing({ ...author, idempotency: null }), {
    ...text,
    tree,
    parents: from === null ? [] : [from],
  });
  const blob = encodeObject("blob", encodeRecord(record)).oid;
  const move = { ref, from, to: commit.oid };
  return {
    view: { record, blob, head: record.head, place: "open" },
    objects: [...objects, commit],
    move,
    closing: [move, { ref: runRef(record.id), from: record.head, to: null, contested: true }],
    commits: [],
  };
}

/**
 * Writes one commit on a run's branch and moves the branch to it; of a pushed run beside its branch. A record in a closed
 * status closes the run: in the same group the attic takes the tip and the branch goes. Returns the run as it then stands.
 */
export async function commitOnBranch(store: Store, author: Authorship, commit: BranchCommit): Promise<RunView> {
  const { record, text } = commit;
  const { view, objects, move, closing, commits } =
    record.origin === "push" && record.head !== undefined
      ? resultStep(store, author, { ...record, head: record.head }, text)
      : branchStep(store, author, commit);
  if (!isClosed(record.status)) {
    const early = record.origin === "push" ? ({ early: true } as const) : {};
    await store.apply({ objects, refs: [move], ...early, ...commit.sync }, { run: view, commits });
    return view;
  }
  return store.attic.take(async (ahead) => {
    const closed = intoAttic(ahead, author, { ...record, head: view.head }, objects);
    const inAttic: RunView = { record: closed.record, blob: closed.blob, head: view.head, place: "attic" };
    const refs = [closed.move, ...closing];
    await ahead.apply({ objects: [...objects, ...closed.objects], refs }, { run: inAttic, commits });
    return inAttic;
  });
}

interface AtticStep {
  readonly objects: readonly EncodedObject[];
  readonly move: RefMove;
}

/** The attic's next commit: its parents are the attic, which begins with an empty commit, and a tip to keep; files are added to its tree. */
function atticStep(
  store: Store,
  author: Authorship,
  { tip, files, ...text }: CommitText & { readonly tip: Oid; readonly files: ReadonlyMap<string, Oid> },
  objects: readonly EncodedObject[],
): AtticStep {
  const from = store.repository.ref(ATTIC);
  const begun = from === null ? beginAttic(store) : [];
  const read = store.reader([...objects, ...begun]);
  const attic = from ?? begun.at(-1)?.oid ?? "";
  const edited = editTree(read, readCommit(read, attic).tree, files);
  const commit = authoredCommit(read, store.signing({ ...author, idempotency: null }), {
    ...text,
    tree: edited.root ?? EMPTY_TREE,
    parents: [attic, tip],
  });
  return { objects: [...begun, ...edited.objects, commit], move: { ref: ATTIC, from, to: commit.oid } };
}

/** Keeps a run that closes without a merge: its tip, and its record where it would lie on `main`. */
function intoAttic(
  store: Store,
  author: Authorship,
  record: RunRecord & { readonly head: Oid },
  objects: readonly EncodedObject[],
): AtticStep & { readonly record: RunRecord; readonly blob: Oid } {
  const blob = encodeObject("blob", encodeRecord(record));
  const text = {
    subject: `Keep ${record.status} run ${record.id}`,
    body: record.error === undefined ? [] : [record.error.message],
    trailers: runTrailers(record, pushedBy(record)),
  };
  const files = new Map([[runRecordPath(record.id), blob.oid]]);
  const step = atticStep(store, author, { ...text, tip: record.head, files }, objects);
  return { ...step, objects: [blob, ...step.objects], record, blob: blob.oid };
}

/** What keeps a commit that came to the branch of a run when that was closed. */
export function keepLateTip(store: Store, record: RunRecord, tip: Oid): AtticStep {
  const text = {
    subject: `Keep what came to run ${record.id} after it was closed`,
    trailers: runTrailers(record, pushedBy(record)),
  };
  return atticStep(store, { principal: record.created_by, idempotency: null }, { ...text, tip, files: new Map() }, []);
}

function beginAttic(store: Store): EncodedObject[] {
  const author = { principal: store.node, idempotency: null };
  const text = { subject: "Begin the attic", trailers: [], tree: EMPTY_TREE, parents: [] };
  return [EMPTY_TREE_OBJECT, authoredCommit(store.reader(), store.signing(author), text)];
}
