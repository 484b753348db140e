import { idProblem, isCollectionName } from "./ids.ts";
import { isObject, type Json } from "./json.ts";
import { HOSTILE_KEYS, MAX_KEY } from "./json-door.ts";
import { parsePointer, type Path } from "./pointer.ts";
import { doorViolation, MAX_LISTED, type Violation, type ViolationCode } from "./verdict.ts";

/** An operation of a JSON Patch (RFC 6902) as it is sent; members that its `op` does not use are passed over. */
export interface SentOperation {
  readonly op: "add" | "remove" | "replace" | "move" | "copy" | "test";
  readonly path: string;
  readonly from?: string;
  readonly value?: Json;
}

/** An operation that was read: every path names a document, `[collection, id]`, or something inside one. */
export type PatchOperation =
  | { readonly op: "add" | "replace" | "test"; readonly path: Path; readonly value: Json }
  | { readonly op: "remove"; readonly path: Path }
  | { readonly op: "move" | "copy"; readonly path: Path; readonly from: Path };

/** Why a pointer cannot be a path here; null when it can. */
function pathProblem(path: Path | null): readonly [ViolationCode, string] | null {
  if (path === null) return ["schema", "This is no JSON Pointer (RFC 6901)."];
  const [collection = "", id = ""] = path;
  if (path.length < 2) {
    const what = path.length === 0 ? "The root" : "A whole collection";
    return ["schema", `${what} cannot be patched; name a document, /collection/id, or something inside one.`];
  }
  if (!isCollectionName(collection)) {
    return [
      "bad_id",
      `"${collection.slice(0, 100)}" cannot name a collection: lower-case letters, digits, "_" and "-", a letter first, at most 64.`,
    ];
  }
  const hostile = path.find((part) => HOSTILE_KEYS.has(part));
  if (hostile !== undefined) return ["hostile_key", `The key ${hostile} is not allowed.`];
  const problem = idProblem(id);
  if (problem !== null) return ["bad_id", `"${id.slice(0, 200)}" cannot be an id: ${problem}.`];
  return path.some((part) => part.length > MAX_KEY)
    ? ["too_large", `A key may have ${MAX_KEY} characters at most.`]
    : null;
}

/** Reads one operation; what is wrong with it is told to `refuse` with the member's name. */
function readOperation(
  { op, path: to, from: source, value = null }: SentOperation,
  refuse: (member: string, code: ViolationCode, message: string) => void,
): PatchOperation {
  const read = (member: string, pointer: string): Path => {
    const path = parsePointer(pointer);
    const problem = pathProblem(path);
    if (problem !== null) refuse(member, ...problem);
    return path ?? [];
  };
  const path = read("path", to);
  if (op === "remove") return { op, path };
  if (op === "move" || op === "copy") return { op, path, from: read("from", source ?? "") };
  if (op !== "test" && path.length === 2 && !isObject(value))
    refuse("value", "schema", "A document is an object; remove takes one away.");
  return { op, path, value };
}

/**
 * Reads a JSON Patch over `{collection: {id: document}}`, whose operations have the members that RFC 6902 asks for.
 * Violations name what the door refuses, by pointers into the patch, and then no operation counts.
 */
export function readJsonPatch(sent: readonly SentOperation[]): {
  operations: PatchOperation[];
  violations: Violation[];
} {
  const violations: Violation[] = [];
  const operations = sent.map((operation, index) =>
    readOperation(operation, (member, code, message) => {
      if (violations.length < MAX_LISTED) violations.push(doorViolation(code, `/${index}/${member}`, message));
    }),
  );
  return { operations, violations };
}
