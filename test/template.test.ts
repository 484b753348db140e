import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { patchRun } from "../src/actions/patch-run.ts";
import { listCollections } from "../src/actions/read-documents.ts";
import { startRun } from "../src/actions/start-run.ts";
import { hasCode } from "../src/domain/errors.ts";
import { isObject, type Json, type JsonObject } from "../src/domain/json.ts";
import { documentPath } from "../src/domain/layout.ts";
import { formatPointer } from "../src/domain/pointer.ts";
import type { Conflict, Violation } from "../src/domain/verdict.ts";
import { readCommit } from "../src/git/commit.ts";
import type { RunView } from "../src/store/run-view.ts";
import type { Store } from "../src/store/store.ts";
import { blobAt, readDocumentBlob } from "../src/store/documents.ts";
import { openTestStore, SHIPPED_TEMPLATE, TESTER } from "./support/store.ts";

/** One of everything, as full as it can be; each refers to others of them. */
const WHOLE = {
  study_set: {
    "st-all": { title: "Lakes of the north" },
    "st-1": {
      title: "Lake cores",
      description: "How warm were the summers?",
      principal_investigator: { name: "Ada Berg", orcid: "0000-0002-1825-0097" },
      part_of: "st-all",
      websites: ["https://example.org/cores"],
      doi: "10.1234/cores",
    },
  },
  biosample_set: {
    "bsm-1": {
      name: "Core 1",
      description: "The long one.",
      associated_studies: ["st-1"],
      collection_date: "2026-07-14",
      collection_site: { latitude: 68.4, longitude: 18.9 },
      depth: { value: 3, unit: "m" },
      temperature: { value: 4.5, unit: "Cel" },
      ph: 6.8,
      ecosystem: "lake sediment",
      accessions: ["SAMN1", "ERS1"],
      keywords: ["lake", "sediment"],
    },
    "bsm-1-top": { associated_studies: ["st-1"], derived_from: "bsm-1" },
  },
  data_object_set: {
    "obj-reads": { name: "reads.fastq.gz" },
    "obj-table": {
      name: "genes.csv",
      description: "One line a gene.",
      data_object_type: "annotation table",
      media_type: "text/csv",
      file_size_bytes: 0,
      md5_checksum: "d41d8cd98f00b204e9800998ecf8427e",
      url: "https://example.org/genes.csv",
      was_generated_by: "wfe-1",
    },
  },
  workflow_execution_set: {
    "wfe-1": {
      name: "Annotation of core 1",
      workflow: "annotate",
      version: "2.1",
      git_url: "https://example.org/annotate.git",
      started_at_time: "2026-07-14T09:30:00Z",
      ended_at_time: "2026-07-14T11:00:00+02:00",
      has_input: ["bsm-1", "obj-reads"],
      has_output: ["obj-table"],
      parameters: { threshold: 0.5, tools: { caller: "fast" } },
      status: "pass",
    },
  },
  datasets: {
    "dts-1": {
      title: "Genes of the lake",
      description: "For whoever counts genes.",
      associated_studies: ["st-1"],
      data_objects: ["obj-table"],
      creators: [{ name: "Ada Berg", orcid: "0000-0002-1825-0097", role: "curation" }, { name: "Bo Ek" }],
      license: "CC0-1.0",
      doi: "10.1234/genes",
      shelf: "a member of our own",
    },
  },
} as const satisfies Record<string, Record<string, JsonObject>>;

async function submit(store: Store, body: Json, done = false): Promise<RunView> {
  return startRun(store, TESTER, { job_id: "custom", body, done, notices: [] });
}

/** Says done, and returns the conflicts of the merge; none when it went through. */
async function finish(store: Store, { record }: RunView): Promise<readonly Conflict[]> {
  try {
    await patchRun(store, TESTER, record.id, { done: true, notices: [] }, () => undefined);
    return [];
  } catch (error) {
    if (hasCode(error, "merge_conflict")) return error.data["conflicts"] as readonly Conflict[];
    throw error;
  }
}

