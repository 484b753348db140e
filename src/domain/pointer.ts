import { isArray, isObject, type Json } from "./json.ts";

/** The way to a value: object keys and array indices from the root. */
export type Path = readonly string[];

const ESCAPED = /[~/]/;

function escapePart(part: string): string {
  return part.replaceAll("~", "~0").replaceAll("/", "~1");
}

/** Writes a path as a JSON Pointer (RFC 6901); the root is the empty text. */
export function formatPointer(path: Path): string {
  let pointer = "";
  for (const part of path) pointer += `/${ESCAPED.test(part) ? escapePart(part) : part}`;
  return pointer;
}

/** Reads a JSON Pointer; null when the text is not one. */
export function parsePointer(pointer: string): string[] | null {
  if (pointer === "") return [];
  if (!pointer.startsWith("/") || /~(?![01])/.test(pointer)) return null;
  return pointer
    .slice(1)
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

const INDEX = /^(0|[1-9]\d*)$/;

/** The member of an object or array under one key; undefined when absent. */
export function memberOf(value: Json | undefined, key: string): Json | undefined {
  if (isArray(value)) return INDEX.test(key) ? value[Number(key)] : undefined;
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** The value at a path; undefined when absent. */
export function valueAt(root: Json | undefined, path: Path): Json | undefined {
  return path.reduce<Json | undefined>(memberOf, root);
}

/** The keys of an object, the indices of an array; none for anything else. */
export function keysOf(value: Json | undefined): string[] {
  if (isArray(value)) return [...value.keys()].map(String);
  return isObject(value) ? Object.keys(value) : [];
}

/** Every value a pattern names, where `*` stands for one level of any key or index. */
export function selectAll(root: Json | undefined, pattern: Path): { path: string[]; value: Json }[] {
  const found: { path: string[]; value: Json }[] = [];
  const path: string[] = [];
  const walk = (value: Json | undefined): void => {
    const part = pattern[path.length];
    if (value === undefined) return;
    if (part === undefined) {
      found.push({ path: [...path], value });
      return;
    }
    for (const key of part === "*" ? keysOf(value) : [part]) {
      const member = memberOf(value, key);
      path.push(key);
      walk(member);
      path.pop();
    }
  };
  walk(root);
  return found;
}

/** Tells whether a path is one that a pattern names. */
export function matchesPattern(path: Path, pattern: Path): boolean {
  return path.length === pattern.length && pattern.every((part, index) => part === "*" || part === path[index]);
}
