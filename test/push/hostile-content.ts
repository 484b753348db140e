import { documentPath } from "../../src/domain/layout.ts";
import { encodeRecord } from "../../src/store/run-view.ts";
import type { RunRecord } from "../../src/domain/run.ts";
import { newRun } from "../support/crafted.ts";
import { runWith, type Situation } from "./ground.ts";

/** A document whose bytes are these. */
const bytes = (name: string, text: string | Buffer, code: string): Situation => ({
  name,
  made: (ground) => runWith(ground, { [documentPath("study_set", "s-bytes", 1)]: text }),
  told: new RegExp(`^remote: ${code} study_set/s-bytes `, "m"),
  unserved: "rejected",
});

const titled = (title: string): string => `{"id":"s-bytes","title":${title}}\n`;

/** Documents that no two readers of JSON agree about. */
export const DOCUMENTS: readonly Situation[] = [
  bytes("no JSON", "{", "malformed_json"),
  bytes("nothing at all", "", "malformed_json"),
  bytes("two values", `${titled('"A"')}${titled('"B"')}`, "malformed_json"),
  bytes("a list", "[]\n", "schema"),
  bytes("null", "null\n", "schema"),
  bytes("a text", '"text"\n', "schema"),
  bytes("one key twice", '{"id":"s-bytes","title":"A","title":"B"}\n', "malformed_json"),
  bytes("one key twice, once escaped", '{"id":"s-bytes","title":"A","\\u0074itle":"B"}\n', "malformed_json"),
  bytes("__proto__", '{"id":"s-bytes","title":"A","__proto__":{"x":1}}\n', "hostile_key"),
  bytes("constructor, escaped", '{"id":"s-bytes","title":"A","\\u0063onstructor":{}}\n', "hostile_key"),
  bytes("an integer beyond 2^53", titled("9007199254740993"), "bad_number"),
  bytes("1e400", titled("1e400"), "bad_number"),
  bytes("a lone surrogate", titled('"\\ud800"'), "malformed_json"),
  bytes("bytes that are not UTF-8", Buffer.from(titled('"\xff\xfe"'), "latin1"), "malformed_json"),
  bytes("a surrogate in UTF-8", Buffer.from(titled('"\xed\xa0\x80"'), "latin1"), "malformed_json"),
  bytes("a byte order mark", `\ufeff${titled('"A"')}`, "malformed_json"),
  bytes("UTF-16", Buffer.from(titled('"A"'), "utf16le"), "malformed_json"),
  bytes("65 levels", titled(`${"[".repeat(65)}${"]".repeat(65)}`), "too_large"),
  bytes("100,000 levels", titled(`${"[".repeat(100_000)}${"]".repeat(100_000)}`), "too_large"),
];

/** A run.json whose bytes are these. */
const says = (name: string, text: string, told: string, unserved: Situation["unserved"] = "rejected"): Situation => ({
  name: `run.json with ${name}`,
  made: (ground) => runWith(ground, { "run.json": text }),
  told: new RegExp(`^remote: ${told}`, "m"),
  ...(unserved === undefined ? {} : { unserved }),
});

function forged(run: string): string {
  const record: RunRecord = {
    id: run,
    job_id: "custom",
    origin: "rest",
    status: "success",
    created_by: "bob",
    created_at: "2026-01-01T00:00:00.000Z",
    updated_at: "2026-01-01T00:00:00.000Z",
    completed_at: "2026-01-01T00:00:00.000Z",
    base: "1".repeat(40),
    metadata: {},
    submissions: 1,
    validations: 1,
    warnings: [],
    warning_count: 0,
    notices: [],
  };
  return encodeRecord({ ...record, done: true } as RunRecord);
}

const UNREAD = "\\S+ \\$config/run\\.json ";

/** What whoever pushes says of a run. What cannot be read says nothing, not even done. */
export const RECORDS: readonly Situation[] = [
  says("no JSON", "{", UNREAD, "kept"),
  says("a list", "[]", UNREAD, "kept"),
  says("one key twice", '{"done":true,"done":true}', UNREAD, "kept"),
  says('done:"yes"', '{"job":"custom","done":"yes"}', UNREAD, "kept"),
  says("metadata that is a list", '{"job":"custom","done":true,"metadata":[]}', UNREAD),
  says("a job that is a number", '{"job":7,"done":true}', UNREAD),
  says(
    "a job that there is not",
    '{"job":"nobody-knows","done":true}',
    "runtree: refused: job_not_found: .*nobody-knows",
  ),
  {
    name: "run.json with a whole record, a success of somebody else's",
    made: (ground) => {
      const run = newRun();
      return runWith(ground, { "run.json": forged(run) }, run);
    },
    told: /^remote: schema \$config\/run\.json : run\.json is the record of a run, which the server keeps/m,
    unserved: "kept",
  },
];
