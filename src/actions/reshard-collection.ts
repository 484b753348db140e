import type { CollectionSettings, Configuration } from "../domain/configuration.ts";
import { RuntreeError } from "../domain/errors.ts";
import { canonicalJson, type Json } from "../domain/json.ts";
import { CONFIGURATION_FILE, documentAt, documentPath, MAIN } from "../domain/layout.ts";
import { counted } from "../domain/verdict.ts";
import { readCommit } from "../git/commit.ts";
import { encodeObject, type Oid, type ReadObject } from "../git/objects.ts";
import { editTree } from "../git/tree-edit.ts";
import { FILE_MODE, walkFiles } from "../git/tree.ts";
import { authoredCommit } from "../store/authorship.ts";
import { treeAt } from "../store/documents.ts";
import type { Store } from "../store/store.ts";

/** How many levels of folders a collection may have. */
export type Shards = NonNullable<CollectionSettings["shards"]>;

/** What became of a collection. */
export interface Resharded {
  readonly collection: string;
  readonly from: number;
  readonly to: number;
  readonly documents: number;
  /** The commit of `main` that it is; null when nothing had to be done. */
  readonly commit: Oid | null;
}

/** Where the documents of a collection lie and are to lie: paths, with the blob of each. */
interface Move {
  readonly from: string;
  readonly to: string;
  readonly blob: Oid;
}

/** Throws `corrupt_object` when something lies in the collection that is no document, or not at its place: it could be lost. */
function movesIn(read: ReadObject, tree: Oid, collection: string, from: number, to: number): Move[] {
  const folder = treeAt(read, tree, `metadata/${collection}`);
  return Array.from(walkFiles(read, folder, `metadata/${collection}/`), ({ path, entry }) => {
    const id = documentAt(path)?.id;
    if (id === undefined || entry.mode !== FILE_MODE || documentPath(collection, id, from) !== path) {
      const words = `${path} is no document at its place; mend it first, \`runtree fsck\` lists all of these.`;
      throw new RuntreeError("corrupt_object", words, { path });
    }
    return { from: path, to: documentPath(collection, id, to), blob: entry.oid };
  });
}

/** The configuration with other folders for one collection. */
function withShards(configuration: Configuration, collection: string, shards: Shards): Configuration {
  const settings = { ...configuration.collections[collection], shards };
  return { ...configuration, collections: { ...configuration.collections, [collection]: settings } };
}

/**
 * Gives a collection of `main` another number of folder levels: one commit, in which its documents lie at their new places
 * and nothing else changes, made while no run is merged. It is no merge: its only parent is `main`. Throws
 * `collection_not_found`, `corrupt_object`, and what writing throws; then nothing is done.
 */
export async function reshardCollection(
  store: Store,
  principal: string,
  collection: string,
  shards: Shards,
  progress: (words: string) => void = () => undefined,
): Promise<Resharded> {
  return store.lane.take(async (ahead) => {
    const main = ahead.main.catchUp();
    const { rules } = ahead.main;
    const from = rules.collections.get(collection)?.shards;
    if (from === undefined)
      throw new RuntreeError("collection_not_found", `There is no collection ${collection}.`, { collection });
    const done = { collection, from, to: shards, documents: ahead.main.index.count(collection) };
    if (from === shards) return { ...done, commit: null };

    const read = ahead.reader();
    const { tree } = readCommit(read, main);
    progress(`finding the new places of ${counted(done.documents, "document")}`);
    const moves = movesIn(read, tree, collection, from, shards);
    const configuration = withShards(rules.configuration, collection, shards);
    const blob = encodeObject("blob", canonicalJson(configuration as unknown as Json));
    progress("making the new folders");
    const edits = new Map<string, Oid | null>([[CONFIGURATION_FILE, blob.oid]]);
    for (const move of moves) edits.set(move.from, null).set(move.to, move.blob);
    const { root, objects } = editTree(read, tree, edits);
    const commit = authoredCommit(read, ahead.signing({ principal, idempotency: null }), {
      subject: `Reshard ${collection} from ${counted(from, "level")} of folders to ${shards}`,
      body: [`move ${counted(moves.length, "document")}, change none`],
      trailers: [["Reshard", `${collection}; ${from} to ${shards}`]],
      tree: root ?? tree,
      parents: [main],
    });
    progress(`writing ${counted(objects.length, "folder")}`);
    const refs = [{ ref: MAIN, from: main, to: commit.oid }];
    await ahead.apply({ objects: [blob, ...objects, commit], refs }, { commits: [] });
    return { ...done, documents: moves.length, commit: commit.oid };
  });
}
