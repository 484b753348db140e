import { readFileSync } from "node:fs";
import { RuntreeError, systemCode } from "../domain/errors.ts";
import { isObject, type JsonObject } from "../domain/json.ts";
import { readJson, type ReadJson } from "../domain/json-door.ts";
import { note } from "./output.ts";

/** What `main` makes of a `-` on the command line, which yargs would pass over. */
export const STANDARD_INPUT = "standard input";

/** Reads a file, or standard input for `-`; `or` is what else could have been given. Throws `not_found`. */
export function readInput(path: string, or = ""): Buffer {
  try {
    return readFileSync(path === STANDARD_INPUT ? 0 : path);
  } catch (error) {
    const reasons: Readonly<Record<string, string>> = {
      ENOENT: "there is no such file",
      EISDIR: "it is a folder",
      EACCES: "you are not allowed to",
    };
    const code = systemCode(error) ?? "";
    if (/^\s*[[{"]/.test(path)) {
      const words = `${path.slice(0, 60)} is no file; name a file that holds the JSON, or - for standard input${or}.`;
      throw new RuntreeError("not_found", words, { path }, error);
    }
    throw new RuntreeError("not_found", `${path} cannot be read: ${reasons[code] ?? code}.`, { path }, error);
  }
}

/** Reads JSON as the door does. Throws `malformed_json` and, for what the door would refuse, `validation_failed`. */
export function readStrictly(path: string, bytes: Uint8Array): ReadJson {
  let read: ReadJson;
  try {
    read = readJson(bytes);
  } catch (error) {
    if (!(error instanceof RuntreeError)) throw error;
    throw new RuntreeError(error.code, `${path}: ${error.message}`, error.data, error);
  }
  const { violations } = read;
  const [first] = violations;
  if (first === undefined) return read;
  throw new RuntreeError("validation_failed", `${path}: ${first.message}`, { errors: violations });
}

/** Reads an object, as a submission is; `or` is what else could have been given. Throws `not_found`, `malformed_json`, `validation_failed`. */
export function readBodyFile(path: string, or?: string): JsonObject {
  const { value, notices } = readStrictly(path, readInput(path, or));
  for (const { message } of notices) note(`${path}: ${message}`);
  if (isObject(value)) return value;
  throw new RuntreeError("malformed_json", `${path} does not hold a JSON object.`, { path });
}
