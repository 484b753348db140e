import { type Configuration, DEFAULT_SHARDS } from "../domain/configuration.ts";
import { type JsonObject, sameJson } from "../domain/json.ts";
import { CONFIG_COLLECTION, documentPath } from "../domain/layout.ts";
import { parsePointer, valueAt } from "../domain/pointer.ts";
import type { Conflict } from "../domain/verdict.ts";
import { readCommit, trailerOf } from "../git/commit.ts";
import type { Oid, ReadObject } from "../git/objects.ts";
import { blobAt, documentIn } from "./documents.ts";
import type { DocumentName } from "./merge-file.ts";
import type { PlannedConflict } from "./plan.ts";
import { type ShardsOf, shardsOfTree } from "./shards.ts";
import { nameOf } from "./standing.ts";

/** Where the two sides of a merge stand: commits; the base is where they parted. */
export interface Sides {
  readonly base: Oid;
  readonly main: Oid;
  readonly run: Oid;
  /** That of `main`. */
  readonly configuration: Configuration;
}

/** The commits of one side that changed a file, newest first, each with the document before it. */
interface FileStory {
  readonly document: JsonObject | null;
  readonly changes: readonly { readonly commit: Oid; readonly before: JsonObject | null }[];
  /** Where the walk ended. */
  readonly end: Oid;
}

/** Finds where a tree has a file. */
type PathIn = (tree: Oid) => string;

/** Follows a file along first parents, not beyond the base. */
function fileStory(read: ReadObject, tip: Oid, base: Oid, pathIn: PathIn): FileStory {
  const blobOf = (commit: Oid): Oid | null => {
    const { tree } = readCommit(read, commit);
    return blobAt(read, tree, pathIn(tree));
  };
  // A file that is not JSON is compared as a whole.
  const isJson = pathIn(readCommit(read, tip).tree).endsWith(".json");
  const documentOf = (blob: Oid | null): JsonObject | null =>
    isJson ? documentIn(read, blob) : blob === null ? null : { blob };
  const changes: { commit: Oid; before: JsonObject | null }[] = [];
  const now = blobOf(tip);
  for (let at = tip, blob = now; ;) {
    const parent = readCommit(read, at).parents[0];
    if (at === base || parent === undefined) return { document: documentOf(now), changes, end: at };
    const before = blobOf(parent);
    if (before !== blob) changes.push({ commit: at, before: documentOf(before) });
    [at, blob] = [parent, before];
  }
}

/** The newest commit of a story that changed the value at a pointer. */
function lastChange({ document, changes, end }: FileStory, pointer: string): Oid {
  const parts = parsePointer(pointer) ?? [];
  const value = valueAt(document ?? undefined, parts);
  const found = changes.find(({ before }) => !sameJson(valueAt(before ?? undefined, parts), value));
  return found?.commit ?? end;
}

/** Names the commit, run and author behind each side of conflicts. Walks the commits since the base, which only a conflict costs. */
export function nameSides(
  read: ReadObject,
  { base, main, run, configuration }: Sides,
  runId: string,
  conflicts: readonly PlannedConflict[],
): Conflict[] {
  const layouts = new Map<Oid, ShardsOf>();
  const shardsIn = (tree: Oid): ShardsOf => {
    const known = layouts.get(tree) ?? shardsOfTree(read, tree, configuration);
    layouts.set(tree, known);
    return known;
  };
  const pathOf =
    ({ collection, id }: DocumentName): PathIn =>
    (tree) => {
      if (collection === CONFIG_COLLECTION) return id;
      return documentPath(collection, id, shardsIn(tree)(collection) ?? DEFAULT_SHARDS);
    };
  const stories = new Map<string, { ours: FileStory; theirs: FileStory }>();
  return conflicts.map((found) => {
    const [name, pathIn] = [nameOf(found), pathOf(found)];
    const story = stories.get(name) ?? {
      ours: fileStory(read, main, base, pathIn),
      theirs: fileStory(read, run, base, pathIn),
    };
    stories.set(name, story);
    const [ours, theirs] = [lastChange(story.ours, found.pointer), lastChange(story.theirs, found.pointer)];
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
  });
}
