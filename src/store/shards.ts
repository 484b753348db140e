import { type Configuration, DEFAULT_SHARDS } from "../domain/configuration.ts";
import { isObject, type Json } from "../domain/json.ts";
import { CONFIGURATION_FILE } from "../domain/layout.ts";
import type { Oid, ReadObject } from "../git/objects.ts";
import { blobAt, readBlob } from "./documents.ts";

/** How many levels of folders the documents of a collection lie in; undefined for a collection that is not known. */
export type ShardsOf = (collection: string) => number | undefined;

type KnownShards = ReadonlyMap<string, number>;

/** By the bytes of a `runtree.json`, for as long as they are in memory; null where they cannot be used. */
const known = new WeakMap<Buffer, KnownShards | null>();

function shardsFrom(value: Json): KnownShards | null {
  const collections = isObject(value) ? value["collections"] : undefined;
  if (!isObject(collections)) return null;
  const shards = Object.entries(collections).map(([name, settings]) => {
    const stated = isObject(settings) ? (settings["shards"] ?? DEFAULT_SHARDS) : null;
    return [name, stated] as const;
  });
  return shards.every((one): one is readonly [string, number] => one[1] === 0 || one[1] === 1 || one[1] === 2)
    ? new Map(shards)
    : null;
}

function shardsIn(bytes: Buffer): KnownShards | null {
  let found = known.get(bytes);
  if (found === undefined) {
    try {
      found = shardsFrom(JSON.parse(bytes.toString("utf8")) as Json);
    } catch {
      found = null;
    }
    known.set(bytes, found);
  }
  return found;
}

/**
 * Where a tree has its documents, as its own `runtree.json` says: since `runtree reshard` a run may have other folders
 * than `main`. Where that file cannot be used, `otherwise` says it.
 */
export function shardsOfTree(read: ReadObject, tree: Oid, otherwise: Configuration): ShardsOf {
  const blob = blobAt(read, tree, CONFIGURATION_FILE);
  const own = blob === null ? null : shardsIn(readBlob(read, blob));
  const shards = own ?? shardsFrom(otherwise as unknown as Json) ?? new Map<string, number>();
  return (collection) => shards.get(collection);
}
