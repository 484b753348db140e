import { describe, expect, test } from "vitest";
import { putConfiguration, putSchema } from "../../src/actions/change-settings.ts";
import type { Configuration } from "../../src/domain/configuration.ts";
import type { Json } from "../../src/domain/json.ts";
import { CONFIGURATION, finish, merged, open, patch, refusal, SCHEMAS, storeWith } from "../support/situations.ts";
import { TESTER } from "../support/store.ts";
import type { Violation } from "../../src/domain/verdict.ts";
import { documentPath } from "../../src/domain/layout.ts";
import { documentsIn } from "../../src/store/documents.ts";
import type { RunView } from "../../src/store/run-view.ts";
import type { Store } from "../../src/store/store.ts";

const short = (violations: readonly Violation[]): string[] =>
  violations.map(({ code, collection, id, pointer }) => `${code} ${collection}/${id} ${pointer}`);

const sent = (value: Json): Parameters<typeof putSchema>[4] => ({ value, notices: [], precondition: () => undefined });

async function configure(store: Store, run: RunView, configuration: unknown): Promise<RunView> {
  return putConfiguration(store, TESTER, run.record.id, sent(configuration as Json));
}

describe("the merged result is checked", () => {
  test("all violations are reported, each with its pointer", async () => {
    const { store } = await storeWith();
    const body = { samples: { s1: { depth: "deep", studies: ["gone"], parent: "none" }, s2: { id: "other" } } };
    const { code, errors, run } = await refusal(merged(store, body));
    expect(code).toBe("validation_failed");
    expect(short(errors)).toEqual([
      "schema samples/s1 /depth",
      "reference_missing samples/s1 /parent",
      "reference_missing samples/s1 /studies/0",
      "id_mismatch samples/s2 /id",
    ]);
    expect(run.record.merge?.verdict).toMatchObject({ outcome: "rejected", violation_count: 4 });
  });

  test("a document that is called like a schema does not keep the schema from being asked", async () => {
    const { store } = await storeWith();
    const called = Object.keys(SCHEMAS)[1] ?? "";
    const { errors } = await refusal(
      merged(store, { samples: { [called]: { parent: "none" }, s2: { depth: "deep" } } }),
    );
    expect(short(errors)).toContain("schema samples/s2 /depth");
  });

  test("documents go to the validator once, while the merge is still planned", async () => {
    const { store } = await storeWith();
    await store.warmUp();
    const { check } = store.schemas;
    const asked: number[] = [];
    store.schemas.check = async (source, documents, found) => {
      asked.push(documents.filter(({ document }) => !found.has(document)).length);
      return check.call(store.schemas, source, documents, found);
    };
    const body = { samples: { s1: { depth: "deep" }, s2: { depth: 1 } }, studies: { st: { title: 1 } } };
    const run = await open(store, body);
    expect(asked).toEqual([0, 0]);
    expect(short(run.record.warnings)).toEqual(["schema samples/s1 /depth", "schema studies/st /title"]);
  });

  test("at most a hundred violations are listed, and all counted", async () => {
    const { store } = await storeWith();
    const many = Object.fromEntries(Array.from({ length: 130 }, (_, index) => [`s${index}`, { depth: "deep" }]));
    const { errors, run } = await refusal(merged(store, { samples: many }));
    expect(errors).toHaveLength(100);
    expect(run.record.merge?.verdict.violation_count).toBe(130);
  });

  test("the same faults are warnings before done, and leave the status alone", async () => {
    const { store } = await storeWith();
    const run = await open(store, { samples: { s1: { depth: "deep" } } });
    expect(run.record.status).toBe("waiting");
    expect(short(run.record.warnings)).toEqual(["schema samples/s1 /depth"]);
    const mended = await patch(store, run, { body: { samples: { s1: { depth: 1 } } } });
    expect(mended.record.warnings).toEqual([]);
  });

  test("two documents that are each valid on their branch may not be so together", async () => {
    const { store } = await storeWith({ studies: { st: {} } });
    const removes = await open(store, { studies: { st: null } });
    const uses = await open(store, { samples: { s1: { studies: ["st"] } } });
    await finish(store, uses);
    const { errors } = await refusal(finish(store, removes));
    expect(short(errors)).toEqual(["reference_in_use samples/s1 /studies/0"]);
    expect(errors[0]?.detail).toEqual({ collection: "studies", id: "st" });
  });
});

