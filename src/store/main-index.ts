import { uniqueText } from "../domain/configuration.ts";
import type { JsonObject } from "../domain/json.ts";
import { documentAt } from "../domain/layout.ts";
import { formatPointer, selectAll } from "../domain/pointer.ts";
import type { Oid, ReadObject } from "../git/objects.ts";
import { diffTrees, findEntry, isTree } from "../git/tree.ts";
import { documentsIn, readDocumentBlob } from "./documents.ts";
import type { RuledCollection, Rules } from "./rules.ts";

/** A document that refers to another, and where. */
export interface Referrer {
  readonly collection: string;
  readonly id: string;
  readonly pointer: string;
  /** Where the id it names may live. */
  readonly to: readonly string[];
}

/** A reference that a document holds. */
export interface HeldReference {
  readonly target: string;
  readonly pointer: string;
  readonly to: readonly string[];
}

/** The references a document holds under its collection's rules; values that are not strings are left to the schema. */
export function referencesIn(document: JsonObject, rules: RuledCollection): HeldReference[] {
  return rules.references.flatMap(({ at, to }) =>
    selectAll(document, at).flatMap(({ path, value }) =>
      typeof value === "string" ? [{ target: value, pointer: formatPointer(path), to }] : [],
    ),
  );
}

function keyOf({ collection, id, pointer, to }: Referrer): string {
  return JSON.stringify([collection, id, pointer, to]);
}

/** A value of a document that must not occur in another of its collection. */
export interface UniqueValue {
  readonly key: string;
  readonly pointer: string;
}

/** The values of a document that must be unique in its collection. */
export function uniqueValuesIn(document: JsonObject, rules: RuledCollection): UniqueValue[] {
  return rules.unique.flatMap((at) =>
    selectAll(document, at).flatMap(({ path, value }) => {
      const text = uniqueText(value);
      return text === null ? [] : [{ key: `${rules.name} ${formatPointer(at)} ${text}`, pointer: formatPointer(path) }];
    }),
  );
}

/**
 * What the gate must know of all of `main` at once: references inward, unique values, counts. Derived from one commit
 * under one set of rules, held in memory, moved along with `main`.
 */
export class MainIndex {
  readonly rules: Rules;
  readonly #read: ReadObject;
  #tree: Oid;
  readonly #counts = new Map<string, number>();
  /** target id → key of the referrer → referrer; one place may refer under several rules */
  readonly #inward = new Map<string, Map<string, Referrer>>();
  /** unique key → ids that have it */
  readonly #unique = new Map<string, Set<string>>();

  /** Builds the index of a tree by reading the documents of every collection that has references or unique values. */
  constructor(read: ReadObject, tree: Oid, rules: Rules) {
    this.#read = read;
    this.#tree = tree;
    this.rules = rules;
    const metadata = findEntry(read, tree, "metadata");
    if (metadata === null || !isTree(metadata)) return;
    for (const collection of rules.collections.values()) {
      for (const { id, oid } of documentsIn(read, tree, collection.name)) {
        this.#count(collection.name, 1);
        this.#put(collection, id, oid);
      }
    }
  }

  /** How many documents a collection has. */
  count(collection: string): number {
    return this.#counts.get(collection) ?? 0;
  }

  /** The documents that refer to an id. */
  referrers(id: string): Referrer[] {
    return [...(this.#inward.get(id)?.values() ?? [])];
  }

  /** The ids of the documents that have a unique value. */
  holders(key: string): ReadonlySet<string> {
    return this.#unique.get(key) ?? new Set();
  }

  /** Moves on to a newer tree under the same rules, at the cost of what differs. */
  advance(tree: Oid): void {
    // Read before anything changes, so that a failing read leaves the index as it was.
    for (const { path, before, after } of Array.from(diffTrees(this.#read, this.#tree, tree))) {
      const named = documentAt(path);
      const collection = named === null ? undefined : this.rules.collections.get(named.collection);
      if (named === null || collection === undefined) continue;
      if (before !== null) this.#take(collection, named.id, before.oid);
      if (after !== null) this.#put(collection, named.id, after.oid);
      this.#count(collection.name, (after === null ? 0 : 1) - (before === null ? 0 : 1));
    }
    this.#tree = tree;
  }

  #count(collection: string, by: number): void {
    this.#counts.set(collection, this.count(collection) + by);
  }

  #document(collection: RuledCollection, oid: Oid): JsonObject | null {
    return collection.references.length + collection.unique.length === 0 ? null : readDocumentBlob(this.#read, oid);
  }

  #put(collection: RuledCollection, id: string, oid: Oid): void {
    const document = this.#document(collection, oid);
    if (document === null) return;
    for (const { target, pointer, to } of referencesIn(document, collection)) {
      const inward = this.#inward.get(target) ?? new Map<string, Referrer>();
      const referrer: Referrer = { collection: collection.name, id, pointer, to };
      this.#inward.set(target, inward.set(keyOf(referrer), referrer));
    }
    for (const { key } of uniqueValuesIn(document, collection)) {
      this.#unique.set(key, (this.#unique.get(key) ?? new Set()).add(id));
    }
  }

  #take(collection: RuledCollection, id: string, oid: Oid): void {
    const document = this.#document(collection, oid);
    if (document === null) return;
    for (const { target, pointer, to } of referencesIn(document, collection)) {
      const inward = this.#inward.get(target);
      inward?.delete(keyOf({ collection: collection.name, id, pointer, to }));
      if (inward?.size === 0) this.#inward.delete(target);
    }
    for (const { key } of uniqueValuesIn(document, collection)) {
      const holders = this.#unique.get(key);
      holders?.delete(id);
      if (holders?.size === 0) this.#unique.delete(key);
    }
  }
}
