import { RuntreeError } from "../domain/errors.ts";
import { MAIN } from "../domain/layout.ts";
import { readCommit } from "../git/commit.ts";
import { MainHistory } from "../git/history.ts";
import type { Oid } from "../git/objects.ts";
import { readerWith, type Repository } from "../git/repository.ts";
import { MainIndex, type Referrer } from "./main-index.ts";
import { type Rules, RulesReader } from "./rules.ts";

/** What the checks of a merge ask of everything that `main` has: who refers to an id, who has a unique value. */
export interface IndexView {
  readonly rules: Rules;
  count(collection: string): number;
  referrers(id: string): Referrer[];
  holders(key: string): ReadonlySet<string>;
}

/** `main` as work on it needs it: its commit, its rules, its history and its index, all of the same moment. */
export interface MainView {
  readonly rulesReader: RulesReader;
  readonly commit: Oid;
  readonly tree: Oid;
  readonly rules: Rules;
  readonly history: MainHistory;
  readonly index: IndexView;
  /** False when no further merge may be planned on it before it is written. */
  readonly goesOn: boolean;
  /** Follows `main` to where the repository has it now, without a wait in between, and returns that commit. */
  catchUp(): Oid;
}

/** What is known of `main`: its commit, its history and its index, all three of the same moment. */
export class MainState implements MainView {
  readonly rulesReader: RulesReader;
  readonly #repository: Repository;
  #history: MainHistory;
  #index: MainIndex;
  #commit: Oid;

  constructor(repository: Repository) {
    this.#repository = repository;
    const read = readerWith(repository);
    this.rulesReader = new RulesReader(read);
    this.#commit = this.#onDisk();
    this.#history = new MainHistory(read);
    this.#history.advance(this.#commit);
    this.#index = new MainIndex(read, this.tree, this.rulesReader.rulesOf(this.tree));
  }

  get commit(): Oid {
    return this.#commit;
  }

  get tree(): Oid {
    return readCommit(readerWith(this.#repository), this.#commit).tree;
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

  /** Follows `main` to where the repository has it now, without a wait in between, and returns that commit. */
  catchUp(): Oid {
    const commit = this.#onDisk();
    if (commit === this.#commit) return commit;
    const known = this.#commit;
    const fresh = this.#history.advance(commit);
    const grew = fresh.length > 0 && readCommit(readerWith(this.#repository), fresh[0] ?? commit).parents[0] === known;
    if (!grew) {
      this.#history = new MainHistory(readerWith(this.#repository));
      this.#history.advance(commit);
    }
    const { tree } = readCommit(readerWith(this.#repository), commit);
    const rules = this.rulesReader.rulesOf(tree);
    if (grew && rules === this.#index.rules) this.#index.advance(tree);
    else this.#index = new MainIndex(readerWith(this.#repository), tree, rules);
    // Last: should reading fail on the way, all of it is read again next time.
    this.#commit = commit;
    return commit;
  }

  #onDisk(): Oid {
    const commit = this.#repository.ref(MAIN);
    if (commit === null)
      throw new RuntreeError("corrupt_ref", `${MAIN} does not exist; restore it from a clone.`, { ref: MAIN });
    return commit;
  }
}
