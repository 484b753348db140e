import { canonicalJson, isObject, type Json, type JsonObject, sameJson } from "../domain/json.ts";
import { noPolicy } from "../domain/configuration.ts";
import { mergeDocuments, mergeValues, type MergeWay, type PolicyAt } from "../domain/merge.ts";
import type { FieldConflict } from "../domain/verdict.ts";
import { type EncodedObject, encodeObject, type Oid, type ReadObject } from "../git/objects.ts";
import { readBlob } from "./documents.ts";

/** Names a document, or a file of the configuration by its path. */
export interface DocumentName {
  readonly collection: string;
  readonly id: string;
}

/** What a person says about one conflict of a file: the value to take (undefined is absent), or null for nothing. */
export type Settle = (name: DocumentName, conflict: FieldConflict) => { readonly value: Json | undefined } | null;

/** What merging a file needs beside the file itself. */
export interface MergeMeans {
  readonly read: ReadObject;
  /** Settles conflicts by a person's word; without it, or where it says null, a conflict stands. */
  readonly settle?: Settle;
}

/** The blobs of one file that the run changed; null is absent. */
export interface ChangedFile {
  readonly path: string;
  readonly bases: readonly (Oid | null)[];
  readonly ours: Oid | null;
  readonly theirs: Oid | null;
}

/** One JSON file in the versions that its merge looked at, and the merged one; null is absent. */
export interface MergedFile extends DocumentName {
  readonly path: string;
  readonly ours: JsonObject | null;
  readonly theirs: JsonObject | null;
  readonly merged: JsonObject | null;
  readonly theirsOid: Oid | null;
  /** JSON that reads as the merged version, where it is at hand. */
  readonly mergedText: string | null;
  /** The blob that was merged from both sides; null where one side's version stands. */
  readonly mergedBlob: EncodedObject | null;
  readonly conflicts: readonly FieldConflict[];
  /** Tells whether `main` has something else. */
  readonly changes: boolean;
}

/** One version of a JSON file. */
interface Version {
  readonly text: string | null;
  readonly value: JsonObject | null;
}

const ABSENT: Version = { text: null, value: null };

/** Throws `SyntaxError` when the blob is not a JSON object. */
function versionAt(read: ReadObject, oid: Oid | null): Version {
  if (oid === null) return ABSENT;
  const text = readBlob(read, oid).toString("utf8");
  const value = JSON.parse(text) as Json;
  if (!isObject(value)) throw new SyntaxError("it is not a JSON object");
  return { text, value };
}

/** The field merge of several bases, where a conflict counts as absent. */
export function foldBases(versions: readonly (JsonObject | null)[]): JsonObject | null {
  const absent = { policyAt: noPolicy, settle: () => ({ value: undefined }) };
  const folded = versions
    .map((version): Json | undefined => version ?? undefined)
    .reduce((left, right) => mergeValues(undefined, left, right, absent).value);
  return isObject(folded) ? folded : null;
}

/** Merges one JSON file. Throws `SyntaxError` when a version of it is not a JSON object. */
export function mergeFile(
  { read, settle }: MergeMeans,
  file: ChangedFile,
  policyAt: PolicyAt,
  name: DocumentName,
): MergedFile {
  const theirs = versionAt(read, file.theirs);
  const ours = versionAt(read, file.ours);
  const { path, theirs: theirsOid } = file;
  const sides = { collection: name.collection, id: name.id, path, ours: ours.value, theirs: theirs.value, theirsOid };
  const way: MergeWay =
    settle === undefined ? { policyAt } : { policyAt, settle: (conflict) => settle(name, conflict) };
  const [base = null] = file.bases;
  const settled = file.bases.length === 1 && base === file.ours;
  const { value, conflicts } = settled
    ? { value: theirs.value ?? undefined, conflicts: [] }
    : mergeDocuments(foldBases(file.bases.map((oid) => versionAt(read, oid).value)), ours.value, theirs.value, way);
  const merged = isObject(value) ? value : null;
  const changes = !sameJson(merged ?? undefined, ours.value ?? undefined);
  if (!changes || merged === null) return { ...sides, merged, mergedText: null, mergedBlob: null, conflicts, changes };
  if (merged === theirs.value)
    return { ...sides, merged, mergedText: theirs.text, mergedBlob: null, conflicts, changes };
  const mergedText = canonicalJson(merged);
  return { ...sides, merged, mergedText, mergedBlob: encodeObject("blob", mergedText), conflicts, changes };
}

/** The blob that `main` gets of a file which changes there, and the object to be written: none where the run's own blob has these very bytes. */
export function blobOf(
  read: ReadObject,
  { merged, mergedBlob, theirsOid }: MergedFile,
): { oid: Oid | null; object: EncodedObject | null } {
  if (merged === null) return { oid: null, object: null };
  const canonical = mergedBlob ?? canonicalBlob(read, merged, theirsOid);
  if (canonical === null || canonical.oid === theirsOid) return { oid: theirsOid, object: null };
  return { oid: canonical.oid, object: canonical };
}

/** A document's blob in the canonical form; null where a blob that holds it has that form. */
function canonicalBlob(read: ReadObject, document: JsonObject, oid: Oid | null): EncodedObject | null {
  const bytes = Buffer.from(canonicalJson(document), "utf8");
  return oid !== null && readBlob(read, oid).equals(bytes) ? null : encodeObject("blob", bytes);
}

/** Merges a file that is not JSON: one side's change stands, two different ones conflict as a whole. Sides are blob ids. */
export function mergeOpaque(
  { settle }: MergeMeans,
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
