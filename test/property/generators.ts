import fc, { type Arbitrary } from "fast-check";
import { isObject, type Json, type JsonObject } from "../../src/domain/json.ts";

/** Keys that the door refuses, wherever they stand. */
export const HOSTILE_KEYS: readonly string[] = ["__proto__", "constructor", "prototype"];

/** Any text that UTF-8 can hold. */
export const text: Arbitrary<string> = fc.string({ unit: "binary", maxLength: 12 });

/**
 * Keys that are allowed and tempt: integer-like ones, which JavaScript moves to the front; names that every object
 * inherits; two that UTF-16 units and code points order differently; and any other.
 */
export const key: Arbitrary<string> = fc
  .oneof(
    fc.constantFrom("a", "b", "id", "", "10", "9", "-1", "~/", "\ue000", "😀", "é", "e\u0301"),
    fc.constantFrom("hasOwnProperty", "toString", "valueOf", "toJSON", "length"),
    text,
  )
  .filter((name) => !HOSTILE_KEYS.includes(name));

/** Finite numbers without -0, which no JSON text of ours holds. */
const number: Arbitrary<number> = fc
  .oneof(fc.integer(), fc.maxSafeInteger(), fc.double({ noNaN: true, noDefaultInfinity: true }))
  .map((value) => (value === 0 ? 0 : value));

/** Numbers whose shortest text is one that the door keeps. */
const doorNumber: Arbitrary<number> = number.filter(
  (value) => Number.isSafeInteger(value) || !/^-?\d+$/.test(String(value)),
);

function valuesOf(scalar: Arbitrary<Json>): Arbitrary<Json> {
  return fc.letrec<{ value: Json; array: Json[]; object: JsonObject }>((tie) => ({
    value: fc.oneof({ maxDepth: 4, withCrossShrink: true }, scalar, tie("array"), tie("object")),
    array: fc.array(tie("value"), { maxLength: 4 }),
    object: fc.dictionary(key, tie("value"), { maxKeys: 5, noNullPrototype: true }),
  })).value;
}

/** Any JSON value without hostile keys. */
export const json: Arbitrary<Json> = valuesOf(fc.oneof(fc.constant(null), fc.boolean(), number, text));

/** Any JSON value that the door reads without a word. */
export const doorJson: Arbitrary<Json> = valuesOf(fc.oneof(fc.constant(null), fc.boolean(), doorNumber, text));

const patchScalar = fc
  .constantFrom("null", "1", '"x"', "[]", '[null, {"a": null}]')
  .map((text) => JSON.parse(text) as Json);

/** An object with few keys, so that a merge patch meets the members of its target, and with nulls. */
export const patchable: Arbitrary<Json> = fc.letrec<{ value: Json; object: JsonObject }>((tie) => ({
  value: fc.oneof({ maxDepth: 3 }, patchScalar, tie("object")),
  object: fc.dictionary(fc.constantFrom("a", "b", "hasOwnProperty", "toString"), tie("value"), {
    noNullPrototype: true,
  }),
})).value;

// ——— Documents to merge: a base and sides that change little of it, so that most merges are clean. ———

const mergeKey = fc.constantFrom("a", "b", "c", "d", "9", "10", "hasOwnProperty", "e/~");
const mergeScalar = fc.constantFrom<Json>(true, 1, 2, 3, "x", "y");
const mergeArray = fc.array(mergeScalar, { maxLength: 3 });
/** Made anew each time: what a parser makes never holds one object twice. */
const emptyObject: Arbitrary<Json> = fc.constant(null).map(() => ({}));

function plainObjects(scalar: Arbitrary<Json>): Arbitrary<JsonObject> {
  return fc.letrec<{ value: Json; object: JsonObject }>((tie) => ({
    value: fc.oneof({ maxDepth: 2 }, scalar, tie("object"), mergeArray, emptyObject),
    object: fc.dictionary(mergeKey, tie("value"), { minKeys: 1, maxKeys: 6, size: "max", noNullPrototype: true }),
  })).object;
}

/** How one side leaves a member: mostly as it was, sometimes changed, now and then removed (undefined). */
function left<Value extends Json>(value: Value, change: Arbitrary<Value>): Arbitrary<Value | undefined> {
  return fc.oneof(
    { weight: 12, arbitrary: fc.constant(value) },
    { weight: 3, arbitrary: change },
    { weight: 1, arbitrary: fc.constant(undefined) },
  );
}

function assemble(members: readonly (readonly [string, Json | undefined])[]): JsonObject {
  return Object.fromEntries(members.filter((member): member is [string, Json] => member[1] !== undefined));
}

