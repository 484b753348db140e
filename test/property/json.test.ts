import fc from "fast-check";
import { expect, test } from "vitest";
import { byUnit, canonicalJson, isArray, isObject, type Json, sameJson } from "../../src/domain/json.ts";
import { json, key } from "./generators.ts";
import { holds } from "./runs.ts";

/** The same value with the members of every object in another order. */
function reordered(value: Json, order: (keys: string[]) => string[]): Json {
  if (isArray(value)) return value.map((item) => reordered(item, order));
  if (!isObject(value)) return value;
  return Object.fromEntries(order(Object.keys(value)).map((name) => [name, reordered(value[name] ?? null, order)]));
}

const keysInOrder = (value: Json): boolean => {
  if (isArray(value)) return value.every(keysInOrder);
  if (!isObject(value)) return true;
  const keys = Object.keys(value);
  return (
    keys.every((name, index) => index === 0 || byUnit(keys[index - 1] ?? "", name) < 0) &&
    keys.every((name) => keysInOrder(value[name] ?? null))
  );
};

/** The keys of an object as its canonical text has them, read line by line. */
function writtenKeys(object: Json): string[] {
  return canonicalJson(object)
    .split("\n")
    .flatMap((line) => /^ {2}("(?:[^"\\]|\\.)*"): /.exec(line)?.[1] ?? [])
    .map((literal) => JSON.parse(literal) as string);
}

test("the canonical text of a value reads as that value", () => {
  holds(json, (value) => expect(JSON.parse(canonicalJson(value))).toEqual(value));
});

test("writing what was read gives the same text again", () => {
  holds(json, (value) => {
    const text = canonicalJson(value);
    expect(canonicalJson(JSON.parse(text) as Json)).toBe(text);
  });
});

test("the text does not depend on the order in which members were put in", () => {
  holds(json, (value) => {
    for (const order of [(keys: string[]) => keys.toReversed(), (keys: string[]) => keys.toSorted()]) {
      expect(canonicalJson(reordered(value, order))).toBe(canonicalJson(value));
    }
  });
});

test("keys stand in the order of their UTF-16 units, integer-like ones too", () => {
  holds(fc.uniqueArray(key, { maxLength: 8 }), (keys) => {
    const units = (name: string): number[] => name.split("").map((unit) => unit.charCodeAt(0));
    const compare = (left: string, right: string): number => {
      const [some, others] = [units(left), units(right)];
      const index = some.findIndex((unit, place) => unit !== others[place]);
      return index < 0 ? some.length - others.length : (some[index] ?? 0) - (others[index] ?? -1);
    };
    const object = Object.fromEntries(keys.map((name) => [name, 0]));
    expect(writtenKeys(object)).toEqual(keys.toSorted(compare));
  });
});

test("the text has two spaces, LF and one final newline", () => {
  holds(json, (value) => {
    const text = canonicalJson(value);
    expect(text.endsWith("\n")).toBe(true);
    expect(text.includes("\r")).toBe(false);
    for (const line of text.slice(0, -1).split("\n")) expect(line).toMatch(/^(?: {2})*\S/);
  });
});

test("the text is JSON.stringify's with two spaces where the keys are in order already", () => {
  const ordered = json.map((value) => reordered(value, (keys) => keys.toSorted(byUnit))).filter(keysInOrder);
  holds(ordered, (value) => expect(canonicalJson(value)).toBe(`${JSON.stringify(value, null, 2)}\n`));
});

test("two values are the same JSON exactly when their canonical texts are", () => {
  const pairs = fc.oneof(
    fc.tuple(json, json),
    json.map((value) => [value, reordered(value, (keys) => keys.toReversed())] as const),
    fc.tuple(fc.subarray([1, "1", null, [], {}]), fc.subarray([1, "1", null, [], {}])),
  );
  holds(pairs, ([left, right]) => expect(sameJson(left, right)).toBe(canonicalJson(left) === canonicalJson(right)));
});
