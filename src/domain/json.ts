/** A JSON value as JavaScript holds it. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: Json;
}

/** Tells whether a value is a JSON object (not null, not an array). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Tells whether a value is a JSON array. */
export function isArray(value: unknown): value is readonly Json[] {
  return Array.isArray(value);
}

/** Orders texts by UTF-16 code unit, whatever the locale. */
export function byUnit(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function write(value: Json, indent: string): string {
  if (isArray(value)) {
    if (value.length === 0) return "[]";
    const deeper = `${indent}  `;
    return `[\n${value.map((item) => deeper + write(item, deeper)).join(",\n")}\n${indent}]`;
  }
  if (isObject(value)) {
    const keys = Object.keys(value).sort(byUnit);
    if (keys.length === 0) return "{}";
    const deeper = `${indent}  `;
    return `{\n${keys.map((key) => `${deeper}${JSON.stringify(key)}: ${write(value[key] ?? null, deeper)}`).join(",\n")}\n${indent}}`;
  }
  return JSON.stringify(value);
}

/** Tells whether objects enumerate their keys in order everywhere in a value, and hold no undefined member. */
function isSorted(value: Json): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (isArray(value)) {
    for (const item of value) if (!isSorted(item)) return false;
    return true;
  }
  let last = "";
  // JSON has no inherited members, and this makes no list of the keys.
  for (const key in value) {
    const member = value[key];
    if (key < last || member === undefined || (typeof member === "object" && !isSorted(member))) return false;
    last = key;
  }
  return true;
}

/** The canonical form of the repository: keys sorted by UTF-16 unit, two spaces, LF, final newline. */
export function canonicalJson(value: Json): string {
  // What was read from the repository is sorted already, and JSON.stringify writes the same several times faster.
  return isSorted(value) ? `${JSON.stringify(value, null, 2)}\n` : `${write(value, "")}\n`;
}

/** Tells whether two values are the same JSON: the order of keys does not matter, the order of arrays does. */
export function sameJson(left: Json | undefined, right: Json | undefined): boolean {
  if (left === right) return true;
  if (isArray(left)) {
    return isArray(right) && left.length === right.length && left.every((item, index) => sameJson(item, right[index]));
  }
  if (!isObject(left) || !isObject(right)) return false;
  const keys = Object.keys(left);
  if (keys.length !== Object.keys(right).length) return false;
  for (const key of keys) if (!Object.hasOwn(right, key) || !sameJson(left[key], right[key])) return false;
  return true;
}
