import { beforeAll, describe, expect, test } from "vitest";
import { request } from "undici";
import type { OperationId } from "../../src/contract/operations.ts";
import { isArray, isObject, type Json, type JsonObject } from "../../src/domain/json.ts";
import type { Violation } from "../../src/domain/verdict.ts";
import { checkShape } from "../../src/schema/shapes.ts";
import { git } from "../support/git.ts";
import { GOOD } from "../support/good-requests.ts";
import { galaxyEnvironment, startCounting } from "../support/invocations.ts";
import { SCRIPTS } from "../support/jobs.ts";
import { DOCUMENTED, type DocumentedOperation, resolved } from "../support/openapi.ts";
import { startServerForFile, type TestServer } from "../support/server.ts";

// What is sent here is made from docs/openapi.json, as somebody reads it who knows nothing of the code.

let server: TestServer;
const made = new Map<string, Readonly<Record<string, string>>>();
beforeAll(() =>
  startServerForFile(
    async (started) => {
      server = started;
      for (const { id } of DOCUMENTED) made.set(id, (await GOOD[id as OperationId](server)).params ?? {});
    },
    [],
    SCRIPTS,
    async (until) => galaxyEnvironment(await startCounting([], until)),
  ),
);

interface Sent {
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly params?: Readonly<Record<string, string>>;
}

interface Told {
  readonly status: number;
  readonly code: string;
  readonly errors: readonly Violation[];
}

async function send({ id, method, path }: DocumentedOperation, { query, headers, body, params }: Sent): Promise<Told> {
  const known = { ...made.get(id), ...params };
  const at = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(known[name] ?? ""));
  const reply = await request(`${server.url}${at}${query === undefined ? "" : `?${query}`}`, {
    method: method as "GET",
    headers: headers ?? {},
    body: body ?? null,
  });
  const endless = reply.headers["content-type"]?.includes("event-stream") === true;
  if (endless) reply.body.destroy();
  const text = endless ? "" : await reply.body.text();
  if (reply.statusCode < 400) return { status: reply.statusCode, code: "", errors: [] };
  expect(reply.headers["content-type"]).toMatch(/^application\/problem\+json/);
  const problem = JSON.parse(text) as Omit<Told, "errors"> & Partial<Told>;
  expect([text, checkShape("problem#Problem", problem)]).toEqual([text, []]);
  return { ...problem, errors: problem.errors ?? [] };
}

/** What was refused: the status, and whether something in `errors` names this. */
async function refused(operation: DocumentedOperation, sent: Sent, pointer: string): Promise<void> {
  const { status, errors } = await send(operation, sent);
  expect([sent, [400, 422].includes(status), errors.map((each) => each.pointer)]).toEqual([
    sent,
    true,
    expect.arrayContaining([pointer]),
  ]);
}

// ——— Parameters ———

/** Texts that no value of a parameter's schema is written as. */
function wrongTexts({ type, format, minimum, maximum, minLength, maxLength, enum: words }: JsonObject): string[] {
  if (type === "integer") {
    const beyond = [
      ...(minimum === undefined ? [] : [Number(minimum) - 1]),
      ...(maximum === undefined ? [] : [Number(maximum) + 1]),
    ];
    return ["", "ten", "1.5", "0x10", "1e1", " 1", "+1", "1,2", "null", "true", "[1]", ...beyond.map(String)];
  }
  if (type === "boolean") return ["", "maybe", "0", "1", "TRUE", "null", "true ", "[]"];
  if (format === "date-time") return ["", "yesterday", "2026-02-30T00:00:00Z", "2026-01-01", "1767225600"];
  if (isArray(words)) return ["", "nonsense", String(words[0]).toUpperCase(), words.join(",")];
  return [
    ...(minLength === undefined ? [] : ["x".repeat(Number(minLength) - 1)]),
    ...(maxLength === undefined ? [] : ["x".repeat(Number(maxLength) + 1)]),
  ];
}

