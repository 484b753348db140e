import { DEFAULT_SHARDS } from "../domain/configuration.ts";
import { changeOp } from "../domain/change.ts";
import { hasCode } from "../domain/errors.ts";
import { canonicalJson, type JsonObject } from "../domain/json.ts";
import { documentPath } from "../domain/layout.ts";
import { applyJsonPatch } from "../domain/json-patch.ts";
import type { PatchOperation } from "../domain/json-patch-door.ts";
import { applyEdit, type DocumentEdit } from "../domain/patch.ts";
import type { Oid } from "../git/objects.ts";
import { blobAt, readDocumentBlob } from "./documents.ts";
import type { Rules } from "./rules.ts";
import type { Store } from "./store.ts";

/** What a submission does to a branch: files by path (null removes one) and a line for each changed document. */
export interface AppliedSubmission {
  readonly files: ReadonlyMap<string, string | null>;
  readonly lines: readonly string[];
}

/** The rules of a branch's own tree; those of `main` when the branch's cannot be used. */
export function branchRules(store: Store, tree: Oid): Rules {
  try {
    return store.main.rulesReader.rulesOf(tree, store.reader());
  } catch (error) {
    if (hasCode(error, "repository_not_ours")) return store.main.rules;
    throw error;
  }
}

/** Where the documents of a branch's tree lie, by its own rules. */
function pathsIn(store: Store, tree: Oid): (collection: string, id: string) => string {
  const { collections } = branchRules(store, tree);
  return (collection, id) => documentPath(collection, id, collections.get(collection)?.shards ?? DEFAULT_SHARDS);
}

/** Applies the edits of a submission to the documents of a branch's tree. Documents of unknown collections are kept, too. */
export function applySubmission(store: Store, tree: Oid, edits: readonly DocumentEdit[]): AppliedSubmission {
  const read = store.reader();
  const pathOf = pathsIn(store, tree);
  const files = new Map<string, string | null>();
  const lines: string[] = [];
  for (const edit of edits) {
    const path = pathOf(edit.collection, edit.id);
    const before: JsonObject | null = readDocumentBlob(read, blobAt(read, tree, path));
    const after = applyEdit(before, edit);
    const op = changeOp(before, after);
    if (op === null) continue;
    files.set(path, after === null ? null : canonicalJson(after));
    lines.push(`${op} ${edit.collection}/${edit.id}`);
  }
  return { files, lines };
}

/** Applies a JSON Patch to the documents of a branch's tree. Throws `validation_failed` where it cannot be applied. */
export function applyOperations(store: Store, tree: Oid, operations: readonly PatchOperation[]): AppliedSubmission {
  const read = store.reader();
  const pathOf = pathsIn(store, tree);
  const edits = applyJsonPatch(operations, (collection, id) =>
    readDocumentBlob(read, blobAt(read, tree, pathOf(collection, id))),
  );
  return applySubmission(store, tree, edits);
}
