import { encodeTime } from "ulid";
import type { Json } from "../../src/domain/json.ts";
import { type Asked, NOW, type Through } from "../support/faulty-store.ts";
import { SCHEMAS } from "../support/situations.ts";

/** Work that is interrupted. */
export interface Scenario {
  readonly name: string;
  /** What was asked for and answered before. */
  readonly before: readonly Asked[];
  /** Whether stock git then packed all refs and objects. */
  readonly packed?: boolean;
  /** The requests at risk: those of one group at once, and independent of each other; one group after another. */
  readonly groups: readonly (readonly Asked[])[];
  /** What stands between the store and its repository. */
  readonly through?: Through;
}

/** The id of a run, by its letter. */
export function runId(letter: string): string {
  return `${encodeTime(NOW).toLowerCase()}${"0".repeat(15)}${letter}`;
}

let keys = 0;

function asked(operation: Asked["operation"], params: Asked["params"], body: Json): Asked {
  return { operation, params, body, key: `key-${keys++}` };
}

const study = (id: string, more: Json = {}): Json => ({
  studies: { [id]: { title: `Study ${id}`, ...(more as object) } },
});
const sample = (id: string, more: Json): Json => ({ samples: { [id]: more } });

function start(letter: string, body?: Json, more: Readonly<Record<string, Json>> = {}, job = "custom"): Asked {
  const content: Json = { run_id: runId(letter), ...(body === undefined ? {} : { body }), ...more };
  return asked("startRun", { job_id: job }, content);
}

function patch(letter: string, input: Json): Asked {
  return asked("patchRun", { run_id: runId(letter) }, input);
}

const done = (letter: string): Asked => patch(letter, { done: true });
const merged = (letter: string, body: Json): Asked => start(letter, body, { done: true });
const cancel = (letter: string): Asked => asked("cancelRun", { run_id: runId(letter) }, { reason: "no longer wanted" });
const job = (id: string): Asked => asked("createJob", {}, { executor: "external", job_id: id, title: "A job" });

function resolve(letter: string, id: string, pointer: string, take: string): Asked {
  const resolutions = [{ collection: "samples", id, pointer, take }];
  return asked("resolveRun", { run_id: runId(letter) }, { resolutions });
}

/** Takes no key: a client looks whether it was done. */
function putSchema(letter: string, name: string, schema: Json): Asked {
  return { ...asked("putSchema", { run_id: runId(letter), name }, schema), key: null };
}

const SAMPLE = SCHEMAS["schemas/sample.schema.json"] as { properties: Readonly<Record<string, Json>> };

const MANY = ["a", "b", "c", "d", "e"];

/** Two runs that say different things about one field; the second one's `done` was refused. */
const IN_CONFLICT: readonly Asked[] = [
  merged("a", sample("s1", { depth: 1, name: "core" })),
  start("b", sample("s1", { depth: 2 })),
  start("c", sample("s1", { depth: 3 })),
  done("b"),
  done("c"),
];

