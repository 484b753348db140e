import { sameJson } from "../domain/json.ts";
import { parsePointer, valueAt } from "../domain/pointer.ts";
import type { Conflict } from "../domain/verdict.ts";
import { readCommit, trailerOf } from "../git/commit.ts";
import type { Oid, ReadObject } from "../git/objects.ts";
import { blobAt, readDocumentBlob } from "./documents.ts";
import type { PlannedConflict } from "./plan.ts";

/** Where the two sides of a merge stand: commits; the base is where they parted. */
export interface Sides {
  readonly base: Oid;
  readonly main: Oid;
  readonly run: Oid;
}

/** The newest commit on a first-parent chain, not beyond the base, that changed the value at a pointer of a file. */
function lastChange(read: ReadObject, tip: Oid, base: Oid, path: string, pointer: string): Oid {
  const parts = parsePointer(pointer) ?? [];
  const blobOf = (commit: Oid): Oid | null => blobAt(read, readCommit(read, commit).tree, path);
  const now = blobOf(tip);
  const value = valueAt(readDocumentBlob(read, now) ?? undefined, parts);
  for (let at = tip, blob = now; ;) {
    const parent = readCommit(read, at).parents[0];
    if (at === base || parent === undefined) return at;
    const before = blobOf(parent);
    if (before !== blob && !sameJson(valueAt(readDocumentBlob(read, before) ?? undefined, parts), value)) return at;
    at = parent;
    blob = before;
  }
}

/** Names the commit, run and author behind each side of a conflict. Walks the commits since the base, which only a conflict costs. */
export function nameSides(
  read: ReadObject,
  { base, main, run }: Sides,
  runId: string,
  conflict: PlannedConflict,
): Conflict {
  const { path, ...found } = conflict;
  const ours = lastChange(read, main, base, path, conflict.pointer);
  const theirs = lastChange(read, run, base, path, conflict.pointer);
  const [ourCommit, theirCommit] = [readCommit(read, ours), readCommit(read, theirs)];
  return {
    ...found,
    ours_commit: ours,
    theirs_commit: theirs,
    ours_run: trailerOf(ourCommit.message, "Run-Id"),
    theirs_run: runId,
    ours_author: ourCommit.author.name,
    theirs_author: theirCommit.author.name,
  };
}
