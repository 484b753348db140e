import { applyPatch, type Operation } from "rfc6902";
import { RuntreeError } from "./errors.ts";
import { isArray, isObject, type Json, type JsonObject, sameJson } from "./json.ts";
import { MAX_DEPTH } from "./json-door.ts";
import type { PatchOperation } from "./json-patch-door.ts";
import type { DocumentEdit } from "./patch.ts";
import { formatPointer, memberOf, type Path, valueAt } from "./pointer.ts";
import { doorViolation, type ViolationCode } from "./verdict.ts";

/** What the `copy` operations of one patch may copy together, in UTF-16 units of JSON: as much as one request brings by default. */
const MAX_COPIED = 1_048_576;

/** What its `move` operations may look through together, to see how deep it nests; far more than a patch by hand moves. */
const MAX_MOVED = 16 * MAX_COPIED;

/** How many items of arrays its operations may push along together: a second or two of work, and more than a patch by hand needs. */
const MAX_SHIFTED = 3_000_000_000;

/** The body of a submission is `{body: {collection: {id: document}}}`: what nests deeper could not be sent again. */
const ABOVE = 1;

const INDEX = /^(0|[1-9]\d*)$/;

/** Refuses an operation, or a member of it. */
type Refuse = (member: "" | "/path" | "/from", message: string, code?: ViolationCode) => never;

/** A value's nesting, and about as many UTF-16 units as its JSON has. */
interface Measure {
  depth: number;
  size: number;
}

/** Measures a value, and stops where it nests deeper or is larger than these. */
function measure(value: Json, most: Measure): Measure {
  let [depth, size] = [0, 0];
  const walk = (value: Json, level: number): void => {
    if (size > most.size || depth > most.depth) return;
    if (typeof value !== "object" || value === null) {
      size += typeof value === "string" ? value.length + 3 : String(value).length + 1;
      return;
    }
    depth = Math.max(depth, level);
    size += 3;
    if (isArray(value)) for (const item of value) walk(item, level + 1);
    else {
      for (const [key, member] of Object.entries(value)) {
        size += key.length + 3;
        walk(member, level + 1);
      }
    }
  };
  walk(value, 1);
  return { depth, size };
}

/** A pointer as a sentence can hold it. */
function shown(path: Path): string {
  const pointer = formatPointer(path);
  return pointer.length > 200 ? `${pointer.slice(0, 200)}…` : pointer;
}

function isWithin(path: Path, outer: Path): boolean {
  return path.length >= outer.length && outer.every((part, index) => part === path[index]);
}

/** Applies operations one after another to the documents that they name; a class because all of them share those. */
class Patching {
  readonly #read: (collection: string, id: string) => JsonObject | null;
  /** The virtual object: the documents named so far. */
  readonly #root: Record<string, Record<string, Json>> = {};
  readonly #named = new Map<string, { collection: string; id: string; before: boolean; written: boolean }>();
  #copied = 0;
  #moved = 0;
  #shifted = 0;

  constructor(read: (collection: string, id: string) => JsonObject | null) {
    this.#read = read;
  }

  /** Brings the document that a path names into the virtual object. */
  #name([collection = "", id = ""]: Path, written: boolean): void {
    const key = formatPointer([collection, id]);
    const known = this.#named.get(key);
    if (known !== undefined) {
      known.written ||= written;
      return;
    }
    const document = this.#read(collection, id);
    const members = (this.#root[collection] ??= {});
    if (document !== null) members[id] = document;
    this.#named.set(key, { collection, id, before: document !== null, written });
  }

