import { artifactFolder } from "../domain/layout.ts";
import { readCommit } from "../git/commit.ts";
import type { Oid } from "../git/objects.ts";
import { walkFiles } from "../git/tree.ts";
import { readBlob, treeAt } from "./documents.ts";
import type { RunView } from "./run-view.ts";
import type { Store } from "./store.ts";

/** A file that a run brought along, by its path below the run's own folder. */
export interface Artifact {
  readonly path: string;
  readonly oid: Oid;
}

/** The files that a run brought along, in the order of their paths. */
export function artifactsOf(store: Store, { record, head }: RunView): Artifact[] {
  // Over REST there is no way to bring any.
  if (record.origin === "rest") return [];
  const read = store.reader();
  const folder = treeAt(read, readCommit(read, head).tree, artifactFolder(record.id).slice(0, -1));
  return Array.from(walkFiles(read, folder), ({ path, entry }) => ({ path, oid: entry.oid }));
}

/** The bytes of a file that a run brought along, by its path below the run's own folder or in the repository; null when there is none. */
export function readArtifact(store: Store, view: RunView, path: string): { oid: Oid; bytes: Buffer } | null {
  const folder = artifactFolder(view.record.id);
  const below = path.startsWith(folder) ? path.slice(folder.length) : path;
  const found = artifactsOf(store, view).find((artifact) => artifact.path === below);
  return found === undefined ? null : { oid: found.oid, bytes: readBlob(store.reader(), found.oid) };
}
