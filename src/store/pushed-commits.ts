import { RuntreeError } from "../domain/errors.ts";
import { documentAt, documentPath, pathKind } from "../domain/layout.ts";
import { MAX_LISTED, type Violation } from "../domain/verdict.ts";
import { readCommit, readParents } from "../git/commit.ts";
import type { MainHistory } from "../git/history.ts";
import type { Oid, ReadObject } from "../git/objects.ts";
import { diffTrees, FILE_MODE, type FileChange, findEntry } from "../git/tree.ts";
import { configViolation, misplaced } from "./rules.ts";

/**
 * Tells whether a commit is one that another goes on from, as far as that can be told without walking `main`: of two that
 * `main` contains it is taken to be so.
 */
export function goesOn(history: MainHistory, read: ReadObject, from: Oid, tip: Oid): boolean {
  const [seen, open] = [new Set<Oid>(), [tip]];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (at === from || (history.contains(from) && history.contains(at))) return true;
    if (seen.has(at) || history.contains(at)) continue;
    seen.add(at);
    open.push(...readParents(read, at));
  }
  return false;
}

/** What pushed commits are looked at with: `read` knows them, `history` is that of `main`. */
export interface PushedCommits {
  readonly read: ReadObject;
  readonly history: MainHistory;
  readonly run: string;
  /** Where the branch was before; null when it is made. */
  readonly from: Oid | null;
  readonly tip: Oid;
  /** The dotfiles at the root of `main`. */
  readonly dotfiles: ReadonlySet<string>;
}

/** The commits that a push brings: what neither `main` nor the branch had. */
function* newCommits({ read, history, from, tip }: PushedCommits): Generator<Oid> {
  const [seen, open] = [new Set<Oid>(), [tip]];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (at === from || seen.has(at) || history.contains(at)) continue;
    seen.add(at);
    yield at;
    open.push(...readCommit(read, at).parents);
  }
}

/** What a commit has that none of its parents has. It is told apart from `main` first, as it differs least from that. */
function* changesOf({ read, history }: PushedCommits, commit: Oid): Generator<FileChange> {
  const { tree, parents } = readCommit(read, commit);
  const treeOf = (parent: Oid): Oid => readCommit(read, parent).tree;
  const first = parents.find((parent) => history.contains(parent)) ?? parents[0];
  const others = parents.filter((parent) => parent !== first).map(treeOf);
  for (const change of diffTrees(read, first === undefined ? null : treeOf(first), tree)) {
    const isInherited = (other: Oid): boolean => {
      const entry = findEntry(read, other, change.path);
      return entry?.oid === change.after?.oid && entry?.mode === change.after?.mode;
    };
    if (!others.some(isInherited)) yield change;
  }
}

/** What is wrong with where a document lies: not where any collection has it. Null when nothing is. */
function misplacedAnywhere(path: string): Violation | null {
  const named = documentAt(path);
  if (named === null) return null;
  const places = [1, 0, 2].map((shards) => documentPath(named.collection, named.id, shards));
  return places.includes(path) ? null : misplaced(named, path, places[0] ?? "");
}

/** Files that all commits of a pushed run together may change. */
const MOST_CHANGES = 100_000;

/**
 * What is wrong with the files of any commit that a push brings, not of its tip alone: all of them stay in the
 * repository, and stock git may check any of them out. The first `MAX_LISTED` that are found. Throws `too_large`.
 */
export function commitViolations(pushed: PushedCommits): Violation[] {
  const violations: Violation[] = [];
  let changes = 0;
  for (const commit of newCommits(pushed)) {
    for (const { path, after } of changesOf(pushed, commit)) {
      if (++changes > MOST_CHANGES) {
        const words = `the commits of runs/${pushed.run} change more than ${MOST_CHANGES} files`;
        throw new RuntreeError("too_large", words);
      }
      if (violations.length === MAX_LISTED) return violations;
      const kind = pathKind(path, pushed.run, pushed.dotfiles);
      const where = `${path} in commit ${commit.slice(0, 12)}`;
      const refuse = (words: string): number => violations.push(configViolation("forbidden_path", "", words, path));
      if (after !== null && after.mode !== FILE_MODE)
        refuse(`${where} has mode ${after.mode}; a run brings plain files (100644), no links, submodules or programs.`);
      else if (kind === null) refuse(`A run may not change ${where}.`);
      const elsewhere = kind === "document" ? misplacedAnywhere(path) : null;
      if (elsewhere !== null) violations.push(elsewhere);
    }
  }
  return violations;
}
