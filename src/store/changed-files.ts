import { documentAt, documentPath, type PathKind, pathKind } from "../domain/layout.ts";
import type { Violation } from "../domain/verdict.ts";
import type { Oid, ReadObject } from "../git/objects.ts";
import { diffTrees, FILE_MODE, type FileChange, readTree } from "../git/tree.ts";
import { blobAt } from "./documents.ts";
import type { ChangedFile, DocumentName } from "./merge-file.ts";
import { configViolation, misplaced, type Rules } from "./rules.ts";
import { type ShardsOf, shardsOfTree } from "./shards.ts";

/** What a merge looks at: trees by id. Several bases arise when histories crossed; usually there is one. */
export interface MergedTrees {
  readonly read: ReadObject;
  readonly runId: string;
  readonly bases: readonly Oid[];
  readonly main: Oid;
  readonly run: Oid;
  readonly mainRules: Rules;
}

/** A file that the run changed, what its path is to the gate, and the document it is. */
export interface RunFile extends ChangedFile {
  readonly kind: PathKind;
  readonly named: DocumentName | null;
  /** Where `main` has it, if it has. */
  readonly oursPath: string;
}

/** Where each tree of a merge has its documents. */
interface Layouts {
  readonly bases: readonly ShardsOf[];
  readonly main: ShardsOf;
  readonly run: ShardsOf;
}

function layoutsOf({ read, bases, main, run, mainRules }: MergedTrees): Layouts {
  const of = (tree: Oid): ShardsOf => shardsOfTree(read, tree, mainRules.configuration);
  return { bases: bases.map(of), main: of(main), run: of(run) };
}

/** A document that differs, wherever each tree has it; null when it only lies elsewhere, or its own place tells of it. */
function documentFile(
  { read, bases, main, run }: MergedTrees,
  layouts: Layouts,
  { path, before, after }: FileChange,
  { collection, id }: DocumentName,
  changed: ReadonlyMap<string, FileChange>,
): RunFile | null {
  const shards = layouts.run(collection);
  const place = shards === undefined ? path : documentPath(collection, id, shards);
  if (place !== path && changed.has(place)) return null;
  const placeIn = (layout: ShardsOf | undefined): string => {
    const there = layout?.(collection);
    return there === undefined || there === shards ? place : documentPath(collection, id, there);
  };
  const theirs = place === path ? (after?.oid ?? null) : blobAt(read, run, place);
  const inBases = bases.map((tree, at) => {
    const there = placeIn(layouts.bases[at]);
    return bases.length === 1 && there === path ? (before?.oid ?? null) : blobAt(read, tree, there);
  });
  if (inBases.every((oid) => oid === theirs)) return null;
  const oursPath = placeIn(layouts.main);
  const ours = bases[0] === main ? (inBases[0] ?? null) : blobAt(read, main, oursPath);
  return { path: place, kind: "document", named: { collection, id }, bases: inBases, ours, theirs, oursPath };
}

/** The dotfiles at the root of a tree: a run may change those that `main` has. */
export function rootDotfiles(read: ReadObject, main: Oid): Set<string> {
  return new Set(
    readTree(read, main)
      .map(({ name }) => name)
      .filter((name) => name.startsWith(".")),
  );
}

/**
 * What a run changed, from where it parted from `main`. This is the only diff: what came by merging `main` is not in it.
 * Documents are looked up by collection and id, as `main` may have other folders by now. Anything that a run may not
 * change is a violation instead.
 */
export function changedFiles(trees: MergedTrees): { files: RunFile[]; violations: Violation[] } {
  const { read, bases, main, run, runId } = trees;
  const changed = new Map<string, FileChange>();
  for (const base of bases) for (const change of diffTrees(read, base, run)) changed.set(change.path, change);
  const dotfiles = [...changed.keys()].some((path) => path.startsWith(".")) ? rootDotfiles(read, main) : new Set("");
  const layouts = layoutsOf(trees);
  const files: RunFile[] = [];
  const violations: Violation[] = [];
  for (const [path, change] of changed) {
    const { before, after: entry } = change;
    const named = documentAt(path);
    const kind = named === null ? pathKind(path, runId, dotfiles) : "document";
    if (kind === "record") continue;
    if (kind === null || (entry !== null && entry.mode !== FILE_MODE)) {
      const words = `A run may not change ${path}${kind === null ? "" : " into anything but a plain file"}.`;
      violations.push(configViolation("forbidden_path", "", words, path));
      continue;
    }
    if (named === null) {
      const inBases = bases.length === 1 ? [before?.oid ?? null] : bases.map((base) => blobAt(read, base, path));
      const ours = bases[0] === main ? (inBases[0] ?? null) : blobAt(read, main, path);
      files.push({ path, kind, named, bases: inBases, ours, theirs: entry?.oid ?? null, oursPath: path });
      continue;
    }
    const violation = entry === null ? null : misplacement(path, named, layouts.run);
    const file = violation === null ? documentFile(trees, layouts, change, named, changed) : null;
    if (violation !== null) violations.push(violation);
    if (file !== null) files.push(file);
  }
  return { files, violations };
}

function misplacement(path: string, named: DocumentName, shardsOf: ShardsOf): Violation | null {
  const shards = shardsOf(named.collection);
  const place = shards === undefined ? path : documentPath(named.collection, named.id, shards);
  return place === path ? null : misplaced(named, path, place);
}
