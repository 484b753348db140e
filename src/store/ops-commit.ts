import { canonicalJson, type Json } from "../domain/json.ts";
import { OPS } from "../domain/layout.ts";
import { readCommit } from "../git/commit.ts";
import { encodeObject } from "../git/objects.ts";
import { editTree } from "../git/tree-edit.ts";
import { EMPTY_TREE, EMPTY_TREE_OBJECT } from "../git/tree.ts";
import { authoredCommit, type Authorship, type CommitText } from "./authorship.ts";
import type { Learned, Store } from "./store.ts";

/** Writes files onto `ops` as one commit; null removes a file. The caller holds the turn of `ops`. Throws `ref_moved`. */
export async function commitToOps(
  store: Store,
  author: Authorship,
  files: ReadonlyMap<string, Json | null>,
  text: CommitText,
  learned: Omit<Learned, "commits">,
): Promise<void> {
  const read = store.reader();
  const head = store.repository.ref(OPS);
  const blobs = [...files].map(([path, value]) => ({
    path,
    blob: value === null ? null : encodeObject("blob", canonicalJson(value)),
  }));
  const tree = head === null ? null : readCommit(read, head).tree;
  const { root, objects } = editTree(read, tree, new Map(blobs.map(({ path, blob }) => [path, blob?.oid ?? null])));
  const commit = authoredCommit(read, store.signing(author), {
    ...text,
    tree: root ?? EMPTY_TREE,
    parents: head === null ? [] : [head],
  });
  const fresh = [...blobs.flatMap(({ blob }) => blob ?? []), ...(root === null ? [EMPTY_TREE_OBJECT] : [])];
  const group = { objects: [...fresh, ...objects, commit], refs: [{ ref: OPS, from: head, to: commit.oid }] };
  await store.apply(group, { ...learned, commits: [commit.oid] });
}
