import { describe, expect, onTestFinished, test } from "vitest";
import type { Json } from "../../src/domain/json.ts";
import { annotationsOf } from "../../src/schema/annotations.ts";
import { type SchemaFile, schemaSource, type SchemaSource } from "../../src/schema/closure.ts";
import { type CheckAnswer, Validator } from "../../src/schema/validator.ts";
import type { CheckedDocument } from "../../src/store/checked-document.ts";
import { SchemaChecks } from "../../src/store/schema-checks.ts";

function files(schemas: Readonly<Record<string, Json>>): SchemaFile[] {
  return Object.entries(schemas).map(([name, value]) => ({
    path: `schemas/${name}.schema.json`,
    oid: JSON.stringify(value),
    value,
  }));
}

function source(schemas: Readonly<Record<string, Json>>, reference = "schemas/a.schema.json"): SchemaSource {
  const found = schemaSource(files(schemas), reference);
  if (found === null) throw new Error(`nothing at ${reference}`);
  return found;
}

function validator(): Validator {
  const made = new Validator();
  onTestFinished(() => made.close());
  return made;
}

/** The pointers at which one document does not fit, or the words why the schema does not compile. */
async function check(schema: SchemaSource, document: Json): Promise<string[] | string> {
  const result = await validator().check(schema, [JSON.stringify(document)]);
  return "compileError" in result ? result.compileError : (result.problems[0] ?? []).map(({ pointer }) => pointer);
}

describe("drafts", () => {
  test.each([
    [
      "draft-07",
      { $schema: "http://json-schema.org/draft-07/schema#", items: [{ type: "string" }], additionalItems: false },
      ["a", 1],
      [""],
    ],
    [
      "2019-09",
      { $schema: "https://json-schema.org/draft/2019-09/schema", properties: { a: {} }, unevaluatedProperties: false },
      { a: 1, b: 2 },
      ["/b"],
    ],
    [
      "2020-12",
      { $schema: "https://json-schema.org/draft/2020-12/schema", prefixItems: [{ type: "string" }] },
      [1],
      ["/0"],
    ],
    ["none said", { prefixItems: [{ type: "string" }] }, [1], ["/0"]],
  ] as [string, Json, Json, string[]][])("%s is told by $schema", async (_, schema, document, pointers) => {
    expect(await check(source({ a: schema }), document)).toEqual(pointers);
  });

  test("formats are asserted, and patterns need not be Unicode ones", async () => {
    const schema = { properties: { when: { format: "date" }, code: { pattern: "^[\\w\\-]+$" } } };
    expect(await check(source({ a: schema }), { when: "tomorrow", code: "a b" })).toEqual(["/when", "/code"]);
  });

  test("a missing or surplus member is named by its own pointer", async () => {
    const schema = { properties: { "x/y": { required: ["z"] } }, additionalProperties: false };
    expect(await check(source({ a: schema }), { "x/y": {}, w: 1 })).toEqual(["/w", "/x~1y/z"]);
  });
});

