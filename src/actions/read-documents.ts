import { DEFAULT_SHARDS } from "../domain/configuration.ts";
import { RuntreeError } from "../domain/errors.ts";
import { idProblem } from "../domain/ids.ts";
import { byUnit, type JsonObject } from "../domain/json.ts";
import { documentPath } from "../domain/layout.ts";
import { readCommit } from "../git/commit.ts";
import type { Oid } from "../git/objects.ts";
import { documentsIn, readBlob, readDocumentBlob, treeAt } from "../store/documents.ts";
import type { RuledCollection, Rules } from "../store/rules.ts";
import type { Store } from "../store/store.ts";
import { branchRules } from "../store/submission.ts";
import { commitAt, timeOf } from "./commit-at.ts";

/** The rules that a commit's own tree has; those of `main` where it has none that can be used. */
export function rulesAt(store: Store, commit: Oid): Rules {
  const { main } = store;
  return commit === main.commit ? main.rules : branchRules(store, readCommit(store.reader(), commit).tree);
}

function collectionAt(store: Store, commit: Oid, name: string): RuledCollection {
  const collection = rulesAt(store, commit).collections.get(name);
  if (collection === undefined)
    throw new RuntreeError("collection_not_found", `There is no collection ${name}.`, { collection: name });
  return collection;
}

/** A document with the commit it was read at; the entity tag is its blob's id. */
export interface ReadDocument {
  readonly commit: Oid;
  readonly etag: Oid;
  readonly bytes: Buffer;
}

/** Reads one document. Throws `collection_not_found`, `document_not_found`, and what `commitAt` throws. */
export function readDocument(store: Store, collection: string, id: string, at: string | undefined): ReadDocument {
  const commit = commitAt(store, at);
  const { shards } = collectionAt(store, commit, collection);
  const read = store.reader();
  const oid =
    idProblem(id) === null
      ? store.blobAt(readCommit(read, commit).tree, documentPath(collection, id, shards ?? DEFAULT_SHARDS))
      : null;
  if (oid === null)
    throw new RuntreeError("document_not_found", `There is no document ${id} in ${collection}.`, { collection, id });
  return { commit, etag: oid, bytes: readBlob(read, oid) };
}

export interface DocumentPage {
  readonly commit: Oid;
  readonly total: number;
  /** Tells whether items follow the page. */
  readonly more: boolean;
  readonly items: readonly { readonly id: string; readonly etag: Oid; readonly document: JsonObject }[];
}

/** Reads a page of a collection in the order of the ids. Throws `collection_not_found` and what `commitAt` throws. */
export function listDocuments(
  store: Store,
  collection: string,
  page: {
    readonly limit: number;
    readonly offset: number;
    readonly after?: string | null;
    readonly at: string | undefined;
  },
): DocumentPage {
  const commit = commitAt(store, page.at);
  const { shards } = collectionAt(store, commit, collection);
  const read = store.reader();
  const { index } = store.derived.main;
  const after = page.after ?? null;
  // One more than the page has tells whether anything follows.
  const wanted = { offset: page.offset, limit: page.limit + 1, after };
  let names: readonly { readonly id: string; readonly oid: Oid | null }[];
  let total: number;
  if (commit === store.derived.main.commit) {
    const { tree } = readCommit(read, commit);
    total = index.count(collection);
    names = index
      .ids(collection, wanted)
      .map((id) => ({ id, oid: store.blobAt(tree, documentPath(collection, id, shards)) }));
  } else {
    const all = [...documentsIn(read, readCommit(read, commit).tree, collection)].sort((left, right) =>
      byUnit(left.id, right.id),
    );
    total = all.length;
    const rest = after === null ? all : all.filter(({ id }) => id > after);
    names = rest.slice(wanted.offset, wanted.offset + wanted.limit);
  }
  const items = names
    .slice(0, page.limit)
    .flatMap(({ id, oid }) => (oid === null ? [] : [{ id, etag: oid, document: readDocumentBlob(read, oid) ?? {} }]));
  return { commit, total, items, more: names.length > page.limit };
}

/** The collections of `main`, by name, with how many documents each has. */
export function listCollections(
  store: Store,
): { name: string; schema: string | null; shards: number; documents: number }[] {
  store.main.catchUp();
  return [...store.main.rules.collections.values()]
    .map(({ name, schema, shards }) => ({ name, schema, shards, documents: store.main.index.count(name) }))
    .sort((left, right) => (left.name < right.name ? -1 : 1));
}

/** What lies in the repository at a commit: how many documents each collection has, and the tree that they are. */
export interface State {
  readonly commit: Oid;
  readonly at: string;
  readonly collections: Readonly<Record<string, { readonly documents: number; readonly tree: Oid | null }>>;
}

/** Reads the state that `?at=` names, of every collection that the rules there know. Throws what `commitAt` throws. */
export function readState(store: Store, at: string | undefined): State {
  const commit = commitAt(store, at);
  const read = store.reader();
  const { tree } = readCommit(read, commit);
  const { index } = store.derived.main;
  const onMain = commit === store.derived.main.commit;
  const found = [...rulesAt(store, commit).collections.keys()].sort(byUnit).map((name) => {
    const documents = onMain ? index.count(name) : [...documentsIn(read, tree, name)].length;
    return [name, { documents, tree: treeAt(read, tree, `metadata/${name}`) }] as const;
  });
  return { commit, at: new Date(timeOf(store, commit)).toISOString(), collections: Object.fromEntries(found) };
}