describe("references", () => {
  test("may be met by the same run", async () => {
    const { store } = await storeWith();
    await merged(store, { studies: { st: {} }, samples: { s1: { studies: ["st"], parent: "s2" }, s2: {} } });
    expect(store.main.index.referrers("st")).toHaveLength(1);
  });

  test("inward ones go with the referring document", async () => {
    const { store } = await storeWith({ studies: { st: {} }, samples: { s1: { studies: ["st"] } } });
    const view = await merged(store, { studies: { st: null }, samples: { s1: null } });
    expect(view.record.status).toBe("success");
    expect(store.main.index.referrers("st")).toEqual([]);
  });

  test("moved elsewhere in the same run, the old target may go", async () => {
    const { store } = await storeWith({ studies: { st: {}, new: {} }, samples: { s1: { studies: ["st"] } } });
    await merged(store, { studies: { st: null }, samples: { s1: { studies: ["new"] } } });
    expect(store.main.index.referrers("new")).toHaveLength(1);
  });
});

describe("references under several rules", () => {
  const twice = (to: readonly string[]): object => ({ from: "samples", at: "/name", to });

  test("at one place are each remembered: the narrower one keeps its target from going", async () => {
    const { store } = await storeWith({ studies: { T: {} }, samples: { T: {}, s1: { name: "T" } } });
    const run = await open(store);
    const references = [twice(["studies"]), twice(["studies", "samples"])];
    await finish(store, await configure(store, run, { ...CONFIGURATION, references }));
    const { errors } = await refusal(merged(store, { studies: { T: null } }));
    expect(short(errors)).toEqual(["reference_in_use samples/s1 /name"]);
  });

  test("of documents whose ids and places read alike are kept apart", async () => {
    const { store } = await storeWith({ studies: { T: {} }, samples: { x: { "a ": { b: "T" } }, "x /a": { b: "T" } } });
    const references = [
      { from: "samples", at: "/a /b", to: ["studies"] },
      { from: "samples", at: "/b", to: ["studies"] },
    ];
    await finish(store, await configure(store, await open(store), { ...CONFIGURATION, references }));
    await merged(store, { samples: { "x /a": null } });
    expect(short((await refusal(merged(store, { studies: { T: null } }))).errors)).toEqual([
      "reference_in_use samples/x /a /b",
    ]);
  });
});

describe("uniqueness", () => {
  test("against main, within one run, and after the holder gave the value up", async () => {
    const { store } = await storeWith({ studies: { a: { doi: "10.1/x" } } });
    const against = await refusal(merged(store, { studies: { b: { doi: "10.1/x" } } }));
    expect(short(against.errors)).toEqual(["duplicate studies/b /doi"]);
    const within = await refusal(merged(store, { studies: { c: { doi: "10.1/y" }, d: { doi: "10.1/y" } } }));
    expect(short(within.errors)).toEqual(["duplicate studies/d /doi"]);
    await merged(store, { studies: { a: { doi: null }, b: { doi: "10.1/x" } } });
    expect(store.main.index.holders('studies /doi "10.1/x"')).toEqual(new Set(["b"]));
  });

  test("two runs that took the same value", async () => {
    const { store } = await storeWith();
    const runs = [
      await open(store, { studies: { a: { doi: "z" } } }),
      await open(store, { studies: { b: { doi: "z" } } }),
    ];
    await finish(store, runs[0] as RunView);
    expect(short((await refusal(finish(store, runs[1] as RunView))).errors)).toEqual(["duplicate studies/b /doi"]);
  });
});

describe("ids", () => {
  test("that differ only in case or normal form are refused", async () => {
    const { store } = await storeWith({ samples: { "Sample-é": {} } });
    const { errors } = await refusal(merged(store, { samples: { "sample-e\u0301": {} } }));
    expect(short(errors)).toEqual(["id_collision samples/sample-e\u0301 /id"]);
  });

  test("collide with what the run itself adds, and not with what it deletes", async () => {
    const { store } = await storeWith({ samples: { "Sample-1": {} } });
    const both = await refusal(merged(store, { samples: { "Sample-2": {}, "sample-2": {} } }));
    expect(short(both.errors)).toEqual(["id_collision samples/Sample-2 /id", "id_collision samples/sample-2 /id"]);
    const renamed = await merged(store, { samples: { "Sample-1": null, "sample-1": {} } });
    expect(renamed.record.status).toBe("success");
  });

  test("of an unknown collection are kept until the run adds it", async () => {
    const { store } = await storeWith();
    const run = await open(store, { readings: { r1: { value: 1 } } });
    expect(short(run.record.warnings)).toEqual(["unknown_collection readings/r1 "]);
    const collections = { ...CONFIGURATION.collections, readings: { shards: 2 } };
    const configured = await configure(store, run, { ...CONFIGURATION, collections });
    expect(configured.record.warnings).toEqual([]);
    expect((await finish(store, configured)).record.status).toBe("success");
    expect(store.main.index.count("readings")).toBe(1);
  });
});

