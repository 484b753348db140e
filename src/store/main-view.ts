import type { MainHistory } from "../git/history.ts";
import type { Oid } from "../git/objects.ts";
import type { Referrer } from "./main-index.ts";
import type { Rules, RulesReader } from "./rules.ts";

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