const PARAMETERS = DOCUMENTED.flatMap((operation) =>
  operation.parameters.map((parameter) => ({ name: `${operation.id} ${parameter.name}`, operation, parameter })),
);

/** A good value of a parameter, as its text. */
function rightText({ type, format, minimum, enum: words }: JsonObject): string {
  if (type === "integer") return String(Number(minimum ?? 0) + 1);
  if (type === "boolean") return "true";
  return format === "date-time" ? "2026-01-01T00:00:00Z" : isArray(words) ? String(words[0]) : "x";
}

describe("a query parameter", () => {
  const inQuery = PARAMETERS.filter(({ parameter }) => parameter.in === "query");
  const one = (name: string, text: string): string => new URLSearchParams([[name, text]]).toString();

  test.for(inQuery)("$name that is wrong, or stands twice", async ({ operation, parameter: { name, schema } }) => {
    for (const text of wrongTexts(schema)) await refused(operation, { query: one(name, text) }, `/${name}`);
    const right = one(name, rightText(schema));
    await refused(operation, { query: `${right}&${right}` }, `/${name}`);
    await refused(operation, { query: one(`${name}[]`, rightText(schema)) }, `/${name}[]`);
    await refused(operation, { query: one(name.toUpperCase(), rightText(schema)) }, `/${name.toUpperCase()}`);
  });

  test.for(DOCUMENTED)("of $id that is not known", async (operation) => {
    for (const name of ["no_such_parameter", "__proto__", "constructor", "toString", "a/b", ""]) {
      const pointer = `/${name.replaceAll("/", "~1")}`;
      await refused(operation, { query: one(name, "1") }, pointer);
    }
  });
});

describe("a header", () => {
  const inHeaders = PARAMETERS.filter(({ parameter }) => parameter.in === "header");

  test.for(inHeaders)("$name that is out of bounds", async ({ operation, parameter: { name, schema } }) => {
    for (const text of wrongTexts(schema)) await refused(operation, { headers: { [name]: text } }, `/${name}`);
  });

  test.for(inHeaders)("$name of nonsense is understood or refused", async ({ operation, parameter: { name } }) => {
    const [type = "", schema = {}] = Object.entries(operation.bodies)[0] ?? [];
    const body =
      type === "" ? {} : { headers: { "content-type": type }, body: JSON.stringify(sampleOf(schema)[0] ?? {}) };
    for (const text of ['"', ",,,", "W/", "=;=", "\u00e9", "x".repeat(5000)]) {
      const headers = { ...body.headers, [name]: text };
      const { status } = await send(operation, { ...body, query: dryRun(operation), headers });
      expect([text, status < 500]).toEqual([text, true]);
    }
  });
});

describe("a path parameter", () => {
  const inPath = PARAMETERS.filter(({ parameter }) => parameter.in === "path");

  test.for(inPath)("$name of nonsense", async ({ operation, parameter: { name } }) => {
    for (const text of [
      "../x",
      "a\0b",
      "%00",
      "x".repeat(5000),
      "__proto__",
      "--all",
      "é",
      "\n",
      "'; --",
      "HEAD",
      "refs/heads/main",
    ]) {
      const [type = "", schema = {}] = Object.entries(operation.bodies)[0] ?? [];
      const sent =
        type === "" ? {} : { headers: { "content-type": type }, body: JSON.stringify(sampleOf(schema)[0] ?? {}) };
      const { status, code } = await send(operation, { ...sent, params: { [name]: text }, query: dryRun(operation) });
      expect([text, status, code]).toEqual([
        text,
        expect.toSatisfy((it: number) => [400, 404, 405, 422].includes(it)),
        expect.any(String),
      ]);
    }
  });
});

// ——— Bodies ———

function dryRun({ parameters }: DocumentedOperation): string {
  return parameters.some(({ name }) => name === "dryRun") ? "dryRun=true" : "";
}

