import type { JsonObject } from "../domain/json.ts";
import { MAIN } from "../domain/layout.ts";
import { readCommit } from "../git/commit.ts";
import { MainHistory } from "../git/history.ts";
import type { Oid, ReadObject } from "../git/objects.ts";
import { readerWith, type Repository } from "../git/repository.ts";
import { changedDocuments, readDocumentBlob } from "./documents.ts";
import { referencesIn, type Referrer, uniqueValuesIn } from "./main-index.ts";
import type { IndexView, MainView } from "./main-view.ts";
import type { Rules, RulesReader } from "./rules.ts";

/** Adds a name to those that a key has. */
function note(names: Map<string, Set<string>>, key: string, name: string): void {
  const known = names.get(key);
  if (known === undefined) names.set(key, new Set([name]));
  else known.add(name);
}

/** An index on top of another: what a few merges changed, over what it was before them. */
class IndexAhead implements IndexView {
  readonly #below: IndexView;
  /** Documents by `collection/id`; null for one that went. */
  readonly #changed = new Map<string, { collection: string; id: string; document: JsonObject | null }>();
  /** Names of documents that refer to an id, or did; they are looked at again when it is asked for. */
  readonly #referring = new Map<string, Set<string>>();
  readonly #holding = new Map<string, Set<string>>();
  readonly #more = new Map<string, number>();

  constructor(below: IndexView) {
    this.#below = below;
  }

  get rules(): Rules {
    return this.#below.rules;
  }

  /** How many documents differ from what lies below. */
  get size(): number {
    return this.#changed.size;
  }

  /** How many documents a collection has. */
  count(collection: string): number {
    return this.#below.count(collection) + (this.#more.get(collection) ?? 0);
  }

  /** Takes note of a document that came (`by` is 1), changed (0), or went (-1). */
  put(collection: string, id: string, document: JsonObject | null, by: number): void {
    this.#more.set(collection, (this.#more.get(collection) ?? 0) + by);
    const name = `${collection}/${id}`;
    this.#changed.set(name, { collection, id, document });
    const rules = this.rules.collections.get(collection);
    if (document === null || rules === undefined) return;
    for (const { target } of referencesIn(document, rules)) note(this.#referring, target, name);
    for (const { key } of uniqueValuesIn(document, rules)) note(this.#holding, key, name);
  }

  referrers(id: string): Referrer[] {
    const below = this.#below.referrers(id).filter((known) => !this.#changed.has(`${known.collection}/${known.id}`));
    const fresh = [...(this.#referring.get(id) ?? [])].flatMap((name) => {
      const changed = this.#changed.get(name);
      const rules = changed === undefined ? undefined : this.rules.collections.get(changed.collection);
      if (changed?.document == null || rules === undefined) return [];
      const own = { collection: changed.collection, id: changed.id };
      return referencesIn(changed.document, rules)
        .filter(({ target }) => target === id)
        .map(({ pointer, to }) => ({ ...own, pointer, to }));
    });
    return [...below, ...fresh];
  }

  holders(key: string): ReadonlySet<string> {
    const [collection = ""] = key.split(" ", 1);
    const holders = new Set([...this.#below.holders(key)].filter((id) => !this.#changed.has(`${collection}/${id}`)));
    const rules = this.rules.collections.get(collection);
    for (const name of this.#holding.get(key) ?? []) {
      const changed = this.#changed.get(name);
      if (changed?.document == null || rules === undefined) continue;
      if (uniqueValuesIn(changed.document, rules).some((value) => value.key === key)) holders.add(changed.id);
    }
    return holders;
  }
}

/** More documents than this in one batch are left to the index that is kept. */
const MOST_AHEAD = 2_000;

/**
 * `main` as it will be when the merges before are durable. It stands on the `main` that is acknowledged, which must not
 * move while it is used.
 */
export class MainAhead implements MainView {
  readonly rulesReader: RulesReader;
  readonly history: MainHistory;
  readonly #read: ReadObject;
  readonly #repository: Repository;
  readonly #index: IndexAhead;
  #commit: Oid;
  #sameRules = true;

  constructor(below: MainView, repository: Repository) {
    this.rulesReader = below.rulesReader;
    this.#repository = repository;
    this.#read = readerWith(repository);
    this.history = new MainHistory(this.#read, { below: below.history });
    this.#index = new IndexAhead(below.index);
    this.#commit = below.commit;
  }

  get commit(): Oid {
    return this.#commit;
  }

  get tree(): Oid {
    return readCommit(this.#read, this.#commit).tree;
  }

  get index(): IndexView {
    return this.#index;
  }

  get rules(): Rules {
    return this.#index.rules;
  }

  /** False when nothing more may stand on it: the rules changed, or a great deal else. */
  get goesOn(): boolean {
    return this.#sameRules && this.#index.size < MOST_AHEAD;
  }

  catchUp(): Oid {
    const commit = this.#repository.ref(MAIN);
    if (commit === null || commit === this.#commit) return this.#commit;
    const before = this.tree;
    const { tree } = readCommit(this.#read, commit);
    for (const { collection, id, before: old, after } of changedDocuments(this.#read, before, tree)) {
      const document = readDocumentBlob(this.#read, after);
      this.#index.put(collection, id, document, (after === null ? 0 : 1) - (old === null ? 0 : 1));
    }
    this.history.advance(commit);
    this.#sameRules &&= this.rulesReader.rulesOf(tree, this.#read) === this.#index.rules;
    this.#commit = commit;
    return commit;
  }
}