/** A store with one of everything merged. */
async function wholeStore(): Promise<Store> {
  const { store } = await openTestStore();
  const { record } = await submit(store, WHOLE, true);
  expect(record.status).toBe("success");
  return store;
}

function places(violations: readonly Violation[]): string[] {
  return violations.map(({ code, collection, id, pointer }) => `${code} ${collection}/${id} ${pointer}`);
}

/** What is tried, the document it is tried on, the patch, and the pointer that is to be named. */
type Case = readonly [string, string, JsonObject, string];

function bodyFor(name: string, patch: JsonObject): Json {
  const [collection = "", id = ""] = name.split("/");
  return { [collection]: { [id]: patch } };
}

async function warningsOf(store: Store, name: string, patch: JsonObject): Promise<string[]> {
  return places((await submit(store, bodyFor(name, patch))).record.warnings);
}

function documentOnMain(store: Store, collection: string, id: string): JsonObject | null {
  const read = store.reader();
  const { tree } = readCommit(read, store.main.catchUp());
  return readDocumentBlob(read, blobAt(read, tree, documentPath(collection, id, 1)));
}

const templateJson = [
  "runtree.json",
  ...readdirSync(join(SHIPPED_TEMPLATE, "schemas")).map((name) => `schemas/${name}`),
].map((path) => ({ path, text: readFileSync(join(SHIPPED_TEMPLATE, path), "utf8") }));

/** Every `properties` member of a schema that has no words for its reader. */
function undescribed(schema: Json, at = ""): string[] {
  if (!isObject(schema)) return [];
  const members = isObject(schema["properties"]) ? Object.entries(schema["properties"]) : [];
  return members.flatMap(([name, member]) => [
    ...(isObject(member) && (typeof member["description"] === "string" || SELF_EVIDENT.has(name))
      ? []
      : [`${at}/${name}`]),
    ...undescribed(member, `${at}/${name}`),
  ]);
}
const SELF_EVIDENT = new Set(["value", "latitude", "longitude"]);

describe("the template as files", () => {
  test.each(templateJson)("$path is in two-space form", ({ text }) => {
    expect(text).toBe(`${JSON.stringify(JSON.parse(text), null, 2)}\n`);
  });

  test.each(templateJson.slice(1))("$path describes itself and every field", ({ text }) => {
    const schema = JSON.parse(text) as JsonObject;
    expect(schema["title"]).toBeTruthy();
    expect(schema["description"]).toBeTruthy();
    expect(undescribed(schema)).toEqual([]);
  });
});