describe("a change of schema or configuration", () => {
  test("re-checks every document it governs", async () => {
    const { store } = await storeWith({ samples: { s1: { depth: 1 }, s2: { depth: 50 } } });
    const run = await open(store);
    const schema = structuredClone(SCHEMAS["schemas/sample.schema.json"]) as { properties: Record<string, unknown> };
    schema.properties["depth"] = { type: "number", maximum: 10 };
    const put = await putSchema(store, TESTER, run.record.id, "sample", sent(schema as unknown as Json));
    expect(short(put.record.warnings)).toEqual(["schema samples/s2 /depth"]);
    const { errors, run: rejected } = await refusal(finish(store, put));
    expect(short(errors)).toEqual(["schema samples/s2 /depth"]);
    await patch(store, rejected, { body: { samples: { s2: { depth: 5 } } } });
    expect((await finish(store, rejected)).record.status).toBe("success");
    expect(short((await refusal(merged(store, { samples: { s3: { depth: 11 } } }))).errors)).toEqual([
      "schema samples/s3 /depth",
    ]);
  });

  test("re-checks what a schema it refers to governs", async () => {
    const { store } = await storeWith({ samples: { s1: { place: { lat: 1 } } } });
    const first = await open(store);
    const sample = structuredClone(SCHEMAS["schemas/sample.schema.json"]) as { properties: Record<string, unknown> };
    sample.properties["place"] = { $ref: "place.schema.json" };
    await putSchema(store, TESTER, first.record.id, "place", sent({ type: "object" }));
    await putSchema(store, TESTER, first.record.id, "sample", sent(sample as unknown as Json));
    await finish(store, first);
    const second = await open(store);
    await putSchema(store, TESTER, second.record.id, "place", sent({ type: "object", required: ["lon"] }));
    expect(short((await refusal(finish(store, second))).errors)).toEqual(["schema samples/s1 /place/lon"]);
  });

  test("that does not compile is named with ajv's words", async () => {
    const { store } = await storeWith();
    const run = await open(store);
    const broken = await putSchema(store, TESTER, run.record.id, "sample", sent({ type: "nonsense" }));
    expect(short(broken.record.warnings)).toEqual(["schema $config/schemas/sample.schema.json "]);
    expect(broken.record.warnings[0]?.message).toContain("type");
    expect((await refusal(finish(store, broken))).code).toBe("validation_failed");
  });

  test("that points nowhere is named", async () => {
    const { store } = await storeWith();
    const collections = {
      samples: { schema: "schemas/sample.schema.json#/properties/none" },
      studies: { schema: "schemas/gone.schema.json" },
    };
    const run = await configure(store, await open(store), {
      format: 1,
      collections,
      references: [{ from: "samples", at: "/x", to: ["nowhere"] }],
    });
    expect(short(run.record.warnings)).toEqual([
      "schema $config/runtree.json /collections/samples/schema",
      "schema $config/runtree.json /collections/studies/schema",
      "unknown_collection $config/runtree.json /references/0/to/0",
    ]);
  });

  test("that two files could be meant by is named", async () => {
    const { store } = await storeWith();
    const run = await open(store);
    const put = async (name: string): Promise<RunView> =>
      putSchema(store, TESTER, run.record.id, name, sent({ $id: "https://example.org/shared" }));
    await put("one");
    expect(
      short((await putSchema(store, TESTER, (await open(store)).record.id, "Sample", sent({}))).record.warnings),
    ).toEqual(["schema $config/schemas/sample.schema.json /$id"]);
    expect(short((await put("two")).record.warnings)).toEqual(["schema $config/schemas/two.schema.json /$id"]);
  });

  test("whose annotations no collection reaches is named", async () => {
    const { store } = await storeWith();
    const schema = structuredClone(SCHEMAS["schemas/sample.schema.json"]) as Record<string, Json>;
    const put = await putSchema(
      store,
      TESTER,
      (await open(store)).record.id,
      "sample",
      sent({ ...schema, dependentSchemas: { name: { properties: { note: { "x-ref": "studies" } } } } }),
    );
    expect(short(put.record.warnings)).toEqual([
      "schema $config/schemas/sample.schema.json /dependentSchemas/name/properties/note",
    ]);
  });

  test("that refers to itself in endless ways is refused in no time", async () => {
    const { store } = await storeWith();
    const names = Array.from({ length: 24 }, (_, index) => `d${index}`);
    const properties = Object.fromEntries(names.map((name) => [name, { $ref: `#/$defs/${name}` }]));
    const $defs = Object.fromEntries(names.map((name) => [name, { type: "object", properties }]));
    const put = await putSchema(
      store,
      TESTER,
      (await open(store)).record.id,
      "sample",
      sent({ type: "object", properties, $defs }),
    );
    expect(short(put.record.warnings)).toEqual(["schema $config/schemas/sample.schema.json "]);
  });

  test("with a place that cannot be decoded is named", async () => {
    const { store } = await storeWith();
    const collections = { ...CONFIGURATION.collections, samples: { schema: "schemas/sample.schema.json#/%zz" } };
    const run = await configure(store, await open(store), { ...CONFIGURATION, collections });
    expect(short(run.record.warnings)).toEqual(["schema $config/runtree.json /collections/samples/schema"]);
  });

  test("may take a collection away together with its documents", async () => {
    const { store } = await storeWith({ samples: { s1: {} } });
    const collections = { studies: { schema: "schemas/study.schema.json" } };
    const run = await configure(store, await open(store, { samples: { s1: null } }), { format: 1, collections });
    expect((await finish(store, run)).record.status).toBe("success");
  });

  test("may split a collection anew when its documents go", async () => {
    const { store } = await storeWith({ samples: { s1: {}, s2: {} } });
    const samples = { schema: "schemas/sample.schema.json", shards: 2 };
    const collections = { ...CONFIGURATION.collections, samples };
    const run = await configure(store, await open(store, { samples: { s1: null } }), { ...CONFIGURATION, collections });
    expect(short(run.record.warnings)).toEqual(["schema $config/runtree.json /collections/samples/shards"]);
    expect((await patch(store, run, { body: { samples: { s2: null } }, done: true })).record.status).toBe("success");
    expect([...documentsIn(store.reader(), store.main.tree, "samples")]).toEqual([]);
    await merged(store, { samples: { s1: {} } });
    const places = Array.from(documentsIn(store.reader(), store.main.tree, "samples"), ({ path }) => path);
    expect(places).toEqual([documentPath("samples", "s1", 2)]);
  });

  test("cannot take a collection away from its documents, or split it anew", async () => {
    const { store } = await storeWith({ samples: { s1: {} }, studies: { st: {} } });
    const collections: Configuration["collections"] = { studies: { schema: "schemas/study.schema.json", shards: 2 } };
    const run = await configure(store, await open(store), { format: 1, collections });
    expect(short((await refusal(finish(store, run))).errors)).toEqual([
      "unknown_collection $config/runtree.json /collections/samples",
      "schema $config/runtree.json /collections/studies/shards",
    ]);
  });

  test("adds a reference rule that old documents must meet", async () => {
    const { store } = await storeWith({ samples: { s1: { name: "st" } } });
    const references = [...(CONFIGURATION.references ?? []), { from: "samples", at: "/name", to: ["studies"] }];
    const run = await configure(store, await open(store), { ...CONFIGURATION, references });
    expect(short((await refusal(finish(store, run))).errors)).toEqual(["reference_missing samples/s1 /name"]);
  });

  test("of two runs merges field by field before it rules the documents", async () => {
    const { store } = await storeWith();
    const one = await configure(store, await open(store), {
      ...CONFIGURATION,
      collections: { ...CONFIGURATION.collections, one: {} },
    });
    const two = await configure(store, await open(store, { two: { t: {} } }), {
      ...CONFIGURATION,
      collections: { ...CONFIGURATION.collections, two: {} },
    });
    await finish(store, one);
    await finish(store, two);
    expect([...store.main.rules.collections.keys()].toSorted()).toEqual(["one", "samples", "studies", "two"]);
  });
});

test("a document with more violations than a call may have arguments is refused like any other", async () => {
  const { store } = await storeWith();
  const { code, run } = await refusal(merged(store, { samples: { s1: { studies: Array<number>(200_000).fill(0) } } }));
  expect([code, run.record.merge?.verdict.violation_count]).toEqual(["validation_failed", 200_000]);
});

test("a pattern that would take for ever stalls neither the server nor the verdict", { tags: "trial" }, async () => {
  const { store } = await storeWith();
  const run = await open(store);
  const schema = { type: "object", properties: { name: { type: "string", pattern: "^(a+)+$" } } };
  await putSchema(store, TESTER, run.record.id, "sample", sent(schema));
  const slow = patch(store, run, {
    body: { samples: { s1: { name: `${"a".repeat(40)}!` }, s2: { name: "aa" }, s3: { name: "b" } } },
  });
  let beats = 0;
  const heart = setInterval(() => beats++, 20);
  const view = await slow;
  clearInterval(heart);
  expect(beats).toBeGreaterThan(20);
  expect(short(view.record.warnings)).toEqual(["schema samples/s1 ", "schema samples/s3 /name"]);
});
