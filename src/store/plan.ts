import { type Configuration, DEFAULT_SHARDS, noPolicy, policyLookup } from "../domain/configuration.ts";
import { canonicalJson, isObject, type Json, type JsonObject, sameJson } from "../domain/json.ts";
import {
  CONFIG_COLLECTION,
  CONFIGURATION_FILE,
  documentAt,
  documentPath,
  type PathKind,
  pathKind,
} from "../domain/layout.ts";
import { mergeDocuments, mergeValues, type MergeWay, type PolicyAt } from "../domain/merge.ts";
import type { FieldConflict, Violation } from "../domain/verdict.ts";
import { type EncodedObject, encodeObject, type Oid, type ReadObject } from "../git/objects.ts";
import { editTree } from "../git/tree-edit.ts";
import { diffTrees, FILE_MODE, type FileChange, readTree } from "../git/tree.ts";
import { blobAt, readBlob } from "./documents.ts";
import { configurationProblems, configViolation, danglingSettings, makeRules, type Rules } from "./rules.ts";

/** What a merge starts from: trees by id. Several bases arise when histories crossed; usually there is one. */
export interface MergeInput {
  readonly read: ReadObject;
  readonly runId: string;
  readonly bases: readonly Oid[];
  readonly main: Oid;
  readonly run: Oid;
  readonly mainRules: Rules;
  /** Settles conflicts by a person's word; without it, or where it says null, a conflict stands. */
  readonly settle?: Settle;
}

/** What a person says about one conflict of a file: the value to take (undefined is absent), or null for nothing. */
export type Settle = (name: DocumentName, conflict: FieldConflict) => { readonly value: Json | undefined } | null;

/** Names a document, or a file of the configuration by its path. */
export interface DocumentName {
  readonly collection: string;
  readonly id: string;
}

/** One document that the run would change on `main`, in the versions the merge looked at; null is absent. */
export interface PlannedDocument {
  readonly collection: string;
  readonly id: string;
  readonly path: string;
  readonly ours: JsonObject | null;
  readonly theirs: JsonObject | null;
  readonly merged: JsonObject | null;
  /** Blobs of the run's version and of the merged one; null is absent. */
  readonly theirsOid: Oid | null;
  readonly mergedOid: Oid | null;
  readonly conflicts: readonly FieldConflict[];
}

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
  /** `main`'s tree with the merged files; conflicts hold ours. */
  readonly tree: Oid;
  readonly objects: readonly EncodedObject[];
}

interface ChangedFile {
  readonly path: string;
  readonly kind: PathKind;
  readonly bases: readonly (Oid | null)[];
  readonly ours: Oid | null;
  readonly theirs: Oid | null;
}

interface MergedFile extends Omit<PlannedDocument, "collection" | "id"> {
  /** Tells whether `main` has something else. */
  readonly changes: boolean;
  /** The merged blob, unless it is in the run already. */
  readonly object: EncodedObject | null;
}

/** The run's changes by path. This is the only diff: what came by merging `main` is not in it. */
function changedFiles({ read, bases, main, run, runId }: MergeInput): {
  files: ChangedFile[];
  violations: Violation[];
} {
  const changed = new Map<string, FileChange>();
  for (const base of bases) for (const change of diffTrees(read, base, run)) changed.set(change.path, change);
  const atRoot = [...changed.keys()].some((path) => path.startsWith(".")) ? readTree(read, main) : [];
  const dotfiles = new Set(atRoot.map(({ name }) => name).filter((name) => name.startsWith(".")));
  const files: ChangedFile[] = [];
  const violations: Violation[] = [];
  for (const [path, { before, after: entry }] of changed) {
    const kind = pathKind(path, runId, dotfiles);
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
    files.push({ path, kind, bases: inBases, ours, theirs: entry?.oid ?? null });
  }
  return { files, violations };
}

/** The field merge of several bases, where a conflict counts as absent. */
function foldBases(versions: readonly (JsonObject | null)[]): JsonObject | null {
  const absent = { policyAt: noPolicy, settle: () => ({ value: undefined }) };
  const folded = versions
    .map((version): Json | undefined => version ?? undefined)
    .reduce((left, right) => mergeValues(undefined, left, right, absent).value);
  return isObject(folded) ? folded : null;
}

