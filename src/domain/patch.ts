import jsonMergePatch from "json-merge-patch";
import { idProblem, isCollectionName } from "./ids.ts";
import { isArray, isObject, type Json, type JsonObject } from "./json.ts";
import { formatPointer } from "./pointer.ts";
import { doorViolation, type Violation } from "./verdict.ts";

/** What a submission says of one document: a merge patch over it, a whole document, or its deletion. */
export type DocumentEdit =
  | { readonly collection: string; readonly id: string; readonly kind: "patch"; readonly patch: JsonObject }
  | { readonly collection: string; readonly id: string; readonly kind: "replace"; readonly document: JsonObject }
  | { readonly collection: string; readonly id: string; readonly kind: "delete" };

/**
 * Reads the `body` of a submission, `{collection: {id: patch | null} | [document, …]}`, into one edit a document.
 * `at` is where the body stands in the request; violations name what the door refuses, and then no edit counts.
 */
export function readSubmission(body: Json, at: readonly string[]): { edits: DocumentEdit[]; violations: Violation[] } {
  const edits: DocumentEdit[] = [];
  const violations: Violation[] = [];
  const refuse = (code: Violation["code"], path: readonly string[], message: string): void => {
    violations.push(doorViolation(code, formatPointer([...at, ...path]), message));
  };
  if (!isObject(body)) {
    refuse("schema", [], "A submission is an object of collections.");
    return { edits, violations };
  }
  for (const [collection, members] of Object.entries(body)) {
    if (collection === "@type") continue;
    if (!isCollectionName(collection)) {
      refuse(
        "bad_id",
        [collection],
        `"${collection}" cannot name a collection: lower-case letters, digits, "_" and "-", a letter first, at most 64.`,
      );
    } else if (isArray(members)) {
      const seen = new Set<string>();
      for (const [index, document] of members.entries()) {
        const path = [collection, String(index)];
        const id = isObject(document) && Object.hasOwn(document, "id") ? document["id"] : undefined;
        if (!isObject(document)) refuse("schema", path, "A document is an object.");
        else if (typeof id !== "string")
          refuse("schema", [...path, "id"], "A document in an array needs an id that is a string.");
        else if (seen.has(id)) refuse("bad_id", [...path, "id"], `The id "${id}" stands twice in the array.`);
        else if (idProblem(id) !== null)
          refuse("bad_id", [...path, "id"], `"${id}" cannot be an id: ${idProblem(id)}.`);
        else {
          seen.add(id);
          edits.push({ collection, id, kind: "replace", document });
        }
      }
    } else if (isObject(members)) {
      for (const [id, patch] of Object.entries(members)) {
        const problem = idProblem(id);
        if (problem !== null) refuse("bad_id", [collection, id], `"${id}" cannot be an id: ${problem}.`);
        else if (patch === null) edits.push({ collection, id, kind: "delete" });
        else if (isObject(patch)) edits.push({ collection, id, kind: "patch", patch });
        else
          refuse("schema", [collection, id], "A document is changed by an object (a merge patch) or deleted by null.");
      }
    } else
      refuse(
        "schema",
        [collection],
        members === null
          ? "A collection cannot be removed by a submission; delete its documents, each by null."
          : "A collection holds an object of ids or an array of documents.",
      );
  }
  return { edits, violations };
}

/** json-merge-patch calls `hasOwnProperty` on the document itself, so a member of that name would break it. */
const SHADOWED = "hasOwnProperty";
/** Holds half of a surrogate pair, which no text from the door does. */
const STAND_IN = "\ud800hasOwnProperty";

function renameKeys(value: Json, from: string, to: string): Json {
  if (isArray(value)) return value.map((item) => renameKeys(item, from, to));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key === from ? to : key, renameKeys(member, from, to)]),
  );
}

/** Tells whether a patch goes through an object that has, or gets, a member which breaks the library. */
function meetsShadowed(target: Json | undefined, patch: Json): boolean {
  if (!isObject(patch)) return false;
  const members = isObject(target) ? target : {};
  if (Object.hasOwn(patch, SHADOWED) || Object.hasOwn(members, SHADOWED)) return true;
  return Object.keys(patch).some((key) => meetsShadowed(members[key], patch[key] ?? null));
}

/** A copy that may be changed wherever a patch goes; the rest of it is the original's. */
function copyAlong(target: Json, patch: Json): Json {
  if (!isObject(target) || !isObject(patch)) return target;
  const copy: Record<string, Json> = { ...target };
  for (const [key, change] of Object.entries(patch)) {
    const member = copy[key];
    if (isObject(member) && Object.hasOwn(copy, key)) copy[key] = copyAlong(member, change);
  }
  return copy;
}

/**
 * Applies an RFC 7396 merge patch and returns the new value; neither argument is changed, and the result shares with them
 * what the patch leaves as it was. Hostile keys must have been refused before (`json-door.ts`): the library stops at them
 * without a word.
 */
export function applyMergePatch(target: Json | undefined, patch: Json): Json {
  const before = target ?? null;
  // The library changes what it is given, so it is given a copy.
  if (!meetsShadowed(before, patch)) return jsonMergePatch.apply(copyAlong(before, patch), patch) as Json;
  const [renamed, change] = [before, patch].map((value) => renameKeys(value, SHADOWED, STAND_IN));
  return renameKeys(jsonMergePatch.apply(renamed, change) as Json, STAND_IN, SHADOWED);
}

/** The document after an edit; null when it is deleted, or deleted again. A new document without `id` gets its key. */
export function applyEdit(before: JsonObject | null, edit: DocumentEdit): JsonObject | null {
  if (edit.kind === "delete") return null;
  if (edit.kind === "replace") return edit.document;
  const patched = applyMergePatch(before ?? {}, edit.patch);
  if (!isObject(patched)) return null;
  return before === null && !Object.hasOwn(patched, "id") ? { id: edit.id, ...patched } : patched;
}