describe("the template opened", () => {
  test("has five empty collections, each under a schema of its own", async () => {
    const { store } = await openTestStore();
    const collections = listCollections(store);
    expect(collections.map(({ name, documents }) => [name, documents])).toEqual([
      ["biosample_set", 0],
      ["data_object_set", 0],
      ["datasets", 0],
      ["study_set", 0],
      ["workflow_execution_set", 0],
    ]);
    expect(new Set(collections.map(({ schema }) => schema))).toEqual(
      new Set(templateJson.slice(1).map(({ path }) => path)),
    );
  });

  test("says which fields refer, which are unique and how they merge", async () => {
    const { store } = await openTestStore();
    const rules = [...store.main.rules.collections.values()].map(({ name, references, unique, policies }) => ({
      name,
      references: references.map(({ at, to }) => `${formatPointer(at)} → ${to.join(", ")}`),
      unique: unique.map(formatPointer),
      merge: policies.map(({ at, policy }) => `${formatPointer(at)} ${JSON.stringify(policy)}`),
    }));
    expect(rules).toMatchInlineSnapshot(`
      [
        {
          "merge": [
            "/accessions "set"",
            "/associated_studies "set"",
            "/collection_site "atomic"",
            "/depth "atomic"",
            "/keywords "set"",
            "/temperature "atomic"",
          ],
          "name": "biosample_set",
          "references": [
            "/associated_studies/* → study_set",
            "/derived_from → biosample_set",
          ],
          "unique": [
            "/accessions/*",
          ],
        },
        {
          "merge": [],
          "name": "data_object_set",
          "references": [
            "/was_generated_by → workflow_execution_set",
          ],
          "unique": [
            "/url",
          ],
        },
        {
          "merge": [
            "/associated_studies "set"",
            "/creators {"by":"name"}",
            "/data_objects "set"",
          ],
          "name": "datasets",
          "references": [
            "/associated_studies/* → study_set",
            "/data_objects/* → data_object_set",
          ],
          "unique": [
            "/doi",
          ],
        },
        {
          "merge": [
            "/principal_investigator "atomic"",
            "/websites "set"",
          ],
          "name": "study_set",
          "references": [
            "/part_of → study_set",
          ],
          "unique": [
            "/doi",
          ],
        },
        {
          "merge": [
            "/has_output "set"",
            "/parameters "atomic"",
          ],
          "name": "workflow_execution_set",
          "references": [
            "/has_input/* → biosample_set, data_object_set",
            "/has_output/* → data_object_set",
          ],
          "unique": [],
        },
      ]
    `);
  });

  test("takes one of everything without a warning, and the least of everything", async () => {
    const { store } = await openTestStore();
    const whole = await submit(store, WHOLE, true);
    expect([whole.record.status, whole.record.merge?.verdict.checked]).toEqual(["success", 8]);
    const { record } = await submit(store, {
      study_set: { least: { title: "x" } },
      biosample_set: { least: { associated_studies: ["least"] } },
      data_object_set: { least: { name: "x" } },
      workflow_execution_set: { least: { workflow: "x", has_input: ["bsm-1"] } },
      datasets: { least: {} },
    });
    expect(places(record.warnings)).toEqual([]);
  });
});

describe("a document that does not fit", () => {
  const cases: readonly Case[] = [
    ["a study without a title", "study_set/st-1", { title: null }, "/title"],
    ["a study with an empty title", "study_set/st-1", { title: "" }, "/title"],
    ["a field that studies do not have", "study_set/st-1", { budget: 5 }, "/budget"],
    [
      "an ORCID with its address",
      "study_set/st-1",
      { principal_investigator: { orcid: "https://orcid.org/0000-0002-1825-0097" } },
      "/principal_investigator/orcid",
    ],
    [
      "a nameless investigator",
      "study_set/st-1",
      { principal_investigator: { name: null } },
      "/principal_investigator/name",
    ],
    ["a DOI with its address", "study_set/st-1", { doi: "https://doi.org/10.1234/cores" }, "/doi"],
    ["a website that is no address", "study_set/st-1", { websites: ["our page"] }, "/websites/0"],
    ["a biosample of no study", "biosample_set/bsm-1", { associated_studies: [] }, "/associated_studies"],
    ["a date that no calendar has", "biosample_set/bsm-1", { collection_date: "2026-02-30" }, "/collection_date"],
    [
      "a latitude beyond the pole",
      "biosample_set/bsm-1",
      { collection_site: { latitude: 90.5 } },
      "/collection_site/latitude",
    ],
    ["a longitude alone", "biosample_set/bsm-1", { collection_site: { latitude: null } }, "/collection_site/latitude"],
    ["a quantity without a unit", "biosample_set/bsm-1", { depth: { unit: null } }, "/depth/unit"],
    ["a quantity in words", "biosample_set/bsm-1", { temperature: { value: "cold" } }, "/temperature/value"],
    ["a pH beyond the scale", "biosample_set/bsm-1", { ph: 14.1 }, "/ph"],
    ["a keyword twice", "biosample_set/bsm-1", { keywords: ["lake", "lake"] }, "/keywords"],
    ["a file without a name", "data_object_set/obj-table", { name: null }, "/name"],
    ["a size below nothing", "data_object_set/obj-table", { file_size_bytes: -1 }, "/file_size_bytes"],
    ["half a byte", "data_object_set/obj-table", { file_size_bytes: 0.5 }, "/file_size_bytes"],
    [
      "a checksum in capitals",
      "data_object_set/obj-table",
      { md5_checksum: "D41D8CD98F00B204E9800998ECF8427E" },
      "/md5_checksum",
    ],
    ["a media type that is a file ending", "data_object_set/obj-table", { media_type: ".csv" }, "/media_type"],
    ["an execution without input", "workflow_execution_set/wfe-1", { has_input: null }, "/has_input"],
    ["an execution of no workflow", "workflow_execution_set/wfe-1", { workflow: null }, "/workflow"],
    [
      "a time without a zone",
      "workflow_execution_set/wfe-1",
      { started_at_time: "2026-07-14T09:30:00" },
      "/started_at_time",
    ],
    ["a status of one's own", "workflow_execution_set/wfe-1", { status: "done" }, "/status"],
    ["a creator without a name", "datasets/dts-1", { creators: [{ role: "curation" }] }, "/creators/0/name"],
    ["a licence of no words", "datasets/dts-1", { license: "" }, "/license"],
  ];

  test("is a schema violation of that very field", async () => {
    const store = await wholeStore();
    const found: Record<string, string[]> = {};
    for (const [what, name, patch] of cases) found[what] = await warningsOf(store, name, patch);
    expect(found).toEqual(
      Object.fromEntries(cases.map(([what, name, , pointer]) => [what, [`schema ${name} ${pointer}`]])),
    );
  });
});

