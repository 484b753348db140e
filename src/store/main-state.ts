import { RuntreeError } from "../domain/errors.ts";
import { MAIN } from "../domain/layout.ts";
import { readCommit } from "../git/commit.ts";
import { type HistoryState, MainHistory } from "../git/history.ts";
import type { Oid, ReadObject } from "../git/objects.ts";
import { readerWith, type Repository } from "../git/repository.ts";
import { DocumentHistory, type DocumentHistoryState } from "./document-history.ts";
import { changedDocuments, type DocumentChange } from "./documents.ts";
import { MainIndex, type MainIndexState } from "./main-index.ts";
import type { MainView } from "./main-view.ts";
import { NameTable, type NameTableState } from "./name-table.ts";
import type { Progress } from "./progress.ts";
import { type Rules, RulesReader } from "./rules.ts";

/** What is known of `main` at one commit, as plain values for a snapshot. */
export interface MainSnapshot {
  readonly commit: Oid;
  readonly history: HistoryState;
  readonly documents: NameTableState;
  readonly changes: DocumentHistoryState;
  readonly index: MainIndexState;
}

/** What is known of `main`: its commit, its history, its index and its documents' changes, all of the same moment. */
export class MainState implements MainView {
  readonly rulesReader: RulesReader;
  readonly #repository: Repository;
  readonly #read: ReadObject;
  readonly #documents: NameTable;
  #history: MainHistory;
  #changes: DocumentHistory;
  #index: MainIndex;
  #commit: Oid;
  /** Hears that somebody moved `main` to where it did not come from, and which commit it was at before. */
  onRewound: (before: Oid) => void = () => undefined;

  /** Reads all of `main`; or takes up a snapshot and reads what came since. Throws `corrupt_ref`, `corrupt_object`. */
  constructor(repository: Repository, snapshot?: MainSnapshot, progress: Progress = () => undefined) {
    this.#repository = repository;
    this.#read = readerWith(repository);
    this.rulesReader = new RulesReader(this.#read);
    this.#documents = new NameTable(snapshot?.documents);
    this.#history = new MainHistory(this.#read, snapshot === undefined ? {} : { state: snapshot.history });
    this.#changes = new DocumentHistory(this.#documents, snapshot?.changes);
    this.#commit = snapshot?.commit ?? this.#onDisk();
    if (snapshot === undefined) this.#follow(this.#commit, progress);
    if (snapshot === undefined) progress("documents of main", 0, 0);
    const { tree } = this;
    this.#index = new MainIndex(this.#read, tree, this.rulesReader.rulesOf(tree), this.#documents, snapshot?.index);
    if (snapshot !== undefined) this.catchUp();
  }

  get commit(): Oid {
    return this.#commit;
  }

  get tree(): Oid {
    return this.#treeOf(this.#commit);
  }

  get goesOn(): boolean {
    return true;
  }

  get history(): MainHistory {
    return this.#history;
  }

  get index(): MainIndex {
    return this.#index;
  }

  get rules(): Rules {
    return this.#index.rules;
  }

  /** The commits of `main`'s first-parent chain that added, changed or deleted a document, newest first. */
  documentHistory(collection: string, id: string): Oid[] {
    return Array.from(this.#changes.placesOf({ collection, id }), (place) => this.#history.at(place) ?? "");
  }

  /** Follows `main` to where the repository has it now, without a wait in between, and returns that commit. */
  catchUp(): Oid {
    const commit = this.#onDisk();
    if (commit === this.#commit) return commit;
    const before = this.#commit;
    const grew = this.#grewTo(commit);
    if (!grew) {
      // Someone moved main to where it did not come from: its history is read anew.
      this.#history = new MainHistory(this.#read);
      this.#changes = new DocumentHistory(this.#documents);
    }
    const changes = this.#follow(commit);
    const tree = this.#treeOf(commit);
    const rules = this.rulesReader.rulesOf(tree);
    if (rules === this.#index.rules || this.#index.takeUp(rules)) this.#index.advance(tree, changes);
    else this.#index = new MainIndex(this.#read, tree, rules, this.#documents);
    // Last: should reading fail on the way, what is left is read next time.
    this.#commit = commit;
    if (!grew) this.onRewound(before);
    return commit;
  }

  /** Tells whether a commit continues the first-parent chain that is known. */
  #grewTo(commit: Oid): boolean {
    const [first] = this.#history.missing(commit);
    return first === undefined
      ? this.#history.tip === commit
      : (readCommit(this.#read, first).parents[0] ?? null) === this.#history.tip;
  }

  /** Learns the commits up to one that continues the chain. Returns the changes of documents since `#commit`, where that is one step. */
  #follow(commit: Oid, progress: Progress = () => undefined): readonly DocumentChange[] | undefined {
    const steps = this.#history.missing(commit);
    const [first = commit] = steps;
    const parent = readCommit(this.#read, first).parents[0] ?? null;
    const single = steps.length === 1 && parent === this.#commit;
    let before = parent === null ? null : this.#treeOf(parent);
    let changes: DocumentChange[] = [];
    for (const [place, step] of steps.entries()) {
      progress("commits of main", place, steps.length);
      const tree = this.#treeOf(step);
      // Both are read before either is noted.
      changes = Array.from(changedDocuments(this.#read, before, tree));
      this.#history.advance(step);
      this.#changes.note(this.#history.length - 1, changes);
      before = tree;
    }
    return single ? changes : undefined;
  }

  #treeOf(commit: Oid): Oid {
    return readCommit(this.#read, commit).tree;
  }

  #onDisk(): Oid {
    const commit = this.#repository.ref(MAIN);
    if (commit === null)
      throw new RuntreeError("corrupt_ref", `${MAIN} does not exist; restore it from a clone.`, { ref: MAIN });
    return commit;
  }

  /** All that is known, for a snapshot; it changes with `main`. */
  state(): MainSnapshot {
    return {
      commit: this.#commit,
      history: this.#history.state(),
      documents: this.#documents.state(),
      changes: this.#changes.state(),
      index: this.#index.state(),
    };
  }
}
