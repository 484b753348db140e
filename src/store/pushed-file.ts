import { isObject } from "../domain/json.ts";
import { CONFIG_COLLECTION, RUN_FILE } from "../domain/layout.ts";
import { readPushedJson, readPushedRecord, type ReadPushedRecord } from "../domain/pushed-record.ts";
import type { Notice, Violation } from "../domain/verdict.ts";
import { readCommit } from "../git/commit.ts";
import type { Oid, ReadObject } from "../git/objects.ts";
import { blobAt, readBlob } from "./documents.ts";
import type { DocumentName } from "./merge-file.ts";
import { recordAt } from "./run-view.ts";

/** Bytes of a file that is pushed (facts/reliability.md §Security); the `pre-receive` hook says the same to git. */
export const MOST_FILE_BYTES = 5_000_000;

/** What a JSON file that somebody pushed is refused for, and what is to be remarked about it. */
export function readPushedFile(
  read: ReadObject,
  oid: Oid,
  name: DocumentName,
): { readonly violations: readonly Violation[]; readonly notices: readonly Notice[] } {
  const bytes = readBlob(read, oid);
  if (bytes.length > MOST_FILE_BYTES) {
    const message = `The file has ${bytes.length} bytes; ${MOST_FILE_BYTES} is the most. Split it up.`;
    return { violations: [{ code: "too_large", ...name, pointer: "", message }], notices: [] };
  }
  const { value, violations, notices } = readPushedJson(bytes, name);
  if (violations.length > 0 || isObject(value)) return { violations, notices };
  return {
    violations: [{ code: "schema", ...name, pointer: "", message: "The file must hold one JSON object." }],
    notices,
  };
}

/** What a pushed tip says of its run, and what is wrong with how it says it: a whole record is the server's to keep. */
export function pushedRecordAt(read: ReadObject, tip: Oid): ReadPushedRecord {
  if (recordAt({ read }, tip) !== null) {
    const message = `${RUN_FILE} is the record of a run, which the server keeps; put {"job": "custom", "done": true} in it.`;
    const violation: Violation = { code: "schema", collection: CONFIG_COLLECTION, id: RUN_FILE, pointer: "", message };
    return { ...readPushedRecord(null), violations: [violation] };
  }
  const blob = blobAt(read, readCommit(read, tip).tree, RUN_FILE);
  return readPushedRecord(blob === null ? null : readBlob(read, blob));
}