/** Work that is interrupted at every step of the disk. */
export const SCENARIOS: readonly Scenario[] = [
  { name: "start a run", before: [], groups: [[start("a")]] },
  { name: "start a run with a submission", before: [], groups: [[start("a", study("st"))]] },
  {
    name: "submit to a run, twice",
    before: [start("a")],
    groups: [[patch("a", { body: study("st") })], [patch("a", { body: study("st", { title: "Better" }) })]],
  },
  {
    name: "submit two documents at once",
    before: [start("a", study("st"))],
    groups: [[patch("a", { body: { studies: { st: null }, samples: { s1: { depth: 1 }, s2: { depth: 2 } } } })]],
  },
  {
    name: "describe a run",
    before: [start("a", study("st"))],
    groups: [[patch("a", { metadata: { machine: "m1" }, status: "running" })]],
  },
  { name: "finish a run", before: [start("a", study("st"))], groups: [[done("a")]] },
  {
    name: "finish a run after git packed everything",
    before: [start("a", study("st"))],
    packed: true,
    groups: [[done("a")]],
  },
  {
    name: "submit and finish at once",
    before: [start("a", study("st"))],
    groups: [[patch("a", { done: true, body: sample("s1", { studies: ["st"] }) })]],
  },
  { name: "start, submit and finish at once", before: [], groups: [[merged("a", study("st"))], [done("a")]] },
  {
    name: "a run whose id the store chooses",
    before: [],
    groups: [[asked("startRun", { job_id: "custom" }, { pipeline_name: "nameless", body: study("st"), done: true })]],
  },
  { name: "a done that is refused", before: [start("a", study("st", { title: 5 }))], groups: [[done("a")]] },
  {
    name: "a run that is refused at once, mended, and finished",
    before: [],
    groups: [[merged("a", sample("s1", { studies: ["st"] }))], [patch("a", { body: study("st") })], [done("a")]],
  },
  { name: "cancel a run", before: [start("a", study("st"))], groups: [[cancel("a")]] },
  {
    name: "cancel a second run",
    before: [start("a", study("st")), start("b", study("st")), cancel("a")],
    groups: [[cancel("b")]],
  },
  {
    name: "a run that fails",
    before: [start("a", study("st"))],
    groups: [[patch("a", { status: "failed", error: { message: "out of luck" } })]],
  },
  {
    name: "resolve a conflict and finish",
    before: IN_CONFLICT,
    groups: [[resolve("c", "s1", "/depth", "theirs")], [done("c")]],
  },
  {
    name: "two runs that merge field by field",
    before: [
      merged("a", sample("s1", { depth: 1 })),
      start("b", sample("s1", { name: "core" })),
      start("c", sample("s1", { tags: ["new"] })),
    ],
    groups: [[done("b")], [done("c")]],
  },
  {
    name: "take a document away",
    before: [merged("a", study("st"))],
    groups: [[merged("b", { studies: { st: null } })]],
  },
  {
    name: "create a job, a run of it, and finish",
    before: [],
    groups: [[job("annotate")], [start("a", study("st"), {}, "annotate")], [done("a")]],
  },
  { name: "two jobs at once", before: [job("first")], groups: [[job("second"), job("third")]] },
  {
    name: "put a schema and finish",
    before: [merged("a", sample("s1", { depth: 1 })), start("b")],
    groups: [
      [
        putSchema("b", "sample", {
          ...SAMPLE,
          properties: { ...SAMPLE.properties, depth: { type: "number", minimum: 0 } },
        }),
      ],
      [done("b")],
    ],
  },
  { name: "five runs started at once", before: [], groups: [MANY.map((letter) => start(letter, study(letter)))] },
  {
    name: "five runs finished at once",
    before: MANY.map((letter) => start(letter, study(letter))),
    groups: [MANY.map(done)],
  },
  {
    name: "five runs at once, from start to end",
    before: [],
    groups: [MANY.map((letter) => merged(letter, study(letter)))],
  },
  {
    name: "five runs of every kind at once",
    before: MANY.map((letter) => start(letter, study(letter))),
    groups: [[done("a"), cancel("b"), patch("c", { body: sample("s1", { depth: 1 }) }), done("d"), job("sideways")]],
  },
  {
    name: "a run without changes, finished",
    before: [start("a")],
    groups: [[done("a")]],
  },
  {
    name: "a run that is skipped",
    before: [start("a", study("st"))],
    groups: [[patch("a", { status: "skipped" })]],
  },
  {
    name: "a done that stays in conflict",
    before: IN_CONFLICT,
    groups: [[done("c")]],
  },
  {
    name: "mend a conflict by a submission and finish",
    before: IN_CONFLICT,
    groups: [[patch("c", { body: sample("s1", { depth: 2, note: "agreed" }) })], [done("c")]],
  },
  {
    name: "fifty documents at once",
    before: [],
    groups: [
      [merged("a", { samples: Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`s${at}`, { depth: at }])) })],
    ],
  },
  {
    name: "a document larger than what is written to the journal at once",
    before: [start("a")],
    groups: [[patch("a", { body: sample("s1", { note: "n".repeat(300_000) }), done: true })]],
  },
  {
    name: "a document and what refers to it, brought together and taken away together",
    before: [],
    groups: [
      [merged("a", { studies: { st: { title: "St" } }, samples: { s1: { studies: ["st"] } } })],
      [merged("b", { studies: { st: null }, samples: { s1: null } })],
    ],
  },
  {
    name: "one document, changed by one run after another",
    before: [merged("a", study("st"))],
    groups: [[merged("b", study("st", { title: "Better" }))], [merged("c", study("st", { title: "Best" }))]],
  },
  {
    name: "a unique value, given up and taken",
    before: [merged("a", study("st", { doi: "10.1/x" }))],
    groups: [[merged("b", study("st", { doi: "10.1/y" }))], [merged("c", study("other", { doi: "10.1/x" }))]],
  },
  {
    name: "start a run after git packed everything",
    before: [merged("a", study("st"))],
    packed: true,
    groups: [[start("b", sample("s1", { studies: ["st"] }))]],
  },
  {
    name: "cancel a run after git packed everything",
    before: [start("a", study("st")), start("b"), cancel("b")],
    packed: true,
    groups: [[cancel("a")]],
  },
  {
    name: "a job after git packed everything",
    before: [job("first")],
    packed: true,
    groups: [[job("second")]],
  },
  {
    name: "five runs submitted to at once",
    before: MANY.map((letter) => start(letter)),
    groups: [MANY.map((letter) => patch(letter, { body: study(letter) }))],
  },
  {
    name: "five runs cancelled at once",
    before: MANY.map((letter) => start(letter, study(letter))),
    groups: [MANY.map(cancel)],
  },
  { name: "five jobs at once", before: [], groups: [MANY.map(job)] },
  {
    name: "five runs finished at once after git packed everything",
    before: MANY.map((letter) => start(letter, study(letter))),
    packed: true,
    groups: [MANY.map(done)],
  },
];