/** Values that fit a schema: one for each kind that it has, with every member that it names. */
function sampleOf(given: JsonObject): Json[] {
  const schema = resolved(given);
  const kinds = schema["oneOf"] as JsonObject[] | undefined;
  if (kinds !== undefined) {
    const { oneOf: _, ...base } = schema;
    return kinds.flatMap((kind) => sampleOf(bothOf(base, resolved(kind))));
  }
  if (isArray(schema["enum"])) return [schema["enum"][0] ?? null];
  if (schema["const"] !== undefined) return [schema["const"]];
  const [type] = [schema["type"]].flat();
  if (type === "object") {
    const members = Object.entries((schema["properties"] ?? {}) as Record<string, JsonObject>);
    const samples = members.map(([name, member]) => [name, sampleOf(member)] as const);
    const most = Math.max(1, ...samples.map(([, values]) => values.length));
    return Array.from({ length: most }, (_, at) =>
      Object.fromEntries(samples.map(([name, values]) => [name, values[at % values.length] ?? null])),
    );
  }
  if (type === "array") return [sampleOf((schema["items"] ?? {}) as JsonObject)];
  return [type === "string" ? "x" : type === "boolean" ? false : type === "integer" || type === "number" ? 1 : "x"];
}

/** One of several kinds of object, with what holds for all of them; a kind that asks only for members takes the others away. */
function bothOf(base: JsonObject, kind: JsonObject): JsonObject {
  const own = (kind["properties"] ?? {}) as JsonObject;
  const required = [...((base["required"] ?? []) as Json[]), ...((kind["required"] ?? []) as Json[])];
  const shared = Object.entries((base["properties"] ?? {}) as JsonObject);
  const kept = Object.keys(own).length > 0 ? shared : shared.filter(([name]) => required.includes(name));
  return { ...base, ...kind, type: "object", required, properties: { ...Object.fromEntries(kept), ...own } };
}

interface Wrong {
  readonly what: string;
  readonly pointer: string;
  readonly value: Json;
}

const OTHERS: readonly Json[] = [null, true, 7, 1.5, "x", [], {}];

/** Whether a value is of one of a schema's types; a schema without types takes all. */
function isOfType(value: Json, { type, enum: words, const: word }: JsonObject): boolean {
  if (isArray(words)) return words.includes(value);
  if (word !== undefined) return word === value;
  if (type === undefined) return true;
  const own = value === null ? "null" : isArray(value) ? "array" : typeof value;
  const types = new Set([type].flat());
  return types.has(own) || (own === "number" && types.has("integer") && Number.isInteger(value));
}

/** Values that do not fit a schema: a good one, wrong in one place each. */
function* wrongValues(given: JsonObject, good: Json, pointer = ""): Generator<Wrong> {
  const schema = resolved(given);
  const kinds = schema["oneOf"] as JsonObject[] | undefined;
  if (kinds !== undefined && isObject(good)) {
    const { oneOf: _, ...base } = schema;
    const kind = kinds.map((each) => bothOf(base, resolved(each))).find((each) => fits(each, good));
    if (kind !== undefined) yield* wrongValues(kind, good, pointer);
    return;
  }
  for (const value of OTHERS)
    if (!isOfType(value, schema)) yield { what: `${JSON.stringify(value)} for ${pointer || "all"}`, pointer, value };
  if (typeof good === "string") {
    if (schema["minLength"] !== undefined) yield { what: `too short ${pointer}`, pointer, value: "" };
    if (schema["maxLength"] !== undefined)
      yield { what: `too long ${pointer}`, pointer, value: "x".repeat(Number(schema["maxLength"]) + 1) };
  }
  if (isArray(good)) {
    const [items] = [schema["items"] as JsonObject | undefined];
    for (const [index, item] of items === undefined ? [] : good.entries())
      for (const wrong of wrongValues(items ?? {}, item, `${pointer}/${index}`))
        yield { ...wrong, value: good.with(index, wrong.value) };
  }
  if (!isObject(good)) return;
  if (schema["additionalProperties"] === false)
    yield {
      what: `an unknown member of ${pointer || "all"}`,
      pointer: `${pointer}/no_such_member`,
      value: { ...good, no_such_member: 1 },
    };
  for (const name of (schema["required"] ?? []) as string[]) {
    const { [name]: _, ...rest } = good;
    yield { what: `no ${pointer}/${name}`, pointer: `${pointer}/${name}`, value: rest };
  }
  for (const [name, member] of Object.entries((schema["properties"] ?? {}) as Record<string, JsonObject>)) {
    const value = good[name];
    if (value === undefined) continue;
    for (const wrong of wrongValues(member, value, `${pointer}/${name}`))
      yield { ...wrong, value: { ...good, [name]: wrong.value } };
  }
}