describe("links between documents", () => {
  const dangling: readonly Case[] = [
    ["a larger study", "study_set/st-1", { part_of: "bsm-1" }, "/part_of"],
    [
      "a study of a biosample",
      "biosample_set/bsm-1",
      { associated_studies: ["st-1", "st-0"] },
      "/associated_studies/1",
    ],
    ["a biosample's origin", "biosample_set/bsm-1-top", { derived_from: "bsm-0" }, "/derived_from"],
    ["what wrote a file", "data_object_set/obj-table", { was_generated_by: "wfe-0" }, "/was_generated_by"],
    ["an input", "workflow_execution_set/wfe-1", { has_input: ["st-1"] }, "/has_input/0"],
    ["an output", "workflow_execution_set/wfe-1", { has_output: ["bsm-1"] }, "/has_output/0"],
    ["a file of a dataset", "datasets/dts-1", { data_objects: ["wfe-1"] }, "/data_objects/0"],
    ["a study of a dataset", "datasets/dts-1", { associated_studies: ["dts-1"] }, "/associated_studies/0"],
  ];

  test("must lead to a document of the right collection", async () => {
    const store = await wholeStore();
    const found: Record<string, string[]> = {};
    for (const [what, name, patch] of dangling) found[what] = await warningsOf(store, name, patch);
    expect(found).toEqual(
      Object.fromEntries(dangling.map(([what, name, , pointer]) => [what, [`reference_missing ${name} ${pointer}`]])),
    );
  });

  test("keep what they lead to from being deleted", async () => {
    const store = await wholeStore();
    const { record } = await submit(store, {
      biosample_set: { "bsm-1": null },
      data_object_set: { "obj-table": null },
    });
    expect(places(record.warnings)).toEqual([
      "reference_in_use biosample_set/bsm-1-top /derived_from",
      "reference_in_use datasets/dts-1 /data_objects/0",
      "reference_in_use workflow_execution_set/wfe-1 /has_input/0",
      "reference_in_use workflow_execution_set/wfe-1 /has_output/0",
    ]);
  });

  test("lead into the same submission, and go with it", async () => {
    const store = await wholeStore();
    const everything = Object.entries(WHOLE).map(([collection, documents]) => [
      collection,
      Object.fromEntries(Object.keys(documents).map((id) => [id, null])),
    ]);
    const { record } = await submit(store, Object.fromEntries(everything) as Json, true);
    expect(record.status).toBe("success");
    expect(listCollections(store).map(({ documents }) => documents)).toEqual([0, 0, 0, 0, 0]);
  });
});

