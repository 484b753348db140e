import { DEFAULT_SHARDS } from "../domain/configuration.ts";
import type { JsonObject } from "../domain/json.ts";
import { documentAt, documentPath } from "../domain/layout.ts";
import type { Violation } from "../domain/verdict.ts";
import type { Oid, ReadObject } from "../git/objects.ts";
import { diffTrees, FILE_MODE } from "../git/tree.ts";
import { type DocumentChange, documentIn, treeAt } from "./documents.ts";
import type { PlannedDocument } from "./plan.ts";
import { configViolation, misplaced, type Rules } from "./rules.ts";
import { nameOf } from "./standing.ts";

/** What became of documents between two trees, as a plan that takes all of it as it is. */
export interface PlannedChange {
  readonly documents: readonly PlannedDocument[];
  /** Files that are no documents, or not in their places. */
  readonly violations: readonly Violation[];
  readonly changes: readonly DocumentChange[];
}

/** A stand-in for a version of a document of which it only matters that it was there. */
const SOMETHING: JsonObject = {};

/**
 * Plans to take every document that differs between two trees as it is in the second; null before is the tree without
 * documents. Blobs that are no documents are noted in `unreadable`. Throws `corrupt_object` for objects that are missing.
 */
export function planChange(
  read: ReadObject,
  before: Oid | null,
  after: Oid,
  rules: Rules,
  unreadable: Set<Oid>,
): PlannedChange {
  const documents = new Map<string, PlannedDocument>();
  const violations: Violation[] = [];
  const changes: DocumentChange[] = [];
  const put = (document: PlannedDocument): void => {
    const known = documents.get(nameOf(document));
    // One that moves to another place goes and comes, and stands.
    if (known === undefined || document.merged !== null) documents.set(nameOf(document), document);
  };
  for (const { path, before: old, after: now } of diffTrees(
    read,
    treeAt(read, before, "metadata"),
    treeAt(read, after, "metadata"),
    "metadata/",
  )) {
    const named = documentAt(path);
    const merged = named !== null && now?.mode === FILE_MODE ? documentIn(read, now.oid) : null;
    if (now !== null && merged === null) {
      violations.push(configViolation("forbidden_path", "", `${path} is not a document.`, path));
      unreadable.add(now.oid);
    }
    if (named === null) continue;
    changes.push({ ...named, before: old?.oid ?? null, after: now?.oid ?? null });
    if (now !== null && merged === null) continue;
    const place = documentPath(
      named.collection,
      named.id,
      rules.collections.get(named.collection)?.shards ?? DEFAULT_SHARDS,
    );
    if (now !== null && place !== path) violations.push(misplaced(named, path, place));
    put({
      ...named,
      path,
      ours: old === null ? null : SOMETHING,
      theirs: merged,
      merged,
      theirsOid: now?.oid ?? null,
      mergedText: null,
      mergedBlob: null,
      conflicts: [],
    });
  }
  return { documents: [...documents.values()], violations, changes };
}

/** Reads as `read` does, but for blobs that are no documents: these are empty ones, so that what is around them can be judged. */
export function readerPast(read: ReadObject, unreadable: ReadonlySet<Oid>): ReadObject {
  const empty = { type: "blob", data: Buffer.from("{}") } as const;
  return (oid) => (unreadable.has(oid) ? empty : read(oid));
}
