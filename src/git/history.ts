import { readParents } from "./commit.ts";
import { NumberList } from "./number-list.ts";
import type { Oid, ReadObject } from "./objects.ts";
import { OidTable } from "./oid-table.ts";

/** How many of the last and of the first commits are milestones, each of them. */
const NEAR = 256;
const FIRST = 64;

/** What a history knows, as plain numbers for a snapshot. */
export interface HistoryState {
  readonly commits: Uint32Array;
  readonly landed: Uint32Array;
  readonly chain: Uint32Array;
}

/**
 * Knows every commit that `main` contains and the place of the merge that brought it, so that a merge base costs
 * the run's own commits and never the length of `main`. Grows as `main` moves.
 */
export class MainHistory {
  readonly #read: ReadObject;
  /** Every commit reachable from `main`. */
  readonly #commits: OidTable;
  /** By number of a commit: the place in the chain of the merge that brought it. */
  readonly #landed: NumberList;
  /** First-parent chain, oldest first: numbers of commits. */
  readonly #chain: NumberList;
  /** What this one goes on from, which stays as it is meanwhile. */
  readonly #below: MainHistory | null;

  /** Begins empty, where the state of another history was taken, or on top of another (`below`). */
  constructor(read: ReadObject, { state, below }: { state?: HistoryState; below?: MainHistory } = {}) {
    this.#read = read;
    this.#below = below ?? null;
    this.#commits = new OidTable(state?.commits);
    this.#landed = new NumberList(state?.landed);
    this.#chain = new NumberList(state?.chain);
  }

  /** The newest commit it knows; null before the first `advance`. */
  get tip(): Oid | null {
    return this.at(this.length - 1);
  }

  get #begin(): number {
    return this.#below?.length ?? 0;
  }

  /** How many commits the first-parent chain has. */
  get length(): number {
    return this.#begin + this.#chain.length;
  }

  /** The commit at a place of the first-parent chain, the oldest at 0; null when the chain has no such place. */
  at(place: number): Oid | null {
    if (place < this.#begin) return this.#below?.at(place) ?? null;
    return place < this.length && place >= 0 ? this.#commits.at(this.#chain.at(place - this.#begin)) : null;
  }

  /** The first-parent commits between what it knows and a newer tip of `main`, oldest first. */
  missing(tip: Oid): Oid[] {
    const fresh: Oid[] = [];
    for (let at: Oid | undefined = tip; at !== undefined && !this.contains(at); at = readParents(this.#read, at)[0])
      fresh.push(at);
    return fresh.reverse();
  }

  /** Learns the commits between what it knows and a newer tip of `main`. Returns the new first-parent commits, oldest first. */
  advance(tip: Oid): Oid[] {
    const fresh = this.missing(tip);
    for (const commit of fresh) this.#append(commit);
    return fresh;
  }

  /** Reads all that a commit brings before it notes any of it, so that a failing read leaves the history as it was. */
  #append(commit: Oid): void {
    const brought = new Set([commit]);
    for (const oid of brought)
      for (const parent of readParents(this.#read, oid)) if (!this.contains(parent)) brought.add(parent);
    for (const oid of brought) this.#landed.set(this.#commits.add(oid), this.length);
    this.#chain.push(this.#commits.find(commit));
  }

  /** The place in the first-parent chain of the merge that brought a commit; -1 when `main` does not contain it. */
  placeOf(commit: Oid): number {
    const number = this.#commits.find(commit);
    return number < 0 ? (this.#below?.placeOf(commit) ?? -1) : this.#landed.at(number);
  }

  /** Tells whether `main` contains a commit. */
  contains(commit: Oid): boolean {
    return this.placeOf(commit) >= 0;
  }

  /** The commit of `main`'s first-parent chain that brought a commit; null when `main` does not contain it. */
  broughtBy(commit: Oid): Oid | null {
    return this.at(this.placeOf(commit));
  }

  /**
   * Commits of the first-parent chain before the newest, newest first: each of the last ones, then always a sixteenth of
   * the way further back, and each of the first ones, as a record often begins with what is largest.
   */
  milestones(): Oid[] {
    const found: Oid[] = [];
    for (let place = this.length - 2; place >= 0;) {
      const commit = this.at(place);
      if (commit !== null) found.push(commit);
      const back = this.length - 1 - place;
      place -= back < NEAR || place <= FIRST ? 1 : Math.min(Math.ceil(back / 16), place - FIRST);
    }
    return found;
  }

  /** The commits of the first-parent chain whose ids begin with these hex digits, oldest first. */
  startingWith(digits: string): Oid[] {
    const found: Oid[] = [];
    for (let place = 0; place < this.length; place++) {
      const commit = this.at(place);
      if (commit?.startsWith(digits) === true) found.push(commit);
    }
    return found;
  }

  /** The best common ancestors of `main` and a tip, as `git merge-base --all` gives them; `read` also knows the tip's own commits. */
  mergeBases(tip: Oid, read: ReadObject = this.#read): Oid[] {
    const seen = new Set<Oid>();
    const common = new Set<Oid>();
    const open = [tip];
    for (let oid = open.pop(); oid !== undefined; oid = open.pop()) {
      if (seen.has(oid)) continue;
      seen.add(oid);
      if (this.contains(oid)) common.add(oid);
      else open.push(...readParents(read, oid));
    }
    if (common.size < 2) return [...common];
    return [...common].filter((oid) => ![...common].some((other) => other !== oid && this.#isAncestor(oid, other)));
  }

  /** Both are in `main`. A commit cannot reach one that landed after it, and one of the chain reaches all that landed before it: that bounds the walk. */
  #isAncestor(ancestor: Oid, descendant: Oid): boolean {
    const floor = this.placeOf(ancestor);
    const seen = new Set<Oid>();
    const open = [descendant];
    for (let oid = open.pop(); oid !== undefined; oid = open.pop()) {
      if (oid === ancestor) return true;
      const landed = this.placeOf(oid);
      if (seen.has(oid) || landed < floor) continue;
      seen.add(oid);
      if (this.at(landed) === oid) return true;
      open.push(...readParents(this.#read, oid));
    }
    return false;
  }

  /** All that is known, without what lies below, for a snapshot; it changes with the history. */
  state(): HistoryState {
    return {
      commits: this.#commits.values(),
      landed: this.#landed.values() as Uint32Array,
      chain: this.#chain.values() as Uint32Array,
    };
  }
}