describe("references between schemas", () => {
  const place: Json = { $defs: { depth: { type: "number" } } };

  test("by place, by $id, and into a part", async () => {
    const byPlace = source({ a: { properties: { depth: { $ref: "b.schema.json#/$defs/depth" } } }, b: place });
    const byId = source({
      a: { properties: { depth: { $ref: "https://example.org/place#/$defs/depth" } } },
      b: { $id: "https://example.org/place", ...(place as object) },
    });
    for (const schema of [byPlace, byId]) {
      expect(schema.files).toHaveLength(2);
      expect(await check(schema, { depth: "deep" })).toEqual(["/depth"]);
    }
    expect(
      await check(
        source(
          { a: { $id: "https://example.org/a", $defs: { d: { type: "string" } } } },
          "schemas/a.schema.json#/$defs/d",
        ),
        1,
      ),
    ).toEqual([""]);
  });

  test("a schema's key changes with anything it refers to, and with nothing else", () => {
    const key = (other: Json, beside: Json): string =>
      source({ a: { $ref: "b.schema.json" }, b: other, c: beside }).key;
    expect(key({}, {})).toBe(key({}, { type: "string" }));
    expect(key({}, {})).not.toBe(key({ type: "string" }, {}));
  });

  test("nothing is fetched: a reference elsewhere does not compile", async () => {
    expect(await check(source({ a: { $ref: "http://127.0.0.1:1/x.json" } }), 1)).toContain("can't resolve reference");
  });

  test("an asynchronous schema does not compile: its promise would pass for an answer", async () => {
    expect(await check(source({ a: { $async: true, type: "string" } }), 1)).toContain("async schema");
  });

  test("a file, or a place in it, that does not exist is no schema", () => {
    expect(schemaSource(files({ a: {} }), "schemas/b.schema.json")).toBeNull();
    expect(schemaSource(files({ a: {} }), "schemas/a.schema.json#/$defs/x")).toBeNull();
  });
});

test("annotations are found through references, combinations and lists, and recursion ends", () => {
  const schemas: Record<string, Json> = {
    a: {
      allOf: [{ properties: { doi: { "x-unique": true } } }],
      properties: {
        parents: { items: { $ref: "#" } },
        study: { "x-ref": "studies" },
        uses: { items: { $ref: "b.schema.json#/$defs/use" }, "x-merge": { by: "id" } },
        tags: { "x-merge": "set" },
      },
    },
    b: { $defs: { use: { properties: { of: { "x-ref": ["files", "samples"] }, amount: { "x-merge": "atomic" } } } } },
  };
  const { references, unique, policies } = annotationsOf(source(schemas));
  expect(references).toEqual([
    { at: ["study"], to: ["studies"] },
    { at: ["uses", "*", "of"], to: ["files", "samples"] },
  ]);
  expect(unique).toEqual([["doi"]]);
  expect(policies).toEqual([
    { at: ["uses"], policy: { by: "id" } },
    { at: ["uses", "*", "amount"], policy: "atomic" },
    { at: ["tags"], policy: "set" },
  ]);
});

test("annotations of any member count only where no member is spoken of by name", () => {
  const any = { additionalProperties: { "x-ref": "studies" } };
  expect(annotationsOf(source({ a: any })).references).toEqual([{ at: ["*"], to: ["studies"] }]);
  expect(annotationsOf(source({ a: { properties: { id: {} }, ...any } })).references).toEqual([]);
});

test("a document that takes too long is named, and the ones around it are still checked", async () => {
  const schema = source({ a: { properties: { text: { pattern: "^(a+)+$" } } } });
  const texts = ["a", `${"a".repeat(40)}!`, "b"].map((text) => JSON.stringify({ text }));
  const result = await validator().check(schema, texts);
  expect("problems" in result && result.problems.map((problems) => problems.map(({ pointer }) => pointer))).toEqual([
    [],
    [""],
    ["/text"],
  ]);
});

test(
  "checks that wait together each get their own answer, also around one that takes too long",
  { tags: "trial" },
  async () => {
    const [slow, plain] = [
      source({ a: { properties: { text: { pattern: "^(a+)+$" } } } }),
      source({ b: { properties: { text: { type: "string" } } } }, "schemas/b.schema.json"),
    ];
    const checks = validator();
    await Promise.all([checks.check(slow, []), checks.check(plain, [])]);
    const pointersOf = async (schema: SchemaSource, texts: readonly Json[]): Promise<string[][] | string> => {
      const result = await checks.check(
        schema,
        texts.map((text) => JSON.stringify({ text })),
      );
      return "compileError" in result
        ? result.compileError
        : result.problems.map((some) => some.map((one) => one.pointer));
    };
    const together = [
      pointersOf(plain, ["x", 1]),
      pointersOf(slow, ["b", `${"a".repeat(40)}!`]),
      pointersOf(plain, [2, "y"]),
    ];
    expect(await Promise.all(together)).toEqual([
      [[], ["/text"]],
      [["/text"], [""]],
      [["/text"], []],
    ]);
    const broken = source({ c: { type: "nothing" } }, "schemas/c.schema.json");
    const after = [pointersOf(plain, [1]), pointersOf(broken, ["x"]), pointersOf(plain, ["x"])];
    expect(await Promise.all(after)).toEqual([[["/text"]], expect.stringContaining("schema is invalid"), [[]]]);
  },
);

