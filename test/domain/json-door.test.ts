import { describe, expect, test } from "vitest";
import { RuntreeError } from "../../src/domain/errors.ts";
import { MAX_DEPTH, readJson, type ReadJson } from "../../src/domain/json-door.ts";
import type { Violation } from "../../src/domain/verdict.ts";

const read = (text: string): ReadJson => readJson(Buffer.from(text, "utf8"));

/** The code a text or bytes are refused with, and the code and pointer of each violation named. */
function refusal(input: string | Uint8Array): { code: string; errors: [string, string][] } | null {
  try {
    readJson(typeof input === "string" ? Buffer.from(input, "utf8") : input);
    return null;
  } catch (error) {
    if (!(error instanceof RuntreeError)) throw error;
    const errors = error.data["errors"] as Violation[];
    return { code: error.code, errors: errors.map(({ code, pointer }) => [code, pointer]) };
  }
}

const found = (text: string): [string, string][] => read(text).violations.map(({ code, pointer }) => [code, pointer]);

/** How long reading takes, in ms, whether the text is refused or not. */
function timeOf(text: string): number {
  const begun = performance.now();
  refusal(text);
  return performance.now() - begun;
}

describe("a text that is not JSON is refused as malformed", () => {
  test.each([
    ["nothing", ""],
    ["only space", " \n"],
    ["a trailing comma in an object", '{"a":1,}'],
    ["a trailing comma in an array", "[1,]"],
    ["a leading comma", "[,1]"],
    ["two commas", "[1,,2]"],
    ["a missing comma", '{"a":1 "b":2}'],
    ["a missing colon", '{"a" 1}'],
    ["a missing value", '{"a":}'],
    ["a line comment", "{} // end"],
    ["a block comment", '{/* a */"a":1}'],
    ["a hash comment", "# x\n{}"],
    ["single quotes", "{'a':1}"],
    ["a key without quotes", "{a:1}"],
    ["a number as a key", "{1:1}"],
    ["a leading zero", "[01]"],
    ["a leading zero after the sign", "[-01]"],
    ["a plus sign", "[+1]"],
    ["a sign alone", "[-]"],
    ["a number without a whole part", "[.5]"],
    ["a number without a fraction", "[1.]"],
    ["a number without an exponent", "[1e]"],
    ["a hexadecimal number", "[0x10]"],
    ["NaN", "[NaN]"],
    ["Infinity", "[-Infinity]"],
    ["undefined", "[undefined]"],
    ["a word in capitals", "[True]"],
    ["half a word", "[nul]"],
    ["a word that goes on", "[nulll]"],
    ["two values", "{} {}"],
    ["a closing bracket too many", "{}}"],
    ["the wrong closing bracket", "[1}"],
    ["an open object", '{"a":1'],
    ["an open array", "[1"],
    ["an open string", '"abc'],
    ["an escape that is none", '"\\x41"'],
    ["an escape that is cut", '"\\u00"'],
    ["a line end in a string", '"a\nb"'],
    ["a tab in a string", '"a\tb"'],
    ["a NUL in a string", '"a\0b"'],
    ["a space that JSON does not know", "[\u00a01]"],
    ["a vertical tab", "[\v1]"],
    ["a byte order mark", "\ufeff{}"],
  ])("%s", (_, text) => {
    expect(refusal(text)).toMatchObject({ code: "malformed_json", errors: [["malformed_json", expect.any(String)]] });
  });

  test.each([
    ["a stray byte", [0x22, 0xff, 0x22]],
    ["a cut sequence", [0x22, 0xc3, 0x22]],
    ["an overlong form", [0x22, 0xc0, 0xaf, 0x22]],
    ["a surrogate as bytes", [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ["UTF-16", [0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00]],
  ])("%s instead of UTF-8", (_, bytes) => {
    expect(refusal(Uint8Array.from(bytes))).toEqual({ code: "malformed_json", errors: [["malformed_json", ""]] });
  });

  test.each([
    ["a high half", '"\\ud83d"'],
    ["a low half", '"\\ude00"'],
    ["halves the wrong way round", '"\\ude00\\ud83d"'],
    ["a high half before other text", '"\\ud83dx\\ude00"'],
    ["a half after a whole pair", '"\\ud83d\\ude00\\ude00"'],
    ["a half in a key", '{"\\udc00":1}'],
  ])("%s of a surrogate pair", (_, text) => {
    expect(refusal(text)).toMatchObject({ code: "malformed_json" });
  });

  test.each([
    ["at the root", '{"a":1,"a":1}', "/a"],
    ["deep inside", '{"x":[{"a":1,"b":2,"a":3}]}', "/x/0/a"],
    ["spelled differently", '{"a":1,"\\u0061":2}', "/a"],
    ["hostile twice", '{"__proto__":1,"__proto__":2}', "/__proto__"],
  ])("a key twice, %s", (_, text, pointer) => {
    expect(refusal(text)).toEqual({ code: "malformed_json", errors: [["malformed_json", pointer]] });
  });

  test("but not the same key in two objects, nor two keys that only look alike", () => {
    expect(read('[{"a":1},{"a":{"a":2}}]').value).toEqual([{ a: 1 }, { a: { a: 2 } }]);
    expect(Object.keys(read('{"\u00e9":1,"e\u0301":2}').value as object)).toHaveLength(2);
  });
});

describe("what is well-formed is read", () => {
  test.each([
    ["{}", {}],
    ["[]", []],
    [' \t\r\n{ "a" : [ 1 , 2 ] }\n', { a: [1, 2] }],
    ["null", null],
    ["[true, false, null]", [true, false, null]],
    ['"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041"', '"\\/\b\f\n\r\tA'],
    ['"\\ud83d\\ude00 😀"', "😀 😀"],
    ['"\u007f\u2028\ufeff"', "\u007f\u2028\ufeff"],
    ['{"":{"":0}}', { "": { "": 0 } }],
    ['{"hasOwnProperty":1,"toString":2}', { hasOwnProperty: 1, toString: 2 }],
  ])("%s", (text, value) => {
    expect(read(text)).toEqual({ value, violations: [], notices: [] });
  });
});

describe("a hostile key is refused with its place", () => {
  test.each([
    ['{"__proto__":{"polluted":1}}', ["/__proto__"]],
    ['{"a":[0,{"constructor":{"prototype":1}}]}', ["/a/1/constructor", "/a/1/constructor/prototype"]],
    ['{"\\u005f_proto__":1}', ["/__proto__"]],
    ['[{"prototype":null}]', ["/0/prototype"]],
  ])("%s", (text, pointers) => {
    expect(found(text)).toEqual(pointers.map((pointer) => ["hostile_key", pointer]));
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });

  test("but not a key or a text that only holds one", () => {
    expect(found('{"__proto":1,"Constructor":"__proto__","prototypes":["constructor"]}')).toEqual([]);
  });
});

describe("a number", () => {
  test.each([
    "9007199254740992",
    "-9007199254740992",
    "9007199254740993",
    "100000000000000000000",
    "1e20",
    "-1e20",
    "1.5e20",
    "9007199254740992.0",
    `1${"0".repeat(30)}`,
    "1e400",
    "-1e400",
    "1e99999999999999999999",
  ])("%s is refused with its place", (literal) => {
    expect(found(`{"depth":[0,${literal}]}`)).toEqual([["bad_number", "/depth/1"]]);
  });

  test.each([
    ["9007199254740991", 9007199254740991],
    ["-9007199254740991", -9007199254740991],
    ["6.02e23", 6.02e23],
    ["0.1", 0.1],
    ["1.10", 1.1],
    ["100e-2", 1],
    ["1E+2", 100],
    ["0e999", 0],
    ["0.000", 0],
    ["1.7976931348623157e308", Number.MAX_VALUE],
    ["5e-324", Number.MIN_VALUE],
  ])("%s is kept as it is", (literal, value) => {
    expect(read(literal)).toEqual({ value, violations: [], notices: [] });
  });

  test("-0 is the number nought", () => {
    expect(Object.is(read("-0").value, 0)).toBe(true);
    expect(Object.is(read("-0.0e5").value, 0)).toBe(true);
    expect(read("-0").notices).toEqual([]);
  });

  test.each([
    ["0.1000000000000000055511151231257827", 0.1],
    ["3.14159265358979323846", 3.141592653589793],
    ["1e-400", 0],
    ["9007199254740991.5", 9007199254740992],
    ["123456789012345678.5e-3", 123456789012345.67],
  ])("%s is not what a double holds, and is never changed without a word", (literal, value) => {
    const { value: kept, violations, notices } = read(`[${literal}]`);
    expect(kept).toEqual([value]);
    expect([...violations, ...notices].map(({ code }) => code)).toEqual([
      Number.isSafeInteger(value) || !Number.isInteger(value) ? "number_rounded" : "bad_number",
    ]);
  });
});

describe("nesting", () => {
  const nested = (depth: number, open: string, close: string): string => `${open.repeat(depth)}${close.repeat(depth)}`;

  test.each([
    ["arrays", "[", "]"],
    ["objects", '{"a":', "}"],
  ])("of %s is read 64 deep, and refused deeper", (_, open, close) => {
    const inner = open === "[" ? "" : "0";
    const text = (depth: number): string =>
      nested(depth, open, close).replace(`${open}${close}`, `${open}${inner}${close}`);
    expect(MAX_DEPTH).toBe(64);
    expect(read(text(64)).violations).toEqual([]);
    expect(refusal(text(65))).toMatchObject({ code: "validation_failed", errors: [["too_large", expect.any(String)]] });
  });

  test("far beyond any stack is refused the same way", () => {
    expect(refusal("[".repeat(1_000_000))).toMatchObject({ code: "validation_failed" });
  });
});

// A text within the body limit must not stop the server: whatever is done once for each character or member has to be
// cheap. The bounds leave a slow machine ten times what is needed.
describe("a text within the limit is read at once", () => {
  test.each([
    ["a long string", JSON.stringify("a".repeat(900_000))],
    ["a string of escapes", `"${"\\n".repeat(450_000)}"`],
    ["many small values", JSON.stringify(Array(300_000).fill(0))],
    [
      "many keys",
      JSON.stringify(Object.fromEntries(Array.from({ length: 60_000 }, (_, index) => [`key ${index}`, 0]))),
    ],
    ["a long row of digits", `0.${"9".repeat(900_000)}`],
    ["a number with a long run of zeros inside", `1.${"0".repeat(100_000)}1`],
    ["a long key above many numbers", `{"${"/".repeat(50_000)}":[${Array(4000).fill("0").join()}]}`],
    [
      "a long key above many keys",
      `{"${"/".repeat(50_000)}":{${Array.from({ length: 4000 }, (_, index) => `"${index}":""`).join()}}}`,
    ],
  ])("%s", (_, text) => {
    expect(timeOf(text)).toBeLessThan(1000);
  });

  test("a very long string is read, not a crash", () => {
    const long = "a".repeat(20_000_000);
    expect(read(JSON.stringify(long)).value === long).toBe(true);
  });

  test("what is wrong with it is told in no more room than a hundred times the text", () => {
    const text = `{"${"k".repeat(10_000)}":[${Array(5000).fill("1e400").join()}]}`;
    expect(JSON.stringify(read(text).violations).length).toBeLessThan(100 * text.length);
  });
});
