import { type Configuration, DEFAULT_SHARDS, noPolicy, policyLookup } from "../domain/configuration.ts";
import { canonicalJson, type Json } from "../domain/json.ts";
import {
  CONFIG_COLLECTION,
  CONFIGURATION_FILE,
  documentAt,
  documentPath,
  type PathKind,
  pathKind,
} from "../domain/layout.ts";
import type { PolicyAt } from "../domain/merge.ts";
import type { FieldConflict, Violation } from "../domain/verdict.ts";
import { type EncodedObject, encodeObject, type Oid } from "../git/objects.ts";
import { editTree } from "../git/tree-edit.ts";
import { diffTrees, FILE_MODE, type FileChange, readTree } from "../git/tree.ts";
import { blobAt } from "./documents.ts";
import {
  blobOf,
  type ChangedFile,
  type DocumentName,
  mergeFile,
  type MergedFile,
  type MergeMeans,
  mergeOpaque,
} from "./merge-file.ts";
import {
  configurationProblems,
  configViolation,
  danglingSettings,
  makeRules,
  type RuledCollection,
  type Rules,
} from "./rules.ts";

/** What a merge starts from: trees by id. Several bases arise when histories crossed; usually there is one. */
export interface MergeInput extends MergeMeans {
  readonly runId: string;
  readonly bases: readonly Oid[];
  readonly main: Oid;
  readonly run: Oid;
  readonly mainRules: Rules;
  /** Hears of each document, and of its collection's rules, as soon as it is planned. */
  readonly planned?: (document: PlannedDocument, rules: RuledCollection | undefined) => void;
}

/** One document that the run would change on `main`. */
export type PlannedDocument = Omit<MergedFile, "changes">;

/** A field conflict and the file it is in. */
export interface PlannedConflict extends FieldConflict {
  readonly collection: string;
  readonly id: string;
  readonly path: string;
}

/** The outcome of a merge before any check: what `main` would become, and what stands in the way already. */
export interface MergePlan {
  readonly rules: Rules;
  readonly rulesChanged: boolean;
  readonly documents: readonly PlannedDocument[];
  /** What becomes of `runtree.json` and schemas, in the same form. */
  readonly settings: readonly PlannedDocument[];
  readonly conflicts: readonly PlannedConflict[];
  readonly violations: readonly Violation[];
  /** The tree of `main` that the plan is for. */
  readonly main: Oid;
  /** `main`'s tree with the merged files; conflicts hold ours. */
  readonly tree: Oid;
  readonly objects: readonly EncodedObject[];
}

/** A file that the run changed, what its path is to the gate, and the document it is. */
interface RunFile extends ChangedFile {
  readonly kind: PathKind;
  readonly named: DocumentName | null;
}

/** The run's changes by path. This is the only diff: what came by merging `main` is not in it. */
function changedFiles({ read, bases, main, run, runId }: MergeInput): {
  files: RunFile[];
  violations: Violation[];
} {
  const changed = new Map<string, FileChange>();
  for (const base of bases) for (const change of diffTrees(read, base, run)) changed.set(change.path, change);
  const atRoot = [...changed.keys()].some((path) => path.startsWith(".")) ? readTree(read, main) : [];
  const dotfiles = new Set(atRoot.map(({ name }) => name).filter((name) => name.startsWith(".")));
  const files: RunFile[] = [];
  const violations: Violation[] = [];
  for (const [path, { before, after: entry }] of changed) {
    const named = documentAt(path);
    const kind = named === null ? pathKind(path, runId, dotfiles) : "document";
    if (kind === "record") continue;
    if (kind === null || (entry !== null && entry.mode !== FILE_MODE)) {
      violations.push(
        configViolation(
          "forbidden_path",
          "",
          `A run may not change ${path}${kind === null ? "" : " into anything but a plain file"}.`,
          path,
        ),
      );
      continue;
    }
    const inBases = bases.length === 1 ? [before?.oid ?? null] : bases.map((base) => blobAt(read, base, path));
    const [base = null] = inBases;
    const ours = bases[0] === main ? base : blobAt(read, main, path);
    files.push({ path, kind, named, bases: inBases, ours, theirs: entry?.oid ?? null });
  }
  return { files, violations };
}