describe("checks ahead", () => {
  const slow = source({ a: { properties: { text: { pattern: "^(a+)+$" } } } });
  const pointersOf = (answers: readonly CheckAnswer[] | null): unknown =>
    answers?.map((answer) =>
      "problems" in answer ? answer.problems.map((some) => some.map(({ pointer }) => pointer)) : answer,
    ) ?? null;
  const texts = (...values: readonly Json[]): string[] => values.map((text) => JSON.stringify({ text }));

  test("are answered each by itself, and before what is asked for later", async () => {
    const checks = validator();
    expect(await checks.checkAhead([{ source: slow, documents: texts("a") }])).toBeNull();
    await checks.check(slow, []);
    const done: string[] = [];
    const note = <Answer>(name: string, answer: Answer): Answer => {
      done.push(name);
      return answer;
    };
    const ahead = [
      checks.checkAhead([
        { source: slow, documents: texts("a", "b") },
        { source: slow, documents: texts("c") },
      ]),
      checks.checkAhead([{ source: slow, documents: texts("aa") }]),
    ].map((answers) => answers.then((found) => note("ahead", pointersOf(found))));
    const later = checks.check(slow, texts("d")).then((found) => note("later", found));
    expect(await checks.checkAhead([{ source: slow, documents: texts("e") }])).toBeNull();
    expect(await Promise.all(ahead)).toEqual([[[[], ["/text"]], [["/text"]]], [[[]]]]);
    expect(await later).toMatchObject({ problems: [[{ pointer: "/text" }]] });
    expect(done).toEqual(["ahead", "ahead", "later"]);
  });

  test("come to nothing where one takes too long, and are made again", async () => {
    const checks = validator();
    await checks.check(slow, []);
    const ahead = [texts(`${"a".repeat(40)}!`), texts("b")].map((documents) =>
      checks.checkAhead([{ source: slow, documents }]),
    );
    const later = checks.check(slow, texts("c"));
    expect(await Promise.all(ahead)).toEqual([null, null]);
    expect(await later).toMatchObject({ problems: [[{ pointer: "/text" }]] });
    expect(pointersOf(await checks.checkAhead([{ source: slow, documents: texts("a", "b") }]))).toEqual([
      [[], ["/text"]],
    ]);
  });
});

test(
  "what was found of a document is remembered, also that it takes too long, and not of those that were not reached",
  { tags: "trial" },
  async () => {
    const worker = validator();
    const ask = worker.check.bind(worker);
    const asked: number[] = [];
    worker.check = async (schema, documents) => {
      asked.push(documents.length);
      return ask(schema, documents);
    };
    const checks = new SchemaChecks(worker);
    const schema = source({ a: { properties: { text: { type: "string", pattern: "^(a+)+$" } } } });
    const named = (id: string, text: Json): CheckedDocument => ({
      collection: "c",
      id,
      oid: id,
      document: { text },
      text: null,
    });
    const slow = `${"a".repeat(40)}!`;
    const documents = [named("1", "a"), named("2", 5), named("3", slow), named("4", slow), named("5", "a")];
    const found = async (): Promise<string[]> =>
      (await checks.check(schema, documents, new Map())).map(({ id, pointer }) => `${id} ${pointer}`);
    expect(await found()).toEqual(["2 /text", "3 ", "4 ", "5 "]);
    expect(await found()).toEqual(["2 /text", "3 ", "4 "]);
    expect(asked).toEqual([5, 1]);
  },
);
