import { uniqueText } from "../domain/configuration.ts";
import { byUnit, type JsonObject } from "../domain/json.ts";
import { formatPointer, selectAll } from "../domain/pointer.ts";
import type { Oid, ReadObject } from "../git/objects.ts";
import { changedDocuments, type DocumentChange, readDocumentBlob } from "./documents.ts";
import { NameTable } from "./name-table.ts";
import { type Posting, Postings, type PostingsState } from "./postings.ts";
import type { RuledCollection, Rules } from "./rules.ts";
import { SortedNames } from "./sorted-names.ts";

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

/** The key under which a document is listed that refers to an id. JSON has an escape for what UTF-8 cannot hold. */
function inwardKey(id: string): string {
  return `> ${JSON.stringify(id)}`;
}

/** The key under which a document is listed that has a unique value. */
function uniqueKey(key: string): string {
  return `= ${key}`;
}

/** What of some rules decides under what documents are listed. */
function listing({ collections }: Rules): string {
  const listed = Array.from(
    collections.values(),
    ({ name, references, unique }) => [name, references, unique] as const,
  );
  return JSON.stringify(listed.sort(([left], [right]) => byUnit(left, right)));
}

/** How many documents are read at a time while an index is built. */
const AT_A_TIME = 4096;

/** What an index knows, as plain values for a snapshot; its rules are those of its tree. */
export interface MainIndexState {
  readonly tree: Oid;
  /** The documents of each collection, by id. */
  readonly collections: ReadonlyMap<string, Uint32Array>;
  readonly postings: PostingsState;
}

/**
 * What the gate must know of all of `main` at once: references inward, unique values, which documents there are. Derived from one tree
 * under one set of rules, held in memory, moved along with `main` at the cost of what changes.
 */
export class MainIndex {
  #rules: Rules;
  readonly #read: ReadObject;
  /** Numbers of documents, by "collection/id". */
  readonly #documents: NameTable;
  readonly #collections: Map<string, SortedNames>;
  readonly #postings: Postings;
  #tree: Oid | null;

  /**
   * Builds the index of a tree by reading the documents of every collection that has references or unique values; or
   * takes up a state that was taken under the same rules. `documents` may be shared with others who number documents.
   */
  constructor(
    read: ReadObject,
    tree: Oid,
    rules: Rules,
    documents: NameTable = new NameTable(),
    state?: MainIndexState,
  ) {
    this.#read = read;
    this.#rules = rules;
    this.#documents = documents;
    this.#collections = new Map(
      Array.from(state?.collections ?? [], ([name, sorted]) => [name, new SortedNames(documents, sorted)]),
    );
    this.#postings = new Postings(state?.postings);
    this.#tree = state?.tree ?? null;
    if (state === undefined) this.#build(tree);
    else this.advance(tree);
  }

  get rules(): Rules {
    return this.#rules;
  }

  /** Goes on under other rules, if they list documents as the ones before did: false when the index must be built anew. */
  takeUp(rules: Rules): boolean {
    if (listing(rules) !== listing(this.#rules)) return false;
    this.#rules = rules;
    return true;
  }

  /** How many documents a collection has. */
  count(collection: string): number {
    return this.#collections.get(collection)?.length ?? 0;
  }

  /** How many documents there are. */
  get size(): number {
    let size = 0;
    for (const { length } of this.#collections.values()) size += length;
    return size;
  }

  /** Ids of a collection's documents in their order, a page of them. */
  ids(
    collection: string,
    page: { readonly offset: number; readonly limit: number; readonly after?: string | null },
  ): string[] {
    const names = this.#collections.get(collection);
    const behind = page.after == null ? 0 : (names?.countTo(`${collection}/${page.after}`) ?? 0);
    const found = names?.slice(page.offset + behind, page.limit) ?? [];
    return found.map((document) => this.#nameOf(document).id);
  }

  /** The documents that refer to an id. */
  referrers(id: string): Referrer[] {
    const places = new Map<string, [pointer: string, to: string[]]>();
    return Array.from(this.#postings.under(inwardKey(id)), ({ holder, detail }) => {
      const [pointer, to] = places.get(detail) ?? (JSON.parse(detail) as [string, string[]]);
      places.set(detail, [pointer, to]);
      return { ...this.#nameOf(holder), pointer, to };
    });
  }

  /** The ids of the documents that have a unique value. */
  holders(key: string): ReadonlySet<string> {
    const ids = new Set<string>();
    for (const { holder } of this.#postings.under(uniqueKey(key))) ids.add(this.#nameOf(holder).id);
    return ids;
  }

  /** Moves on to a newer tree under the same rules, at the cost of what differs: `changes`, where they are known already. */
  advance(tree: Oid, changes?: readonly DocumentChange[]): void {
    this.#take(changes ?? Array.from(changedDocuments(this.#read, this.#tree, tree)));
    this.#tree = tree;
  }

  /** Takes every document of a tree into an empty index, a few thousand at a time to keep memory bounded. */
  #build(tree: Oid): void {
    let some: DocumentChange[] = [];
    for (const change of changedDocuments(this.#read, null, tree)) {
      some.push(change);
      if (some.length < AT_A_TIME) continue;
      this.#take(some);
      some = [];
    }
    this.#take(some);
    this.#tree = tree;
  }

  #take(changes: readonly DocumentChange[]): void {
    const ruled = changes.flatMap((change) => {
      const rules = this.rules.collections.get(change.collection);
      return rules === undefined ? [] : [{ ...change, rules }];
    });
    // Read before anything changes, so that a failing read leaves the index as it was.
    const listed = ruled.map((change) => ({ ...change, postings: this.#postingsOf(change) }));
    // What goes comes first: a document that moves to another folder goes and comes in one change.
    for (const change of listed) if (change.after === null) this.#note(change);
    for (const change of listed) if (change.after !== null) this.#note(change);
  }

  #note({ collection, id, after, postings }: DocumentChange & { readonly postings: readonly Posting[] }): void {
    const document = this.#documents.add(`${collection}/${id}`);
    const sorted = this.#collections.get(collection) ?? new SortedNames(this.#documents);
    this.#collections.set(collection, sorted);
    if (after === null) sorted.remove(document);
    else sorted.add(document);
    this.#postings.list(document, postings);
  }

  /** What a document is listed under: the ids it refers to, and its unique values. */
  #postingsOf({ after, rules }: { readonly after: Oid | null; readonly rules: RuledCollection }): Posting[] {
    if (rules.references.length + rules.unique.length === 0) return [];
    const document = readDocumentBlob(this.#read, after);
    if (document === null) return [];
    return [
      ...referencesIn(document, rules).map(({ target, pointer, to }) => ({
        key: inwardKey(target),
        detail: JSON.stringify([pointer, to]),
      })),
      ...uniqueValuesIn(document, rules).map(({ key }) => ({ key: uniqueKey(key), detail: "" })),
    ];
  }

  #nameOf(document: number): { collection: string; id: string } {
    const name = this.#documents.at(document);
    const slash = name.indexOf("/");
    return { collection: name.slice(0, slash), id: name.slice(slash + 1) };
  }

  /** All that is known, for a snapshot; it changes with the index. */
  state(): MainIndexState {
    const collections = new Map(Array.from(this.#collections, ([name, sorted]) => [name, sorted.values()]));
    return { tree: this.#tree ?? "", collections, postings: this.#postings.state() };
  }
}
