import { RuntreeError } from "../domain/errors.ts";
import { isObject, type Json } from "../domain/json.ts";
import { readJson } from "../domain/json-door.ts";
import { addTo } from "../domain/lists.ts";
import { parsePointer } from "../domain/pointer.ts";
import { oneLine } from "../git/commit.ts";
import { nameOf } from "./standing.ts";

/** What a check finds wrong with one document. */
export interface CheckProblem {
  readonly pointer: string;
  readonly message: string;
}

/** Longest message that is kept whole, in UTF-16 units. */
const MAX_MESSAGE = 1000;

const MEMBERS = ["collection", "id", "message", "pointer"] as const;

const LINE_END = 0x0a;

/** The lines of some bytes that hold anything, with their numbers from 1. */
function* linesOf(bytes: Buffer): Generator<{ number: number; line: Buffer }> {
  for (let [start, number] = [0, 1]; start < bytes.length; number++) {
    const found = bytes.indexOf(LINE_END, start);
    const end = found < 0 ? bytes.length : found;
    const line = bytes.subarray(start, end);
    if (line.some((byte) => byte > 0x20)) yield { number, line };
    start = end + 1;
  }
}

function valueOf(line: Buffer): Json | undefined {
  try {
    const { value, violations } = readJson(line);
    return violations.length === 0 ? value : undefined;
  } catch (error) {
    if (error instanceof RuntreeError) return undefined;
    throw error;
  }
}

function isViolation(value: Json | undefined): value is Record<(typeof MEMBERS)[number], string> {
  return (
    isObject(value) &&
    Object.keys(value).length === MEMBERS.length &&
    MEMBERS.every((name) => Object.hasOwn(value, name) && typeof value[name] === "string")
  );
}

/** A message on one line, cut where it is too long. */
function messageOf(text: string): string {
  const line = oneLine(text);
  return line.length > MAX_MESSAGE ? `${line.slice(0, MAX_MESSAGE)}…` : line;
}

/**
 * Reads what a check wrote: one violation a line, `{"collection", "id", "pointer", "message"}`, of documents that it was
 * given, by "collection/id". Returns what is wrong with each document by that name; or, where the output is anything
 * else, the words for it.
 */
export function readCheckOutput(output: Buffer, given: ReadonlySet<string>): Map<string, CheckProblem[]> | string {
  const found = new Map<string, CheckProblem[]>();
  for (const { number, line } of linesOf(output)) {
    const value = valueOf(line);
    if (!isViolation(value)) {
      return `wrote something in line ${number} that is not a violation: one JSON object with collection, id, pointer and message, all of them texts`;
    }
    const { pointer } = value;
    const name = nameOf(value);
    const message = messageOf(value.message);
    if (!given.has(name)) return `spoke in line ${number} of a document that it was not given`;
    if (parsePointer(pointer) === null) return `gave a pointer in line ${number} that is no JSON Pointer`;
    if (message === "") return `gave no message in line ${number}`;
    addTo(found, name, { pointer, message });
  }
  return found;
}
