import fc, { type Arbitrary } from "fast-check";
import { createPatch } from "rfc6902";
import { expect, test } from "vitest";
import { RuntreeError } from "../../src/domain/errors.ts";
import { isArray, isObject, type Json, type JsonObject, sameJson } from "../../src/domain/json.ts";
import { applyJsonPatch } from "../../src/domain/json-patch.ts";
import { readJsonPatch, type SentOperation } from "../../src/domain/json-patch-door.ts";
import { applyEdit, readSubmission } from "../../src/domain/patch.ts";
import { formatPointer } from "../../src/domain/pointer.ts";
import { plainVersions } from "./generators.ts";
import { holds, RUNS } from "./runs.ts";

type Documents = Readonly<Record<string, JsonObject>>;

const copy = <Value extends Json>(value: Value): Value => JSON.parse(JSON.stringify(value)) as Value;

/** What a JSON Patch makes of the documents of the collection `c`; null when it is refused. */
function patched(documents: Documents, sent: readonly SentOperation[]): Documents | null {
  const { operations, violations } = readJsonPatch(sent);
  if (violations.length > 0) return null;
  const after: Record<string, JsonObject> = { ...documents };
  try {
    const read = (_: string, id: string): JsonObject | null => copy(documents[id] ?? null);
    for (const edit of applyJsonPatch(operations, read)) {
      const document = applyEdit(after[edit.id] ?? null, edit);
      if (document === null) delete after[edit.id];
      else after[edit.id] = document;
    }
    return after;
  } catch (error) {
    if (error instanceof RuntreeError && error.code === "validation_failed") return null;
    throw error;
  }
}

/** The merge patch that makes one object of another; there is none where the other holds null. */
function mergePatchBetween(before: JsonObject, after: JsonObject): JsonObject {
  const changed = Object.entries(after).flatMap(([name, value]): [string, Json][] => {
    const old = Object.hasOwn(before, name) ? before[name] : undefined;
    if (sameJson(old, value)) return [];
    return [[name, isObject(old) && isObject(value) ? mergePatchBetween(old, value) : value]];
  });
  const gone = Object.keys(before).filter((name) => !Object.hasOwn(after, name));
  return Object.fromEntries([...changed, ...gone.map((name): [string, Json] => [name, null])]);
}

test("a JSON Patch and a merge patch with the same effect make the same document", () => {
  holds(plainVersions, ({ base, sides: [after] }) => {
    const documents = { a: { id: "a", ...base } };
    const wanted = { id: "a", ...after };
    const operations = createPatch(documents.a, wanted).map((operation) => ({
      ...operation,
      path: `/c/a${operation.path}`,
    }));
    const merge = mergePatchBetween(documents.a, wanted);
    const [edit] = readSubmission({ c: { a: merge } }, []).edits;
    if (edit === undefined) throw new Error("there is one edit");
    expect(patched(documents, operations as SentOperation[])).toEqual({ a: wanted });
    expect(applyEdit(documents.a, edit)).toEqual(wanted);
  });
});

// ——— The words of RFC 6902 on values that never change, as a second opinion. ———

class Refused extends Error {}

function step(value: Json | undefined, key: string): Json | undefined {
  if (isArray(value)) return /^(0|[1-9]\d*)$/.test(key) ? value[Number(key)] : undefined;
  return isObject(value) ? new Map(Object.entries(value)).get(key) : undefined;
}

/** The value with what `change` makes of the members around the last key of a path. */
function around(value: Json | undefined, path: readonly string[], change: (inside: Json, key: string) => Json): Json {
  const [key = "", ...rest] = path;
  if (!isObject(value) && !isArray(value)) throw new Refused();
  if (rest.length === 0) return change(value, key);
  const inner = around(step(value, key), rest, change);
  if (isArray(value)) return value.map((item, index) => (String(index) === key ? inner : item));
  return Object.fromEntries([...Object.entries(value), [key, inner]]);
}

function existing(root: Json, path: readonly string[]): Json {
  const found = path.reduce<Json | undefined>(step, root);
  if (found === undefined) throw new Refused();
  return found;
}

function added(root: Json, path: readonly string[], value: Json): Json {
  return around(root, path, (inside, key) => {
    if (!isArray(inside)) return Object.fromEntries([...Object.entries(inside as JsonObject), [key, value]]);
    const index = key === "-" ? inside.length : /^(0|[1-9]\d*)$/.test(key) ? Number(key) : Infinity;
    if (index > inside.length) throw new Refused();
    return [...inside.slice(0, index), value, ...inside.slice(index)];
  });
}

function removed(root: Json, path: readonly string[]): Json {
  existing(root, path);
  return around(root, path, (inside, key) =>
    isArray(inside)
      ? inside.filter((_, index) => String(index) !== key)
      : Object.fromEntries(Object.entries(inside as JsonObject).filter(([name]) => name !== key)),
  );
}

const partsOf = (pointer: string): string[] =>
  pointer
    .slice(1)
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));