/** The rules that the merged `runtree.json` and schemas make; those of `main` when they cannot be used. */
function mergedRules(input: MergeInput, merged: readonly MergedFile[], violations: Violation[]): Rules {
  if (merged.length === 0) return input.mainRules;
  const configured = merged.find(({ path }) => path === CONFIGURATION_FILE);
  const configuration = configured === undefined ? input.mainRules.configuration : configured.merged;
  const problems = configurationProblems(configuration as Json);
  violations.push(...problems);
  const replaced = new Map(
    merged.filter(({ path }) => path !== CONFIGURATION_FILE).map((file) => [file.path, file.merged]),
  );
  const kept = input.mainRules.schemaFiles.filter(({ path }) => !replaced.has(path));
  const fresh = [...replaced].flatMap(([path, value]) =>
    value === null ? [] : [{ path, value, oid: encodeObject("blob", canonicalJson(value)).oid }],
  );
  if (problems.length > 0) return makeRules(input.mainRules.configuration, [...kept, ...fresh]);
  const rules = makeRules(configuration as unknown as Configuration, [...kept, ...fresh]);
  violations.push(...danglingSettings(rules));
  return rules;
}

/** Merges one JSON file. Null when a version of it is not a JSON object: `violations` then says so. */
function mergeOrTell(
  input: MergeInput,
  file: ChangedFile,
  policyAt: PolicyAt,
  name: DocumentName,
  violations: Violation[],
): MergedFile | null {
  try {
    return mergeFile(input, file, policyAt, name);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const message = `${file.path} cannot be read: ${error.message}.`;
    violations.push({ code: "malformed_json", ...name, pointer: "", message });
    return null;
  }
}

/** Plans the merge of a run into `main`: reads the blobs that differ, merges them, checks nothing and writes nothing. */
export function planMerge(input: MergeInput): MergePlan {
  const { files, violations } = changedFiles(input);
  const conflicts: PlannedConflict[] = [];
  const changing: MergedFile[] = [];
  const opaque = new Map<string, Oid | null>();
  const settle = (file: MergedFile): void => {
    const { collection, id, path } = file;
    for (const conflict of file.conflicts) conflicts.push({ ...conflict, collection, id, path });
    if (file.changes) changing.push(file);
  };

  const settings: MergedFile[] = [];
  for (const file of files.filter(({ kind }) => kind === "configuration" || kind === "schema")) {
    const name = { collection: CONFIG_COLLECTION, id: file.path };
    const merged = mergeOrTell(input, file, noPolicy, name, violations);
    if (merged === null) continue;
    settings.push(merged);
    settle(merged);
  }
  const rules = mergedRules(input, settings, violations);

  for (const file of files.filter(({ kind }) => kind === "file")) {
    const name = { collection: CONFIG_COLLECTION, id: file.path };
    const { take, conflicts: found } = mergeOpaque(input, file, name);
    for (const conflict of found) conflicts.push({ ...conflict, ...name, path: file.path });
    if (take !== file.ours) opaque.set(file.path, take);
  }

  const documents: PlannedDocument[] = [];
  for (const file of files) {
    const { named } = file;
    if (named === null) continue;
    const collection = rules.collections.get(named.collection);
    const place = documentPath(named.collection, named.id, collection?.shards ?? DEFAULT_SHARDS);
    if (collection !== undefined && place !== file.path && file.theirs !== null) {
      violations.push({
        code: "forbidden_path",
        ...named,
        pointer: "",
        message: `${file.path} is not this document's place; it is ${place}.`,
      });
      continue;
    }
    const merged = mergeOrTell(input, file, policyLookup(collection?.policies ?? []), named, violations);
    if (merged === null) continue;
    settle(merged);
    if (merged.changes || merged.conflicts.length > 0) {
      documents.push(merged);
      input.planned?.(merged, collection);
    }
  }

  // Most warnings can be told without what would be written.
  let made: Written | null = null;
  const written = (): Written => (made ??= writtenBy(input, changing, opaque));
  const changed = settings.filter(({ changes }) => changes);
  return {
    rules,
    rulesChanged: changed.length > 0,
    documents,
    settings: changed,
    conflicts,
    violations,
    main: input.main,
    get tree() {
      return written().tree;
    },
    get objects() {
      return written().objects;
    },
  };
}

/** The tree that a merge makes, and the objects that it needs and neither side has. */
interface Written {
  readonly tree: Oid;
  readonly objects: readonly EncodedObject[];
}

function writtenBy(
  { read, main }: MergeInput,
  changing: readonly MergedFile[],
  opaque: ReadonlyMap<string, Oid | null>,
): Written {
  const edits = new Map(opaque);
  const blobs: EncodedObject[] = [];
  for (const file of changing) {
    const { oid, object } = blobOf(read, file);
    edits.set(file.path, oid);
    if (object !== null) blobs.push(object);
  }
  const { root, objects } = editTree(read, main, edits);
  return { tree: root ?? main, objects: [...blobs, ...objects] };
}
