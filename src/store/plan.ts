import { type Configuration, noPolicy, policyLookup } from "../domain/configuration.ts";
import { canonicalJson, type Json } from "../domain/json.ts";
import { CONFIG_COLLECTION, CONFIGURATION_FILE, documentPath } from "../domain/layout.ts";
import type { PolicyAt } from "../domain/merge.ts";
import type { FieldConflict, Notice, Violation } from "../domain/verdict.ts";
import { type EncodedObject, encodeObject, type Oid } from "../git/objects.ts";
import { editTree } from "../git/tree-edit.ts";
import { artifactViolations } from "./artifacts.ts";
import { changedFiles, type MergedTrees } from "./changed-files.ts";
import {
  blobOf,
  type ChangedFile,
  type DocumentName,
  mergeFile,
  type MergedFile,
  type MergeMeans,
  mergeOpaque,
} from "./merge-file.ts";
import { nameCollisions } from "./name-collisions.ts";
import { readPushedFile, tooMuchJson } from "./pushed-file.ts";
import { configurationProblems, danglingSettings, makeRules, type RuledCollection, type Rules } from "./rules.ts";

/** What a merge starts from. */
export interface MergeInput extends MergedTrees, MergeMeans {
  /** The run's files were not written by Runtree: they are read as strictly as the body of a request. */
  readonly pushed?: boolean;
  /** Hears of each document, and of its collection's rules, as soon as it is planned. */
  readonly planned?: (document: PlannedDocument, rules: RuledCollection | undefined) => void;
}

/** One document that the run would change on `main`. */
export type PlannedDocument = Omit<MergedFile, "changes">;

/** A field conflict and the document it is in. */
export interface PlannedConflict extends FieldConflict, DocumentName {}

/** The outcome of a merge before any check: what `main` would become, and what stands in the way already. */
export interface MergePlan {
  readonly rules: Rules;
  readonly rulesChanged: boolean;
  readonly documents: readonly PlannedDocument[];
  /** What becomes of `runtree.json` and schemas, in the same form. */
  readonly settings: readonly PlannedDocument[];
  readonly conflicts: readonly PlannedConflict[];
  readonly violations: readonly Violation[];
  /** What reading strictly had to remark. */
  readonly notices: readonly Notice[];
  /** The tree of `main` that the plan is for. */
  readonly main: Oid;
  /** `main`'s tree with the merged files; conflicts hold ours. */
  readonly tree: Oid;
  readonly objects: readonly EncodedObject[];
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

/** What is wrong with a plan's files, and what is only to be remarked. */
interface Told {
  readonly violations: Violation[];
  readonly notices: Notice[];
}

/** Merges one JSON file. Null when a version of it is not a JSON object: `told` then says so. */
function mergeOrTell(
  input: MergeInput,
  file: ChangedFile,
  policyAt: PolicyAt,
  name: DocumentName,
  { violations, notices }: Told,
): MergedFile | null {
  if (input.pushed === true && file.theirs !== null) {
    const sent = readPushedFile(input.read, file.theirs, name);
    notices.push(...sent.notices);
    violations.push(...sent.violations);
    if (sent.violations.length > 0) return null;
  }
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
  const { files: changed, violations } = changedFiles(input);
  const tooMuch = input.pushed === true ? tooMuchJson(input.read, changed) : null;
  if (tooMuch !== null) violations.push(tooMuch);
  const files = tooMuch === null ? changed : [];
  violations.push(...artifactViolations(input.read, input.runId, files));
  // Those of documents are told by the index of `main`.
  if (input.pushed === true)
    violations.push(
      ...nameCollisions(
        input.read,
        input.run,
        files.filter(({ kind }) => kind === "file"),
      ),
    );
  const notices: Notice[] = [];
  const told = { violations, notices };
  const conflicts: PlannedConflict[] = [];
  const changing: MergedFile[] = [];
  const others = new Map<string, Oid | null>();
  const settle = (file: MergedFile): void => {
    const { collection, id } = file;
    for (const conflict of file.conflicts) conflicts.push({ ...conflict, collection, id });
    if (file.changes) changing.push(file);
  };

  const settings: MergedFile[] = [];
  for (const file of files.filter(({ kind }) => kind === "configuration" || kind === "schema")) {
    const name = { collection: CONFIG_COLLECTION, id: file.path };
    const merged = mergeOrTell(input, file, noPolicy, name, told);
    if (merged === null) continue;
    settings.push(merged);
    settle(merged);
  }
  const rules = mergedRules(input, settings, violations);

  for (const file of files.filter(({ kind }) => kind === "file")) {
    const name = { collection: CONFIG_COLLECTION, id: file.path };
    const { take, conflicts: found } = mergeOpaque(input, file, name);
    for (const conflict of found) conflicts.push({ ...conflict, ...name });
    if (take !== file.ours) others.set(file.path, take);
  }

  const documents: PlannedDocument[] = [];
  for (const file of files) {
    const { named, oursPath } = file;
    if (named === null) continue;
    const collection = rules.collections.get(named.collection);
    const path = collection === undefined ? file.path : documentPath(named.collection, named.id, collection.shards);
    const policyAt = policyLookup(collection?.policies ?? []);
    const merged = mergeOrTell(input, { ...file, path }, policyAt, named, told);
    if (merged === null) continue;
    settle(merged);
    if (merged.changes && path !== oursPath) others.set(oursPath, null);
    if (merged.changes || merged.conflicts.length > 0) {
      documents.push(merged);
      input.planned?.(merged, collection);
    }
  }

  // Most warnings can be told without what would be written.
  let made: Written | null = null;
  const written = (): Written => (made ??= writtenBy(input, changing, others));
  const changedSettings = settings.filter(({ changes }) => changes);
  return {
    rules,
    rulesChanged: changedSettings.length > 0,
    documents,
    settings: changedSettings,
    conflicts,
    violations,
    notices,
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
  others: ReadonlyMap<string, Oid | null>,
): Written {
  const edits = new Map(others);
  const blobs: EncodedObject[] = [];
  for (const file of changing) {
    const { oid, object } = blobOf(read, file);
    edits.set(file.path, oid);
    if (object !== null) blobs.push(object);
  }
  const { root, objects } = editTree(read, main, edits);
  return { tree: root ?? main, objects: [...blobs, ...objects] };
}