test("a value that must be unique is refused in a second document, and free again where it is given up", async () => {
  const store = await wholeStore();
  const second = {
    study_set: { "st-2": { title: "x", doi: "10.1234/cores" } },
    biosample_set: { "bsm-2": { associated_studies: ["st-1"], accessions: ["SAMN2", "ERS1"] } },
    data_object_set: { "obj-2": { name: "x", url: "https://example.org/genes.csv" } },
    datasets: { "dts-2": { doi: "10.1234/genes" } },
  };
  const { record } = await submit(store, second);
  expect(places(record.warnings)).toEqual([
    "duplicate biosample_set/bsm-2 /accessions/1",
    "duplicate data_object_set/obj-2 /url",
    "duplicate datasets/dts-2 /doi",
    "duplicate study_set/st-2 /doi",
  ]);
  const given = { study_set: { ...second.study_set, "st-1": { doi: null } } };
  expect(places((await submit(store, given)).record.warnings)).toEqual([]);
});

describe("two runs at one document", () => {
  /** Merges two patches of one document that were made from the same `main`; the conflicts of the second. */
  async function race(store: Store, name: string, first: JsonObject, second: JsonObject): Promise<string[]> {
    const runs = [await submit(store, bodyFor(name, first)), await submit(store, bodyFor(name, second))];
    const found: Conflict[] = [];
    for (const run of runs) found.push(...(await finish(store, run)));
    return found.map(({ kind, pointer }) => `${kind} ${pointer}`).sort();
  }

  test("merge what each of them added: words, links, people, fields", async () => {
    const store = await wholeStore();
    const sample = await race(
      store,
      "biosample_set/bsm-1",
      { keywords: ["lake", "sediment", "cold"], ph: 7 },
      { keywords: ["sediment", "core"], name: "Long core 1" },
    );
    expect(sample).toEqual([]);
    expect(documentOnMain(store, "biosample_set", "bsm-1")).toMatchObject({
      keywords: ["sediment", "cold", "core"],
      ph: 7,
      name: "Long core 1",
    });
    const [ada, bo] = WHOLE.datasets["dts-1"].creators;
    const dataset = await race(
      store,
      "datasets/dts-1",
      { creators: [ada, { ...bo, role: "sampling" }], data_objects: ["obj-table", "obj-reads"] },
      { creators: [ada, bo, { name: "Cy Dal" }], data_objects: [] },
    );
    expect(dataset).toEqual([]);
    expect(documentOnMain(store, "datasets", "dts-1")).toMatchObject({
      creators: [ada, { ...bo, role: "sampling" }, { name: "Cy Dal" }],
      data_objects: ["obj-reads"],
    });
  });

  test("conflict where a mixture would be a lie: quantities, places, people, parameters, inputs", async () => {
    const store = await wholeStore();
    const sample = await race(
      store,
      "biosample_set/bsm-1",
      { depth: { value: 10 }, temperature: { value: 40 }, collection_site: { latitude: 1 } },
      { depth: { unit: "ft" }, temperature: { unit: "F" }, collection_site: { longitude: 1 } },
    );
    expect(sample).toEqual(["modify/modify /collection_site", "modify/modify /depth", "modify/modify /temperature"]);
    const investigator = await race(
      store,
      "study_set/st-1",
      { principal_investigator: { name: "Bo Ek" } },
      { principal_investigator: { orcid: "0000-0001-5109-3700" } },
    );
    expect(investigator).toEqual(["modify/modify /principal_investigator"]);
    const execution = await race(
      store,
      "workflow_execution_set/wfe-1",
      { parameters: { threshold: 0.6 }, has_input: ["bsm-1"] },
      { parameters: { tools: { caller: "slow" } }, has_input: ["obj-reads"] },
    );
    expect(execution).toEqual(["array /has_input", "modify/modify /parameters"]);
  });
});
