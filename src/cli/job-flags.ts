import type { Argv } from "yargs";
import { RuntreeError } from "../domain/errors.ts";
import { PRIORITIES, type PriorityName } from "../domain/job.ts";
import type { Json, JsonObject } from "../domain/json.ts";
import { readBodyFile, readStrictly } from "./body-file.ts";
import type { Flags } from "./command.ts";
import { note } from "./output.ts";

/** How a priority is given. */
export const PRIORITY_WORDS = `0 to 100, or ${Object.entries(PRIORITIES)
  .map(([name, number]) => `${name} (${number})`)
  .join(", ")}`;

/** Reads a priority: a number, or a word for one. Throws `bad_request`. */
export function readPriority(text: string): number | PriorityName {
  if (Object.hasOwn(PRIORITIES, text)) return text as PriorityName;
  if (/^\d+(\.\d+)?$/.test(text) && Number(text) <= 100) return Number(text);
  throw new RuntreeError("bad_request", `A priority is ${PRIORITY_WORDS}; not "${text}".`);
}

/** Adds the flags for params. */
export function paramsFlags(yargs: Argv, paramsAre: string): Argv {
  return yargs
    .option("params", { type: "string", describe: `file with ${paramsAre}; - for standard input` })
    .option("param", {
      type: "string",
      array: true,
      nargs: 1,
      describe: "one of them, name=value: JSON where it is JSON, else text; as often as needed",
    });
}

/** Adds the flags for what a job is to be, when it is made and later. */
export function jobFlags(yargs: Argv, paramsAre: string): Argv {
  return paramsFlags(yargs.option("title", { type: "string", describe: "what people call it" }), paramsAre)
    .option("priority", { type: "string", describe: PRIORITY_WORDS })
    .option("position", { type: "number", describe: "place among the queued jobs of its priority, from 0" });
}

/** The members of a job that the flags give. Throws `bad_request`, `not_found`, `malformed_json`, `validation_failed`. */
export function jobMembers(flags: Flags): JsonObject {
  return {
    ...memberOf("title", flags["title"]),
    ...paramsMember("params", flags),
    ...(flags["priority"] === undefined ? {} : { priority: readPriority(String(flags["priority"])) }),
    ...memberOf("position", flags["position"]),
  };
}

/** The member that a flag gives; none without the flag. Throws `bad_request` where it is negated. */
export function memberOf(name: string, given: unknown): JsonObject {
  if (given === undefined) return {};
  if (given !== false) return { [name]: given as string | number };
  throw new RuntreeError("bad_request", `What a change is to take away is told by --without.`);
}

/** Adds the flag that takes members away, which are called as their flags. */
export function withoutFlag(yargs: Argv, names: readonly string[]): Argv {
  return yargs.option("without", {
    type: "string",
    array: true,
    nargs: 1,
    choices: names,
    describe: "take this away; as often as needed",
  });
}

/** The names of what the flags take away. Throws `bad_request` for what they give, too. */
export function takenAway(flags: Flags): readonly string[] {
  const names = (flags["without"] ?? []) as readonly string[];
  const isGiven = (name: string): boolean =>
    flags[name] !== undefined || (name === "params" && flags["param"] !== undefined);
  const both = names.find(isGiven);
  if (both === undefined) return names;
  throw new RuntreeError("bad_request", `--${both} and --without ${both} do not go together; give one of them.`);
}

/** Refuses a change that changes nothing. Throws `bad_request`. */
export function requireMembers(members: JsonObject): JsonObject {
  if (Object.keys(members).length > 0) return members;
  throw new RuntreeError("bad_request", "Say what to change; --help tells the flags.");
}

/** The params that the flags give, as a member of this name; none without such flags. */
export function paramsMember(name: string, flags: Flags): JsonObject {
  const single = ((flags["param"] ?? []) as readonly unknown[]).map(String);
  if (flags["params"] === undefined && single.length === 0) return {};
  const whole =
    flags["params"] === undefined
      ? {}
      : readBodyFile(String(flags["params"]), "; or give single ones as --param NAME=VALUE");
  const read = single.map(readParam);
  const twice = read.find(([name], at) => read.findIndex(([other]) => other === name) < at);
  if (twice !== undefined) throw new RuntreeError("bad_request", `The param ${twice[0]} is given twice.`);
  return { [name]: { ...whole, ...Object.fromEntries(read) } };
}

/** Reads `name=value`. What is not JSON is text; JSON that would not arrive as it is written is refused. */
function readParam(text: string): [string, Json] {
  const equals = text.indexOf("=");
  if (equals < 1) throw new RuntreeError("bad_request", `Give a param as name=value, not "${text}".`);
  const [name, value] = [text.slice(0, equals), text.slice(equals + 1)];
  try {
    JSON.parse(value);
  } catch {
    return [name, value];
  }
  const read = readStrictly(`--param ${name}`, Buffer.from(value));
  for (const { message } of read.notices) note(`--param ${name}: ${message}`);
  return [name, read.value];
}
