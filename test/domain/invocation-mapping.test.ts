import { expect, test } from "vitest";
import { mapInvocation, mappedParams, MAPPED_FACTS, strangeHole } from "../../src/domain/invocation-mapping.ts";
import type { Json, JsonObject } from "../../src/domain/json.ts";

const mappingOf = (value: Json): JsonObject => ({ results: { one: { value } } });
const holes = (count: number, hole: string): Json => Array.from({ length: count }, (_, at) => ({ [`at${at}`]: hole }));
const LONG = "x".repeat(200_000);
const WIDE = Array.from({ length: 20_000 }, () => [0]);

test("a hole becomes the value itself, all values for a *, or text in a text", () => {
  const facts = { job_id: "j", params: { 'a"b': [1, { c: 2 }], n: 7 } };
  const mapping = { "of-${/job_id}": ['${/params/a"b}', "${/params/*}", "${/params/n} of ${/job_id}", true] };
  expect(mapInvocation(mapping, facts)).toEqual({ "of-j": [[1, { c: 2 }], [[1, { c: 2 }], 7], "7 of j", true] });
});

test.each([
  ["which is not there", "${/params/other}"],
  ["which is no pointer", "${/params/~2}"],
  ["in a text", "${/job_id/0}"],
  ["that no object has of its own", "${/params/constructor}"],
])("a mapping that asks for something %s fails", (_, hole) => {
  const error = expect.objectContaining({ code: "mapping_failed", data: { pointer: hole.slice(2, -1) } });
  expect(() => mapInvocation(mappingOf(hole), { job_id: "j", params: {} })).toThrow(error);
});

test.each([
  ["one text of many holes", "${/params/long}".repeat(10_000)],
  ["many texts of one", holes(10_000, "${/params/long}")],
  ["many names of one", Array.from({ length: 10_000 }, () => ({ "${/params/long}": 1 }))],
  ["many searches that find much", holes(10_000, "${/params/wide/*}")],
  ["many searches that find nothing", holes(10_000, "${/params/wide/*/1}")],
])("%s, that would make too much of little, fail before long", { timeout: 10_000 }, (_, value) => {
  const facts = { params: { long: LONG, wide: WIDE } };
  expect(() => mapInvocation(mappingOf(value), facts)).toThrow(expect.objectContaining({ code: "mapping_failed" }));
});

test("as much as a document may hold is made", () => {
  expect(
    JSON.stringify(mapInvocation(mappingOf(holes(20, "${/params/long}")), { params: { long: LONG } })).length,
  ).toBeGreaterThan(4_000_000);
});

test("names of params are told as they are, whatever characters they have", () => {
  expect(mappedParams([mappingOf('${/params/a"b} ${/params/c\\d/e} ${/params/f~1g}')])).toEqual(
    new Set(['a"b', "c\\d", "f/g"]),
  );
});

test.each(["/colour", "/params/~2", "/"])("a new mapping with %s is strange", (pointer) => {
  expect(strangeHole(mappingOf(`\${/params/a} and \${${pointer}}`), MAPPED_FACTS)).toBe(pointer);
});