function asTheRfcSays(root: Json, { op, path: to, from: source = "", value = null }: SentOperation): Json {
  const [path, from] = [partsOf(to), partsOf(source)];
  if (op === "add") return added(root, path, value);
  if (op === "remove") return removed(root, path);
  // On an object a replaced member is an added one, and in an array its place is free again.
  if (op === "replace") return added(removed(root, path), path, value);
  if (op === "copy") return added(root, path, existing(root, from));
  if (op === "test") {
    if (!sameJson(existing(root, path), value)) throw new Refused();
    return root;
  }
  const moved = existing(root, from);
  if (path.length > from.length && from.every((part, index) => part === path[index])) throw new Refused();
  return added(removed(root, from), path, moved);
}

function inC(root: Json): Documents {
  return (root as JsonObject)["c"] as Documents;
}

/** Documents after all operations; null when one is refused, or leaves a document that is none. */
function expected(documents: Documents, sent: readonly SentOperation[]): Documents | null {
  let root: Json = { c: documents };
  try {
    for (const operation of sent) {
      root = asTheRfcSays(root, operation);
      if (!Object.values(inC(root)).every(isObject)) return null;
    }
  } catch (error) {
    if (error instanceof Refused) return null;
    throw error;
  }
  const after = inC(root);
  const withId = ([id, document]: [string, JsonObject]): [string, JsonObject] => [
    id,
    Object.hasOwn(documents, id) || Object.hasOwn(document, "id") ? document : { id, ...document },
  ];
  return Object.fromEntries(Object.entries(after).map(withId));
}

// Few names, so that operations meet what is there, and shallow values.
const name = fc.constantFrom("a", "b", "0", "1", "2", "-", "toString", "x/~");
const value: Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom<Json>(null, 1, "1", true),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.array(fc.array(tie("value"), { maxLength: 2 }), { minLength: 2, maxLength: 4 }),
    fc.dictionary(name, tie("value"), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value;
const document = value.filter(isObject);
const pointer = fc
  .tuple(fc.constantFrom("d", "e"), fc.array(name, { maxLength: 3 }))
  .map(([id, rest]) => formatPointer(["c", id, ...rest]));
const operation: Arbitrary<SentOperation> = fc.oneof(
  fc.record({ op: fc.constantFrom("add" as const, "replace" as const), path: pointer, value }),
  fc.record({ op: fc.constant("test" as const), path: pointer, value }),
  fc.record({ op: fc.constant("remove" as const), path: pointer }),
  fc.record({ op: fc.constantFrom("move" as const, "copy" as const), path: pointer, from: pointer }),
);
const documents: Arbitrary<Documents> = fc.record(
  { d: document, e: document },
  { requiredKeys: ["d"], noNullPrototype: true },
);

test("any operations do what RFC 6902 says, or are refused where it refuses them", () => {
  holds(fc.tuple(documents, fc.array(operation, { maxLength: 3 })), ([before, sent]) => {
    const given = copy(before as JsonObject) as Documents;
    const wanted = expected(before, sent);
    expect(patched(given, sent)).toEqual(wanted);
    expect(given).toEqual(before);
  });
});

test("operations that meet what is there, one after another, do so too", () => {
  const pathsOf = (value: Json, path: readonly string[]): string[][] => [
    [...path],
    ...(isArray(value) ? value.flatMap((item, index) => pathsOf(item, [...path, String(index)])) : []),
    ...(isObject(value) ? Object.entries(value).flatMap(([key, member]) => pathsOf(member, [...path, key])) : []),
  ];
  const list = fc.array(fc.oneof(fc.array(value, { maxLength: 2 }), fc.constant({ a: 1 })), { minLength: 2 });
  const lists: Arbitrary<Documents> = list.map((a) => ({ d: { a } }));
  const meeting = fc.oneof(documents, lists).chain((before) => {
    const places = Object.entries(before).flatMap(([id, each]) => pathsOf(each, ["c", id]));
    const there = fc.constantFrom(...places);
    const beside = fc.tuple(there, name).map(([path, last]) => [...path, last]);
    const [from, to] = [there.map(formatPointer), fc.oneof(there, beside).map(formatPointer)];
    const step: Arbitrary<SentOperation> = fc.oneof(
      fc.record({ op: fc.constantFrom("move" as const, "copy" as const), from, path: to }),
      fc.record({ op: fc.constantFrom("add" as const, "replace" as const), path: to, value }),
      fc.record({ op: fc.constant("remove" as const), path: from }),
    );
    return fc.tuple(fc.constant(before), fc.array(step, { minLength: 1, maxLength: 4 }));
  });
  let well = 0;
  holds(meeting, ([before, sent]) => {
    const wanted = expected(before, sent);
    if (wanted !== null) well++;
    expect(patched(before, sent)).toEqual(wanted);
  });
  // Most of what is tried must be something that goes well, or it proves little.
  expect(well).toBeGreaterThan(RUNS / 4);
});
