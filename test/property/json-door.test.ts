import fc, { type Arbitrary } from "fast-check";
import { expect, test } from "vitest";
import { RuntreeError } from "../../src/domain/errors.ts";
import { readJson, type ReadJson } from "../../src/domain/json-door.ts";
import { canonicalJson, type Json } from "../../src/domain/json.ts";
import { formatPointer } from "../../src/domain/pointer.ts";
import { doorJson, HOSTILE_KEYS, key } from "./generators.ts";
import { holds, RUNS } from "./runs.ts";

const read = (text: string): ReadJson => readJson(Buffer.from(text, "utf8"));

const kept = (value: Json): ReadJson => ({ value, violations: [], notices: [] });

test("what JSON.stringify writes is read as JSON.parse reads it", () => {
  holds(fc.tuple(doorJson, fc.constantFrom("", " ", "\t", "  \n")), ([value, indent]) => {
    const text = `${indent}${JSON.stringify(value, null, indent)}${indent}`;
    expect(read(text)).toEqual(kept(JSON.parse(text) as Json));
  });
});

test("what the store writes is read again without a word", () => {
  holds(doorJson, (value) => expect(read(canonicalJson(value))).toEqual(kept(value)));
});

/** A text a little wrong: pieces cut, doubled, or replaced by what JSON gives a meaning. */
const damaged: Arbitrary<Uint8Array> = fc
  .tuple(
    doorJson.map((value) => [...Buffer.from(JSON.stringify(value), "utf8")]),
    fc.array(
      fc.record({
        at: fc.nat(),
        remove: fc.nat({ max: 3 }),
        insert: fc.oneof(
          fc.constantFrom(..."{}[],:\"\\'0-1.eE+tfn/ \t\n").map((character) => [...Buffer.from(character)]),
          fc
            .constantFrom("null", "//", "/**/", "NaN", '"a":1', "\\ud800", "\\u00", "01", "1e999", "\ufeff")
            .map((part) => [...Buffer.from(part)]),
          fc.uint8Array({ maxLength: 2 }).map((bytes) => [...bytes]),
        ),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  )
  .map(([bytes, edits]) => {
    for (const { at, remove, insert } of edits) bytes.splice(at % (bytes.length + 1), remove, ...insert);
    return Uint8Array.from(bytes);
  });

/** What JSON.parse makes of bytes; undefined when it refuses them. */
function parsed(bytes: Uint8Array): Json | undefined {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)) as Json;
  } catch {
    return undefined;
  }
}

test("a damaged text is read as JSON.parse reads it, or refused with a code and a place", () => {
  let refusals = 0;
  let readings = 0;
  holds(damaged, (bytes) => {
    let found: ReadJson;
    try {
      found = readJson(bytes);
    } catch (error) {
      if (!(error instanceof RuntreeError)) throw error;
      expect(["malformed_json", "validation_failed"]).toContain(error.code);
      expect(error.data["errors"]).toHaveLength(1);
      refusals++;
      return;
    }
    readings++;
    const known = parsed(bytes);
    expect(known).not.toBeUndefined();
    if (found.violations.length === 0) expect(canonicalJson(found.value)).toBe(canonicalJson(known ?? null));
  });
  expect(Math.min(refusals, readings)).toBeGreaterThan(RUNS / 50);
});

test("a hostile key is found wherever it stands", () => {
  const way = fc.array(fc.oneof(key, fc.constant(null)), { maxLength: 6 });
  holds(fc.tuple(way, fc.constantFrom(...HOSTILE_KEYS), doorJson), ([steps, hostile, inside]) => {
    const innermost = `{${JSON.stringify(hostile)}: ${JSON.stringify(inside)}}`;
    const text = steps.reduceRight<string>(
      (inner, step) => (step === null ? `[${inner}]` : `{${JSON.stringify(step)}: ${inner}}`),
      innermost,
    );
    const pointer = formatPointer([...steps.map((step) => step ?? "0"), hostile]);
    const found = read(text).violations.map((violation) => [violation.code, violation.pointer]);
    expect(found).toEqual([["hostile_key", pointer]]);
    expect(Object.hasOwn({}, "polluted")).toBe(false);
  });
});

test("a key that stands twice is refused, also when it is spelled with escapes", () => {
  const escaped = (name: string): string =>
    `"${[...Array(name.length).keys()].map((at) => `\\u${name.charCodeAt(at).toString(16).padStart(4, "0")}`).join("")}"`;
  holds(fc.tuple(key, fc.boolean(), fc.uniqueArray(key, { maxLength: 3 })), ([name, spelled, others]) => {
    const between = others.filter((other) => other !== name).map((other) => `${JSON.stringify(other)}: 0, `);
    const text = `[{${JSON.stringify(name)}: 1, ${between.join("")}${spelled ? escaped(name) : JSON.stringify(name)}: 1}]`;
    expect(() => read(text)).toThrow(expect.objectContaining({ code: "malformed_json" }));
  });
});

/** A decimal literal as a whole number of `10^-places`. */
function exact(literal: string): { units: bigint; places: bigint } {
  const [mantissa = "", exponent = "0"] = literal.toLowerCase().split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  return { units: BigInt(`${whole}${fraction}`), places: BigInt(fraction.length) - BigInt(exponent) };
}

function sameNumber(left: string, right: string): boolean {
  const [one, other] = [exact(left), exact(right)];
  const places = one.places > other.places ? one.places : other.places;
  const scaled = ({ units, places: own }: typeof one): bigint => units * 10n ** (places - own);
  return scaled(one) === scaled(other);
}

const literal: Arbitrary<string> = fc
  .tuple(
    fc.constantFrom("", "-"),
    fc.oneof(fc.constant("0"), fc.stringMatching(/^[1-9]\d{0,20}$/)),
    fc.oneof(fc.constant(""), fc.stringMatching(/^\.\d{1,20}$/)),
    fc.oneof(fc.constant(""), fc.stringMatching(/^[eE][+-]?\d{1,3}$/)),
  )
  .map((parts) => parts.join(""));

test("a number is repeated exactly, kept with a notice, or refused: never silently changed", () => {
  holds(literal, (one) => {
    const { value, violations, notices } = read(one);
    const safe = Number.isSafeInteger(Number(one));
    if (violations.length > 0) {
      expect(violations.map(({ code, pointer }) => [code, pointer])).toEqual([["bad_number", ""]]);
      expect(safe).toBe(false);
      return;
    }
    expect(value === Number(one)).toBe(true);
    expect(notices.map(({ code }) => code)).toEqual(sameNumber(one, String(value)) ? [] : ["number_rounded"]);
    // What was kept is written in a form that is kept again, or a client could not send back what it read.
    expect(read(canonicalJson(value))).toEqual(kept(value));
    if (/^-?\d+$/.test(one)) expect(safe).toBe(true);
  });
});
