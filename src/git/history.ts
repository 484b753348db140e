import { readCommit } from "./commit.ts";
import type { Oid, ReadObject } from "./objects.ts";

/**
 * Knows every commit that `main` contains and the place of the merge that brought it, so that a merge base costs
 * the run's own commits and never the length of `main`. Grows as `main` moves.
 */
export class MainHistory {
  readonly #read: ReadObject;
  /** First-parent chain, oldest first. */
  readonly #chain: Oid[] = [];
  /** For every commit reachable from `main`: the index in the chain of the merge that brought it. */
  readonly #landed = new Map<Oid, number>();

  constructor(read: ReadObject) {
    this.#read = read;
  }

  /** The newest commit it knows; null before the first `advance`. */
  get tip(): Oid | null {
    return this.#chain.at(-1) ?? null;
  }

  /** The first-parent chain, oldest first. */
  get chain(): readonly Oid[] {
    return this.#chain;
  }

  /** Learns the commits between what it knows and a newer tip of `main`. Returns the new first-parent commits, oldest first. */
  advance(tip: Oid): Oid[] {
    const fresh: Oid[] = [];
    for (
      let at: Oid | undefined = tip;
      at !== undefined && !this.#landed.has(at);
      at = readCommit(this.#read, at).parents[0]
    )
      fresh.push(at);
    fresh.reverse();
    for (const commit of fresh) {
      const place = this.#chain.push(commit) - 1;
      const open = [commit];
      for (let oid = open.pop(); oid !== undefined; oid = open.pop()) {
        if (this.#landed.has(oid)) continue;
        this.#landed.set(oid, place);
        open.push(...readCommit(this.#read, oid).parents);
      }
    }
    return fresh;
  }

  /** Tells whether `main` contains a commit. */
  contains(commit: Oid): boolean {
    return this.#landed.has(commit);
  }

  /** The commit of `main`'s first-parent chain that brought a commit; null when `main` does not contain it. */
  broughtBy(commit: Oid): Oid | null {
    const place = this.#landed.get(commit);
    return place === undefined ? null : (this.#chain[place] ?? null);
  }

  /** The best common ancestors of `main` and a tip, as `git merge-base --all` gives them; `read` also knows the tip's own commits. */
  mergeBases(tip: Oid, read: ReadObject = this.#read): Oid[] {
    const seen = new Set<Oid>();
    const common = new Set<Oid>();
    const open = [tip];
    for (let oid = open.pop(); oid !== undefined; oid = open.pop()) {
      if (seen.has(oid)) continue;
      seen.add(oid);
      if (this.#landed.has(oid)) common.add(oid);
      else open.push(...readCommit(read, oid).parents);
    }
    if (common.size < 2) return [...common];
    return [...common].filter((oid) => ![...common].some((other) => other !== oid && this.#isAncestor(oid, other)));
  }

  /** Both are in `main`. A commit cannot reach one that landed after it, and one of the chain reaches all that landed before it: that bounds the walk. */
  #isAncestor(ancestor: Oid, descendant: Oid): boolean {
    const floor = this.#landed.get(ancestor) ?? 0;
    const seen = new Set<Oid>();
    const open = [descendant];
    for (let oid = open.pop(); oid !== undefined; oid = open.pop()) {
      if (oid === ancestor) return true;
      const landed = this.#landed.get(oid) ?? 0;
      if (seen.has(oid) || landed < floor) continue;
      seen.add(oid);
      if (this.#chain[landed] === oid) return true;
      open.push(...readCommit(this.#read, oid).parents);
    }
    return false;
  }
}
