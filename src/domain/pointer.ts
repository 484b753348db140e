import { isArray, isObject, type Json } from "./json.ts";

/** The way to a value: object keys and array indices from the root. */
export type Path = readonly string[];

/** Writes a path as a JSON Pointer (RFC 6901); the root is the empty text. */
export function formatPointer(path: Path): string {
  return path.map((part) => `/${part.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
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
  let found: { path: string[]; value: Json }[] = root === undefined ? [] : [{ path: [], value: root }];
  for (const part of pattern) {
    found = found.flatMap(({ path, value }) =>
      (part === "*" ? keysOf(value) : [part]).flatMap((key) => {
        const member = memberOf(value, key);
        return member === undefined ? [] : [{ path: [...path, key], value: member }];
      }),
    );
  }
  return found;
}

/** Tells whether a path is one that a pattern names. */
export function matchesPattern(path: Path, pattern: Path): boolean {
  return path.length === pattern.length && pattern.every((part, index) => part === "*" || part === path[index]);
}
