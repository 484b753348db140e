import { isObject } from "../domain/json.ts";
import { CONFIG_COLLECTION, type PathKind, RUN_FILE } from "../domain/layout.ts";
import { readPushedJson, readPushedRecord, type ReadPushedRecord } from "../domain/pushed-record.ts";
import type { Notice, Violation } from "../domain/verdict.ts";
import { readCommit } from "../git/commit.ts";
import type { Oid, ReadObject } from "../git/objects.ts";
import { blobAt, readBlob } from "./documents.ts";
import type { DocumentName } from "./merge-file.ts";
import { recordAt } from "./run-view.ts";

/** Bytes of a file that is pushed (facts/reliability.md §Security); the `pre-receive` hook says the same to git. */
export const MOST_FILE_BYTES = 5_000_000;

/** The same of all JSON files that a run changes: read, they take some ten times as much memory. */
const MOST_JSON_BYTES = 32_000_000;

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [OPENING, CLOSING] = [new Set(Buffer.from("[{")), new Set(Buffer.from("]}"))];

/** How many bytes JSON has about, written canonically: of lists in lists, which are short, indentation makes very much. */
function writtenLength(bytes: Buffer): number {
  let [length, depth, inside] = [bytes.length, 0, false];
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (inside) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) inside = false;
    } else if (byte === QUOTE) inside = true;
    else if (byte === COMMA) length += 2 * depth + 1;
    else if (OPENING.has(byte)) depth++;
    else if (CLOSING.has(byte)) depth--;
  }
  return length;
}

/** Says so when the JSON files that a run would change, with `spent` bytes of others, are more than can be read at once; null when they are not. */
export function tooMuchJson(
  read: ReadObject,
  files: Iterable<{ readonly kind: PathKind; readonly path: string; readonly theirs: Oid | null }>,
  spent: { bytes: number } = { bytes: 0 },
): Violation | null {
  const lengths = new Map<Oid, number>();
  for (const { kind, path, theirs } of files) {
    if (theirs === null || kind === "file") continue;
    const length = lengths.get(theirs) ?? writtenLength(readBlob(read, theirs));
    lengths.set(theirs, length);
    spent.bytes += length;
    if (spent.bytes <= MOST_JSON_BYTES) continue;
    const message = `The JSON files that are changed here have more than ${MOST_JSON_BYTES} bytes. Split it up into several runs, and push one after another.`;
    return { code: "too_large", collection: CONFIG_COLLECTION, id: path, pointer: "", message };
  }
  return null;
}

/** What a JSON file that somebody pushed is refused for, and what is to be remarked about it. */
export function readPushedFile(
  read: ReadObject,
  oid: Oid,
  name: DocumentName,
): { readonly violations: readonly Violation[]; readonly notices: readonly Notice[] } {
  const bytes = readBlob(read, oid);
  const length = writtenLength(bytes);
  if (length > MOST_FILE_BYTES) {
    const message = `The file has some ${length} bytes when it is indented; ${MOST_FILE_BYTES} is the most. Split it up.`;
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
    return { ...readPushedRecord(null), violations: [violation], notices: [] };
  }
  const blob = blobAt(read, readCommit(read, tip).tree, RUN_FILE);
  return readPushedRecord(blob === null ? null : readBlob(read, blob));
}
