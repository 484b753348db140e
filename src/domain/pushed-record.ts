import { RuntreeError } from "./errors.ts";
import { isObject, type JsonObject } from "./json.ts";
import { readJson } from "./json-door.ts";
import { CONFIG_COLLECTION, RUN_FILE } from "./layout.ts";
import type { Notice, Violation, ViolationCode } from "./verdict.ts";

/** What whoever pushes a run says of it in `run.json` (WIRE §8). */
export interface PushedRecord {
  readonly job_id: string;
  readonly done: boolean;
  readonly metadata: JsonObject;
  readonly contract_id?: string;
  readonly pipeline_name?: string;
  readonly pipeline_id?: string;
}

/** A pushed `run.json` as it is understood, and what is wrong with it; what cannot be understood is as if it were not there. */
export interface ReadPushedRecord {
  readonly record: PushedRecord;
  readonly violations: readonly Violation[];
  /** What is in the file and not read, or why it says nothing. */
  readonly notices: readonly Notice[];
}

const TEXTS = ["contract_id", "pipeline_name", "pipeline_id"] as const;

/** All that is read of it (WIRE §8). */
const MEMBERS: readonly string[] = ["job", "done", "metadata", ...TEXTS];

function notice(message: string): Notice {
  return { code: "run_json", message, severity: "info" };
}

function violation(code: ViolationCode, pointer: string, message: string): Violation {
  return { code, collection: CONFIG_COLLECTION, id: RUN_FILE, pointer, message };
}

/** Reads the JSON of a file that somebody pushed, strictly; violations name the file. The value is null when it is not JSON. */
export function readPushedJson(
  bytes: Buffer,
  { collection, id }: { readonly collection: string; readonly id: string },
): ReturnType<typeof readJson> {
  try {
    const { value, violations, notices } = readJson(bytes);
    return { value, violations: violations.map((found) => ({ ...found, collection, id })), notices };
  } catch (error) {
    if (!(error instanceof RuntreeError)) throw error;
    const [found] = (error.data["errors"] ?? []) as readonly Violation[];
    if (found === undefined) throw error;
    return { value: null, violations: [{ ...found, collection, id }], notices: [] };
  }
}

/**
 * Reads the `run.json` of a pushed branch; null where the branch has none, which says the same as an empty object. Only
 * what WIRE §8 names is read, so that nobody gives himself a status or an author.
 */
export function readPushedRecord(bytes: Buffer | null): ReadPushedRecord {
  const nothing: PushedRecord = { job_id: "custom", done: false, metadata: {} };
  if (bytes === null) {
    const message = `There is no ${RUN_FILE}; commit {"job": "custom", "done": true} there to have the run merged.`;
    return { record: nothing, violations: [], notices: [notice(message)] };
  }
  const { value, violations } = readPushedJson(bytes, { collection: CONFIG_COLLECTION, id: RUN_FILE });
  if (violations.length > 0) return { record: nothing, violations, notices: [] };
  if (!isObject(value)) {
    const words = `${RUN_FILE} must hold one JSON object.`;
    return { record: nothing, violations: [violation("schema", "", words)], notices: [] };
  }
  const problems: Violation[] = [];
  const member = <Kind>(name: string, words: string, is: (given: unknown) => given is Kind): Kind | undefined => {
    const given = Object.hasOwn(value, name) ? value[name] : undefined;
    if (given === undefined || is(given)) return given;
    problems.push(violation("schema", `/${name}`, `${name} must be ${words}.`));
    return undefined;
  };
  const isText = (given: unknown): given is string => typeof given === "string";
  const isBoolean = (given: unknown): given is boolean => typeof given === "boolean";
  const texts = TEXTS.flatMap((name) => {
    const text = member(name, "a text", isText);
    return text === undefined ? [] : [[name, text] as const];
  });
  const record: PushedRecord = {
    job_id: member("job", "the id of a job, such as custom", isText) ?? nothing.job_id,
    done: member("done", "true or false", isBoolean) ?? false,
    metadata: member("metadata", "an object", isObject) ?? {},
    ...Object.fromEntries(texts),
  };
  const unread = Object.keys(value).filter((name) => !MEMBERS.includes(name));
  const words = `${RUN_FILE} has members that are not read: ${unread.slice(0, 10).join(", ")}. Read are ${MEMBERS.join(", ")}.`;
  return { record, violations: problems, notices: unread.length === 0 ? [] : [notice(words)] };
}
