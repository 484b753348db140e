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

/** The canonical form of the repository: keys sorted by UTF-16 unit, two spaces, LF, final newline. */
export function canonicalJson(value: Json): string {
  return `${write(value, "")}\n`;
}

/** Tells whether two values are the same JSON: the order of keys does not matter, the order of arrays does. */
export function sameJson(left: Json | undefined, right: Json | undefined): boolean {
  if (left === right) return true;
  if (isArray(left)) {
    return isArray(right) && left.length === right.length && left.every((item, index) => sameJson(item, right[index]));
  }
  if (!isObject(left) || !isObject(right) || isArray(right)) return false;
  const keys = Object.keys(left);
  return (
    keys.length === Object.keys(right).length &&
    keys.every((key) => Object.hasOwn(right, key) && sameJson(left[key], right[key]))
  );
}
