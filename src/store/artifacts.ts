import { artifactFolder, CONFIG_COLLECTION } from "../domain/layout.ts";
import type { Violation } from "../domain/verdict.ts";
import type { Oid, ReadObject } from "../git/objects.ts";
import { readBlob } from "./documents.ts";

/** Bytes of the files that one run may bring along (DESIGN §2). */
const MOST_BYTES = 5_000_000;

/** Says so when the files that a run brings along are larger than a run may bring; nothing when they are not. */
export function artifactViolations(
  read: ReadObject,
  runId: string,
  files: Iterable<{ readonly path: string; readonly theirs: Oid | null }>,
): Violation[] {
  const folder = artifactFolder(runId);
  let bytes = 0;
  for (const { path, theirs } of files)
    if (theirs !== null && path.startsWith(folder)) bytes += readBlob(read, theirs).length;
  if (bytes <= MOST_BYTES) return [];
  const message = `The files below ${folder} have ${bytes} bytes; a run may bring ${MOST_BYTES}.`;
  return [{ code: "too_large", collection: CONFIG_COLLECTION, id: folder, pointer: "", message }];
}