/** Whether an object has the members that a kind asks for, in the words that tell kinds apart. */
function fits(kind: JsonObject, value: JsonObject): boolean {
  const members = Object.entries((kind["properties"] ?? {}) as Record<string, JsonObject>);
  return (
    ((kind["required"] ?? []) as string[]).every((name) => Object.hasOwn(value, name)) &&
    members.every(([name, schema]) => value[name] === undefined || isOfType(value[name], schema))
  );
}

const BODIES = DOCUMENTED.flatMap((operation) =>
  Object.entries(operation.bodies).map(([type, schema]) => ({
    name: `${operation.id} ${type}`,
    operation,
    type,
    schema,
  })),
);

describe("a body", () => {
  const count = (): string => git(server.gitDir, "rev-list", "--all", "--count").trim();

  test.for(BODIES)("$name that is right but for one place", async ({ operation, type, schema }) => {
    const headers = { "content-type": type };
    const query = dryRun(operation);
    const before = count();
    let tried = 0;
    for (const good of sampleOf(schema)) {
      const well = await send(operation, { headers, query, body: JSON.stringify(good) });
      expect([
        good,
        well.errors.filter((each) => each.schema_pointer !== undefined && operation.id !== "putConfiguration"),
      ]).toEqual([good, []]);
      for (const { pointer, value } of wrongValues(schema, good)) {
        tried++;
        await refused(operation, { headers, query, body: JSON.stringify(value) }, pointer);
      }
    }
    // Where anything is taken there is nothing to get wrong.
    expect(tried > 0).toBe(resolved(schema)["type"] !== undefined);
    expect(count()).toBe(before);
  });

  test.for(BODIES)("$name that is no JSON", async ({ operation, type }) => {
    const headers = { "content-type": type };
    for (const body of ["{", "nonsense", "{} {}", '{"a": 1, "a": 2}', "\ufeff{}", "'x'"]) {
      const { status, code, errors } = await send(operation, { headers, body });
      expect([body, status, code, errors.length]).toEqual([body, 400, "malformed_json", 1]);
    }
    const deep = `${"[".repeat(65)}${"]".repeat(65)}`;
    await refused(operation, { headers, body: deep }, "/0".repeat(64));
    await refused(operation, { headers, body: '{"__proto__": 1}' }, "/__proto__");
    if (operation.method !== "POST") await refused(operation, { headers }, "");
  });

  const without = DOCUMENTED.filter(({ bodies }) => Object.keys(bodies).length === 0);

  test.for(without)("of $id, which takes none", async (operation) => {
    const headers = { "content-type": "application/json" };
    for (const body of ['{"done": true}', "[]", "nonsense", "\0"]) await refused(operation, { headers, body }, "");
    const query = dryRun(operation);
    for (const body of ["", "{}", " { } "])
      expect((await send(operation, { headers, query, body })).status).toBeLessThan(300);
    expect((await send(operation, { headers, body: "x".repeat(2_000_000) })).code).toBe("too_large");
    // Takes no longer to refuse than it takes to read.
    await refused(operation, { headers, body: `${" ".repeat(1000)}x` }, "");
  });
});