/** An object as one side leaves it, inner objects included. */
function editedObject(before: JsonObject, scalar: Arbitrary<Json>): Arbitrary<JsonObject> {
  const change = (value: Json): Arbitrary<Json> =>
    isObject(value)
      ? fc.oneof({ weight: 4, arbitrary: editedObject(value, scalar) }, { weight: 1, arbitrary: scalar })
      : fc.oneof({ weight: 4, arbitrary: scalar }, { weight: 2, arbitrary: mergeArray }, plainObjects(scalar));
  const kept = Object.entries(before).map(([name, value]) =>
    left(value, change(value)).map((after) => [name, after] as const),
  );
  const added = fc.oneof(
    { weight: 1, arbitrary: fc.constant({}) },
    { weight: 1, arbitrary: fc.tuple(mergeKey, scalar).map((member) => Object.fromEntries([member])) },
  );
  return fc.tuple(fc.tuple(...kept), added).map(([old, more]) => assemble([...Object.entries(more), ...old]));
}

/** A base document and sides that were made from it. */
export interface Versions {
  readonly base: JsonObject;
  readonly sides: readonly [JsonObject, JsonObject, JsonObject];
}

function versionsOf(
  base: Arbitrary<JsonObject>,
  edited: (before: JsonObject) => Arbitrary<JsonObject>,
): Arbitrary<Versions> {
  return base.chain((before) =>
    fc.record({ base: fc.constant(before), sides: fc.tuple(edited(before), edited(before), edited(before)) }),
  );
}

/** Documents that no policy concerns and that hold no null. */
export const plainVersions: Arbitrary<Versions> = versionsOf(plainObjects(mergeScalar), (before) =>
  editedObject(before, mergeScalar).chain((once) => editedObject(once, mergeScalar)),
);

/** Where `policyVersions` hold a set, an array of objects by their `id`, and an object that is one value. */
export const SET_MEMBER = "tags";
export const KEYED_MEMBER = "parts";
export const ATOMIC_MEMBER = "quantity";

const tag = fc.constantFrom<Json>("red", "blue", "1", 1, 2, true, null);
const tags = fc.uniqueArray(tag, { maxLength: 4 });

/** A set that one side took at most one tag from and added some to, in any order. */
function editedTags(before: readonly Json[]): Arbitrary<Json[]> {
  const kept = fc.shuffledSubarray([...before], { minLength: Math.max(0, before.length - 1) });
  return fc.tuple(kept, tags).map(([old, more]) => [...new Set([...old, ...more])]);
}

const quantity = fc.record({ value: fc.constantFrom(1, 2, 3), unit: fc.constantFrom("m", "ft") });

/** An item of a keyed array without its key. */
const part = plainObjects(fc.constantFrom<Json>(null, 1, 2));
const partIds = fc.uniqueArray(fc.constantFrom("p1", "p2", "p3", "p4", "p5"), { maxLength: 4 });

const parts: Arbitrary<JsonObject[]> = partIds.chain((ids) =>
  fc.tuple(...ids.map((id) => part.map((item) => ({ ...item, id })))),
);

/** A keyed array in the order it had, with items changed, gone and added. */
function editedParts(before: readonly JsonObject[]): Arbitrary<JsonObject[]> {
  const kept = before.map((item) =>
    left(
      item,
      editedObject(item, mergeScalar).map((after) => ({ ...after, id: item["id"] ?? null })),
    ),
  );
  return fc
    .tuple(fc.tuple(...kept), parts)
    .map(([old, more]) => [
      ...old.filter((item) => item !== undefined),
      ...more.filter(({ id }) => !before.some((item) => item["id"] === id)).slice(0, 1),
    ]);
}

/** Two or three members that a policy rules, and others. */
const policyDocument: Arbitrary<JsonObject> = fc
  .tuple(
    plainObjects(fc.oneof(mergeScalar, fc.constant(null))),
    fc.record(
      { [SET_MEMBER]: tags, [KEYED_MEMBER]: parts, [ATOMIC_MEMBER]: quantity },
      { requiredKeys: [], noNullPrototype: true },
    ),
  )
  .map(([plain, ruled]) => ({ ...plain, ...ruled }) as JsonObject);

function editedDocument(before: JsonObject): Arbitrary<JsonObject> {
  const {
    [SET_MEMBER]: oldTags = [],
    [KEYED_MEMBER]: oldParts = [],
    [ATOMIC_MEMBER]: oldQuantity = null,
    ...plain
  } = before;
  const member = <Value extends Json>(name: string, value: Value, change: Arbitrary<Value>) =>
    (Object.hasOwn(before, name)
      ? left(value, change)
      : fc.oneof({ weight: 5, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: change })
    ).map((after) => [name, after] as const);
  return fc
    .tuple(
      editedObject(plain, fc.oneof(mergeScalar, fc.constant(null))),
      member<Json>(SET_MEMBER, oldTags, editedTags(oldTags as readonly Json[])),
      member<Json>(KEYED_MEMBER, oldParts, editedParts(oldParts as readonly JsonObject[])),
      member<Json>(ATOMIC_MEMBER, oldQuantity, quantity),
    )
    .map(([members, ...ruled]) => ({ ...members, ...assemble(ruled) }));
}

/** Documents with members that policies rule, and others. Nulls included. */
export const policyVersions: Arbitrary<Versions> = versionsOf(policyDocument, editedDocument);
