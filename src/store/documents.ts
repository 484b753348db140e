import { RuntreeError } from "../domain/errors.ts";
import { isObject, type Json, type JsonObject } from "../domain/json.ts";
import { documentAt } from "../domain/layout.ts";
import type { Oid, ReadObject } from "../git/objects.ts";
import { diffTrees, type FileChange, findEntry, isTree, walkFiles } from "../git/tree.ts";
import { nameOf } from "./standing.ts";

/** The bytes of a blob. Throws `corrupt_object` when it is missing. */
export function readBlob(read: ReadObject, oid: Oid): Buffer {
  const object = read(oid);
  if (object?.type !== "blob")
    throw new RuntreeError("corrupt_object", `Blob ${oid} is missing; run \`git fsck\`.`, { oid });
  return object.data;
}

/** The JSON value of a blob that a gate let in. Throws `corrupt_object` when it is not JSON. */
export function readJsonBlob(read: ReadObject, oid: Oid): Json {
  const bytes = readBlob(read, oid);
  try {
    return JSON.parse(bytes.toString("utf8")) as Json;
  } catch (error) {
    throw new RuntreeError("corrupt_object", `Blob ${oid} is not JSON.`, { oid }, error);
  }
}

/** The document whose blob this is; null for no blob, or when it holds something that is not an object. */
export function readDocumentBlob(read: ReadObject, oid: Oid | null): JsonObject | null {
  const value = oid === null ? null : readJsonBlob(read, oid);
  return isObject(value) ? value : null;
}

/** The same of a blob that no gate let in: null when it is not even JSON. Throws `corrupt_object` when it is missing. */
export function documentIn(read: ReadObject, oid: Oid | null): JsonObject | null {
  const text = oid === null ? "null" : readBlob(read, oid).toString("utf8");
  try {
    const value = JSON.parse(text) as Json;
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

/** The blob at a path of a tree; null when there is none. */
export function blobAt(read: ReadObject, tree: Oid | null, path: string): Oid | null {
  const entry = findEntry(read, tree, path);
  return entry === null || isTree(entry) ? null : entry.oid;
}

/** The folder at a path of a tree; null when there is none. */
export function treeAt(read: ReadObject, tree: Oid | null, path: string): Oid | null {
  const entry = findEntry(read, tree, path);
  return entry !== null && isTree(entry) ? entry.oid : null;
}

/** Every document of one collection in a tree, in the order of the paths, without reading their bytes. */
export function* documentsIn(
  read: ReadObject,
  tree: Oid,
  collection: string,
): Generator<{ path: string; id: string; oid: Oid }> {
  const folder = treeAt(read, tree, `metadata/${collection}`);
  for (const { path, entry } of walkFiles(read, folder, `metadata/${collection}/`)) {
    const named = documentAt(path);
    if (named !== null) yield { path, id: named.id, oid: entry.oid };
  }
}

/** A document that differs between two trees, with its blobs; null where it is absent. */
export interface DocumentChange {
  readonly collection: string;
  readonly id: string;
  readonly before: Oid | null;
  readonly after: Oid | null;
}

/**
 * The documents that differ between two trees, of any collection; null is the tree without documents. One that only lies
 * in another folder does not differ.
 */
export function changedDocuments(read: ReadObject, before: Oid | null, after: Oid | null): Iterable<DocumentChange> {
  const [old, now] = [treeAt(read, before, "metadata"), treeAt(read, after, "metadata")];
  const changes = documentsOf(diffTrees(read, old, now, "metadata/"));
  // A whole tree is read piece by piece.
  return before === null || after === null ? changes : joined(changes);
}

/** The documents that files are, in their order. */
function* documentsOf(files: Iterable<FileChange>): Generator<DocumentChange> {
  for (const { path, before, after } of files) {
    const named = documentAt(path);
    if (named !== null) yield { ...named, before: before?.oid ?? null, after: after?.oid ?? null };
  }
}

/** Changes of files as changes of what they are: what went from one path and came at another is one change, or none. */
export function joined(changes: Iterable<DocumentChange>): DocumentChange[] {
  const byName = new Map<string, DocumentChange>();
  for (const change of changes) {
    const name = nameOf(change);
    const other = byName.get(name);
    byName.set(
      name,
      other === undefined
        ? change
        : { ...change, before: other.before ?? change.before, after: change.after ?? other.after },
    );
  }
  return [...byName.values()].filter(({ before, after }) => before !== after);
}
