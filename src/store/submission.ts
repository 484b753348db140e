import { DEFAULT_SHARDS } from "../domain/configuration.ts";
import { changeOp } from "../domain/change.ts";
import { hasCode, RuntreeError } from "../domain/errors.ts";
import { canonicalJson, type JsonObject } from "../domain/json.ts";
import { documentPath } from "../domain/layout.ts";
import { applyJsonPatch } from "../domain/json-patch.ts";
import type { PatchOperation } from "../domain/json-patch-door.ts";
import { applyEdit, type DocumentEdit } from "../domain/patch.ts";
import { readCommit } from "../git/commit.ts";
import type { Oid } from "../git/objects.ts";
import { blobAt, readDocumentBlob } from "./documents.ts";
import type { Rules } from "./rules.ts";
import { shardsOfTree } from "./shards.ts";
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

/** What a document may grow to by patches, in UTF-16 units of its file; a pushed object may have as many bytes (facts/reliability.md §Security). */
const MAX_DOCUMENT = 5_000_000;

function refuseTooLarge({ collection, id }: DocumentEdit): never {
  const message = `The document would have more than ${MAX_DOCUMENT} characters; split it up.`;
  const errors = [{ code: "too_large", collection, id, pointer: "", message }];
  throw new RuntreeError("validation_failed", `The request is refused: ${message}`, { errors });
}

/** A branch as a submission finds it. */
export interface SubmissionPlace {
  readonly tree: Oid;
  /** The commit of `main` that it forked from or was last resolved against. */
  readonly base: Oid;
}

/** Where a document of a branch belongs, where it lies if that is elsewhere, and what is there. */
interface FoundDocument {
  readonly path: string;
  readonly oldPath: string;
  readonly document: JsonObject | null;
}

/** Finds documents of a branch: one with a configuration of its own may have them at new places, and what it did not touch where its base had it. */
function documentsOf(store: Store, { tree, base }: SubmissionPlace): (collection: string, id: string) => FoundDocument {
  const read = store.reader();
  const { collections } = branchRules(store, tree);
  const forked = shardsOfTree(read, readCommit(read, base).tree, store.main.rules.configuration);
  return (collection, id) => {
    const shards = collections.get(collection)?.shards ?? DEFAULT_SHARDS;
    const path = documentPath(collection, id, shards);
    const earlier = forked(collection) ?? shards;
    const oldPath = earlier === shards ? path : documentPath(collection, id, earlier);
    const blob = blobAt(read, tree, path) ?? (oldPath === path ? null : blobAt(read, tree, oldPath));
    return { path, oldPath, document: readDocumentBlob(read, blob) };
  };
}

/** Applies the edits of a submission to the documents of a branch. Documents of unknown collections are kept, too. Throws `validation_failed` for one that grows too large. */
export function applySubmission(
  store: Store,
  place: SubmissionPlace,
  edits: readonly DocumentEdit[],
): AppliedSubmission {
  const find = documentsOf(store, place);
  const files = new Map<string, string | null>();
  const lines: string[] = [];
  for (const edit of edits) {
    const { path, oldPath, document: before } = find(edit.collection, edit.id);
    const after = applyEdit(before, edit);
    const op = changeOp(before, after);
    if (op === null) continue;
    const text = after === null ? null : canonicalJson(after);
    if (text !== null && text.length > MAX_DOCUMENT) refuseTooLarge(edit);
    if (oldPath !== path) files.set(oldPath, null);
    files.set(path, text);
    lines.push(`${op} ${edit.collection}/${edit.id}`);
  }
  return { files, lines };
}

/** Applies a JSON Patch to the documents of a branch. Throws `validation_failed` where it cannot be applied. */
export function applyOperations(
  store: Store,
  place: SubmissionPlace,
  operations: readonly PatchOperation[],
): AppliedSubmission {
  const find = documentsOf(store, place);
  return applySubmission(
    store,
    place,
    applyJsonPatch(operations, (collection, id) => find(collection, id).document),
  );
}