  apply(operation: PatchOperation, refuse: Refuse): void {
    const { op, path } = operation;
    this.#name(path, op !== "test");
    if ("from" in operation) {
      this.#name(operation.from, op === "move");
      if (op === "move") this.#move(operation.from, path, refuse);
      else this.#copy(operation.from, path, refuse);
    } else if (operation.op === "test") {
      if (!sameJson(this.#existing(path, "/path", refuse), operation.value))
        refuse("", `The test fails: something else is at ${shown(path)}.`);
    } else if (operation.op === "remove") {
      this.#existing(path, "/path", refuse);
      this.#shift(path, refuse);
      this.#carryOut({ op: "remove", path: formatPointer(path) });
    } else {
      if (operation.op === "replace") this.#existing(path, "/path", refuse);
      else this.#requirePlace(path, refuse);
      this.#requireShallow(path, measure(operation.value, { depth: MAX_DEPTH, size: Infinity }), refuse);
      if (operation.op === "add") this.#shift(path, refuse);
      this.#carryOut({ op: operation.op, path: formatPointer(path), value: operation.value });
    }
  }

  #copy(from: Path, path: Path, refuse: Refuse): void {
    const value = this.#existing(from, "/from", refuse);
    this.#requireDocument(path, value, refuse);
    this.#requirePlace(path, refuse);
    const found = measure(value, { depth: MAX_DEPTH, size: MAX_COPIED - this.#copied });
    this.#requireShallow(path, found, refuse);
    this.#copied += found.size;
    if (this.#copied > MAX_COPIED)
      refuse("/from", `The copies of one patch may have ${MAX_COPIED} characters of JSON together.`, "too_large");
    this.#shift(path, refuse);
    this.#carryOut({ op: "copy", from: formatPointer(from), path: formatPointer(path) });
  }

  #move(from: Path, path: Path, refuse: Refuse): void {
    const value = this.#existing(from, "/from", refuse);
    if (isWithin(path, from)) {
      if (path.length === from.length) return;
      refuse("/path", "A value cannot be moved into itself.");
    }
    this.#requireDocument(path, value, refuse);
    const meant = this.#beforeRemoval(from, path);
    this.#requirePlace(meant, refuse, this.#isBeside(from, path) ? 1 : 0);
    if (path.length > from.length) {
      const found = measure(value, { depth: MAX_DEPTH, size: MAX_MOVED - this.#moved });
      this.#requireShallow(path, found, refuse);
      this.#moved += found.size;
      if (this.#moved > MAX_MOVED) refuse("/from", "The moves of this patch go through too much.", "too_large");
    }
    for (const each of [from, meant]) this.#shift(each, refuse);
    this.#carryOut({ op: "move", from: formatPointer(from), path: formatPointer(meant) });
  }

  /** Tells whether a value stays in its array. */
  #isBeside(from: Path, path: Path): boolean {
    const parent = from.slice(0, -1);
    return path.length === from.length && isWithin(path, parent) && isArray(valueAt(this.#root, parent));
  }

  /**
   * The path of a move as it is before the value is taken away. The RFC means it as it is afterwards, when what came
   * behind the value in its array has moved up; the library looks before.
   */
  #beforeRemoval(from: Path, path: Path): Path {
    const [parent, at] = [from.slice(0, -1), from.length - 1];
    const index = path[at] ?? "";
    const passes = path.length > from.length && isWithin(path, parent) && INDEX.test(index);
    if (!passes || !isArray(valueAt(this.#root, parent)) || Number(index) < Number(from[at])) return path;
    return path.with(at, String(Number(index) + 1));
  }

  /** The value at a path. Refuses when nothing is there. */
  #existing(path: Path, member: "/path" | "/from", refuse: Refuse): Json {
    const value = valueAt(this.#root, path);
    if (value === undefined) refuse(member, `There is nothing at ${shown(path)}.`);
    return value;
  }

  /** Refuses a path where nothing can be added: in nothing, in a text or number, or beyond the end of an array that is about to be `fewer` items shorter. */
  #requirePlace(path: Path, refuse: Refuse, fewer = 0): void {
    const parent = valueAt(this.#root, path.slice(0, -1));
    const last = path.at(-1) ?? "";
    if (isObject(parent)) return;
    if (!isArray(parent)) refuse("/path", `There is no object or array at ${shown(path.slice(0, -1))}.`);
    if (last !== "-" && !(INDEX.test(last) && Number(last) <= parent.length - fewer))
      refuse("/path", `${shown(path)} is no place in an array of ${parent.length - fewer}.`);
  }

  #requireDocument(path: Path, value: Json, refuse: Refuse): void {
    if (path.length === 2 && !isObject(value)) refuse("/from", "A document is an object.");
  }

  #requireShallow(path: Path, { depth }: Measure, refuse: Refuse): void {
    if (ABOVE + path.length + depth > MAX_DEPTH)
      refuse("/path", `Objects and arrays may nest ${MAX_DEPTH} deep at most.`, "too_large");
  }

  /** Counts the items that follow a place in an array, which move up or down with it. */
  #shift(path: Path, refuse: Refuse): void {
    const parent = valueAt(this.#root, path.slice(0, -1));
    const last = path.at(-1) ?? "";
    if (!isArray(parent) || last === "-") return;
    this.#shifted += parent.length - Number(last);
    if (this.#shifted > MAX_SHIFTED)
      refuse("/path", "The operations of this patch push too many items of arrays along.", "too_large");
  }

  #carryOut(operation: Operation): void {
    const [error] = applyPatch(this.#root, [operation]);
    if (error != null) throw new RuntreeError("internal", `${operation.op} was let through and failed.`, {}, error);
  }

  /** What became of the documents. */
  edits(): DocumentEdit[] {
    return [...this.#named.values()].flatMap(({ collection, id, before, written }): DocumentEdit[] => {
      const document = memberOf(this.#root[collection], id);
      if (!written) return [];
      if (!isObject(document)) return before ? [{ collection, id, kind: "delete" }] : [];
      const whole = before || Object.hasOwn(document, "id") ? document : { id, ...document };
      return [{ collection, id, kind: "replace", document: whole }];
    });
  }
}

/**
 * Applies a JSON Patch (RFC 6902) to documents and returns what becomes of each, as edits by whole documents; a new
 * document without `id` gets its key. `read` gives a document, null when there is none, as a value of its own that may be
 * changed; it is asked once for each document that an operation names.
 * Throws `validation_failed`, with a pointer to the operation, where a test fails, a path leads nowhere, or copies grow too large.
 */
export function applyJsonPatch(
  operations: readonly PatchOperation[],
  read: (collection: string, id: string) => JsonObject | null,
): DocumentEdit[] {
  const patching = new Patching(read);
  for (const [index, operation] of operations.entries()) {
    patching.apply(operation, (member, message, code = "schema") => {
      throw new RuntreeError("validation_failed", `The request is refused: ${message}`, {
        errors: [doorViolation(code, `/${index}${member}`, message)],
      });
    });
  }
  return patching.edits();
}