/** Merges one JSON file. Null when the run's version is not a JSON object: `violations` then says so. */
function mergeFile(
  { read, settle }: MergeInput,
  file: ChangedFile,
  policyAt: PolicyAt,
  name: DocumentName,
  violations: Violation[],
): MergedFile | null {
  const parse = (oid: Oid | null): JsonObject | null => {
    if (oid === null) return null;
    const value = JSON.parse(readBlob(read, oid).toString("utf8")) as Json;
    if (!isObject(value)) throw new SyntaxError("it is not a JSON object");
    return value;
  };
  const way: MergeWay =
    settle === undefined ? { policyAt } : { policyAt, settle: (conflict) => settle(name, conflict) };
  try {
    const theirs = parse(file.theirs);
    const ours = parse(file.ours);
    const [base = null] = file.bases;
    const settled = file.bases.length === 1 && base === file.ours;
    const { value, conflicts } = settled
      ? { value: theirs ?? undefined, conflicts: [] }
      : mergeDocuments(foldBases(file.bases.map(parse)), ours, theirs, way);
    const merged = isObject(value) ? value : null;
    const changes = !sameJson(merged ?? undefined, ours ?? undefined);
    const [mergedOid, object] = changes ? blobOf(read, merged, file.theirs) : [file.ours, null];
    return { path: file.path, ours, theirs, merged, theirsOid: file.theirs, mergedOid, conflicts, changes, object };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    violations.push({
      code: "malformed_json",
      ...name,
      pointer: "",
      message: `${file.path} cannot be read: ${error.message}.`,
    });
    return null;
  }
}

/** The blob of a merged file, and the object to be written: none where the run's own blob has these very bytes. */
function blobOf(
  read: ReadObject,
  merged: JsonObject | null,
  theirs: Oid | null,
): [oid: Oid | null, object: EncodedObject | null] {
  if (merged === null) return [null, null];
  const bytes = Buffer.from(canonicalJson(merged), "utf8");
  if (theirs !== null && readBlob(read, theirs).equals(bytes)) return [theirs, null];
  const object = encodeObject("blob", bytes);
  return [object.oid, object];
}

/** Merges a file that is not JSON: one side's change stands, two different ones conflict as a whole. Sides are blob ids. */
function mergeOpaque(
  { settle }: MergeInput,
  file: ChangedFile,
  name: DocumentName,
): { take: Oid | null; conflicts: FieldConflict[] } {
  if (file.bases.every((base) => base === file.ours) || file.ours === file.theirs)
    return { take: file.theirs, conflicts: [] };
  const sides = Object.entries({ base: file.bases[0], ours: file.ours, theirs: file.theirs }).filter(
    ([, oid]) => typeof oid === "string",
  );
  const conflict: FieldConflict = {
    pointer: "",
    kind: sides.length === 3 ? "modify/modify" : "delete/modify",
    ...Object.fromEntries(sides),
  };
  const settled = settle?.(name, conflict) ?? null;
  if (settled === null) return { take: file.ours, conflicts: [conflict] };
  return { take: typeof settled.value === "string" ? settled.value : null, conflicts: [] };
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

/** Plans the merge of a run into `main`: reads the blobs that differ, merges them, checks nothing and writes nothing. */
export function planMerge(input: MergeInput): MergePlan {
  const { read } = input;
  const { files, violations } = changedFiles(input);
  const conflicts: PlannedConflict[] = [];
  const edits = new Map<string, Oid | null>();
  const objects: EncodedObject[] = [];
  const settle = ({ path, mergedOid, object, changes, conflicts: found }: MergedFile, name: DocumentName): void => {
    for (const conflict of found) conflicts.push({ ...conflict, ...name, path });
    if (object !== null) objects.push(object);
    if (changes) edits.set(path, mergedOid);
  };

  const settings: MergedFile[] = [];
  for (const file of files.filter(({ kind }) => kind === "configuration" || kind === "schema")) {
    const name = { collection: CONFIG_COLLECTION, id: file.path };
    const merged = mergeFile(input, file, noPolicy, name, violations);
    if (merged === null) continue;
    settings.push(merged);
    settle(merged, name);
  }
  const rules = mergedRules(input, settings, violations);

  for (const file of files.filter(({ kind }) => kind === "file")) {
    const name = { collection: CONFIG_COLLECTION, id: file.path };
    const { take, conflicts: found } = mergeOpaque(input, file, name);
    for (const conflict of found) conflicts.push({ ...conflict, ...name, path: file.path });
    if (take !== file.ours) edits.set(file.path, take);
  }

  const documents: PlannedDocument[] = [];
  for (const file of files) {
    const named = file.kind === "document" ? documentAt(file.path) : null;
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
    const merged = mergeFile(input, file, policyLookup(collection?.policies ?? []), named, violations);
    if (merged === null) continue;
    settle(merged, named);
    if (merged.changes || merged.conflicts.length > 0) documents.push({ ...merged, ...named });
  }

  // Most warnings can be told without the tree that would come of it.
  let made: ReturnType<typeof editTree> | null = null;
  const edited = (): ReturnType<typeof editTree> => (made ??= editTree(read, input.main, edits));
  const changed = settings.filter(({ changes }) => changes);
  return {
    rules,
    rulesChanged: changed.length > 0,
    documents,
    settings: changed.map((file) => ({ ...file, collection: CONFIG_COLLECTION, id: file.path })),
    conflicts,
    violations,
    get tree() {
      return edited().root ?? input.main;
    },
    get objects() {
      return [...objects, ...edited().objects];
    },
  };
}
