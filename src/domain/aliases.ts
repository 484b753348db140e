import { RuntreeError } from "./errors.ts";

/** Reads the member `aliases` of a configuration: ids of templates by what older programs call them. Throws `bad_configuration`. */
export function readAliases(given: unknown, path: string): Readonly<Record<string, string>> {
  if (given === undefined) return {};
  const isObject = typeof given === "object" && given !== null && !Array.isArray(given);
  if (isObject && Object.values(given).every((value) => typeof value === "string" && value !== ""))
    return given as Record<string, string>;
  const words = `${path}: aliases must be an object of template ids by alias, such as {"story": "story_generation"}.`;
  throw new RuntreeError("bad_configuration", words, { path, member: "aliases" });
}
