import { accessSync, constants, readFileSync, statSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Command, type Commands, readCommands } from "./domain/commands.ts";
import { RuntreeError, systemCode } from "./domain/errors.ts";
import { isObject, type Json } from "./domain/json.ts";
import { type ReadJson, readJson } from "./domain/json-door.ts";
import { unknownMember } from "./domain/nearest.ts";
import { readAliases } from "./domain/aliases.ts";
import { type GalaxyServers, readGalaxyServers } from "./domain/galaxy-servers.ts";
import { type LimitName, type Limits, readLimits } from "./domain/limits.ts";
import { readRetention, type Retention } from "./domain/retention.ts";

type SettingValue = string | number | boolean;

interface Setting {
  readonly type: "string" | "number" | "boolean";
  readonly fallback: SettingValue;
  readonly describe: string;
  /** Not to be printed. */
  readonly secret?: true;
}

const TEMPLATE = fileURLToPath(new URL("../data-repo-template", import.meta.url));

/** Every setting by its flag; the variable is `RUNTREE_` and the flag in capitals, the member of the file the flag with `_`. */
export const SETTINGS = {
  host: { type: "string", fallback: "127.0.0.1", describe: "address to serve on" },
  port: { type: "number", fallback: 7400, describe: "port to serve on; 0 for any free one" },
  data: { type: "string", fallback: "./data", describe: "data directory" },
  template: { type: "string", fallback: TEMPLATE, describe: "folder to make a repository from when there is none" },
  memory: { type: "boolean", fallback: false, describe: "keep the whole store in memory, gone when the server stops" },
  node: { type: "string", fallback: "runtree", describe: "committer name" },
  "anonymous-read": { type: "boolean", fallback: false, describe: "let GET pass without a key where there are keys" },
  concurrency: { type: "number", fallback: 1, describe: "how many processes of jobs work at once; 0 for none" },
  "galaxy-url": { type: "string", fallback: "", describe: "address of the Galaxy called default; none where empty" },
  "galaxy-key": { type: "string", fallback: "", secret: true, describe: "its key, best in the environment" },
  "galaxy-workflows": {
    type: "string",
    fallback: "",
    describe: "names of workflows that may be invoked there, with commas; any where empty",
  },
  poll: { type: "string", fallback: "*/30 * * * * *", describe: "cron of the sweeps over invocations, with seconds" },
  "dataset-collection": { type: "string", fallback: "datasets", describe: "collection whose documents are datasets" },
  "max-body": { type: "number", fallback: 1_048_576, describe: "bytes of a request body" },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof SETTINGS;
interface ValueOf {
  readonly string: string;
  readonly number: number;
  readonly boolean: boolean;
}
export type Settings = { readonly [Name in SettingName]: ValueOf[(typeof SETTINGS)[Name]["type"]] };

/** Settings with where each came from: `flag`, the variable, the file, or `default`. */
export interface ResolvedSettings {
  readonly values: Settings;
  readonly origins: Readonly<Record<SettingName, string>>;
  /** What the file's `limits` say, or as usual. */
  readonly limits: Limits;
  readonly limitOrigins: Readonly<Record<LimitName, string>>;
  /** The operator's commands, which only the file can hold. */
  readonly commands: Commands;
  /** Names of templates by what older programs call them. */
  readonly aliases: Readonly<Record<string, string>>;
  readonly retention: Retention;
  readonly galaxies: GalaxyServers;
  readonly retentionOrigins: Readonly<Record<keyof Retention, string>>;
}

/** The file of a data directory that may hold settings. */
export const CONFIG_FILE = "runtree.config.json";

/** The environment variable of a setting. */
export function variableOf(name: SettingName): string {
  return `RUNTREE_${name.toUpperCase().replaceAll("-", "_")}`;
}

function memberOf(name: string): string {
  return name.replaceAll("-", "_");
}

/** The JSON of a configuration, read as what is sent is: no key twice, and what is wrong told with its line. */
function strictJson(path: string, bytes: Uint8Array): Json {
  const refused = (words: string, cause?: unknown): RuntreeError =>
    new RuntreeError("bad_configuration", `${path}: ${words}`, { path }, cause);
  let read: ReadJson;
  try {
    read = readJson(bytes);
  } catch (error) {
    throw error instanceof RuntreeError ? refused(error.message, error) : error;
  }
  const [first] = read.violations;
  if (first !== undefined) throw refused(`${first.pointer}: ${first.message}`);
  return read.value;
}

function readConfigFile(data: string): Readonly<Record<string, unknown>> {
  const path = resolve(data, CONFIG_FILE);
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if (systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR") return {};
    throw new RuntreeError("bad_configuration", `${path} cannot be read.`, { path }, error);
  }
  const value = strictJson(path, bytes);
  if (!isObject(value)) throw new RuntreeError("bad_configuration", `${path} must hold one object.`, { path });
  // The file lies in the data directory, so it cannot say where that is.
  const settings = Object.keys(SETTINGS).filter((name) => name !== "data");
  const known = [...settings.map(memberOf), "limits", "commands", "aliases", "retention", "galaxy"];
  const unknown = Object.keys(value).find((member) => !known.includes(member));
  if (unknown === undefined) return value;
  const words = `${path} has a member that is not known: ${unknown}; ${unknownMember(unknown, known)}.`;
  throw new RuntreeError("bad_configuration", words, { path, member: unknown });
}

/** What a setting of each type may be: from text, as flags and variables have it, or as JSON has it. Undefined: nothing of the kind. */
const READERS: { readonly [Type in keyof ValueOf]: (value: unknown) => ValueOf[Type] | undefined } = {
  string: (value) => (typeof value === "string" && value !== "" ? value : undefined),
  number: (value) => {
    const number = typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : value;
    return typeof number === "number" && Number.isInteger(number) && number >= 0 ? number : undefined;
  },
  boolean: (value) => {
    if (value === true || value === "true" || value === "1") return true;
    return value === false || value === "false" || value === "0" ? false : undefined;
  },
};

/** What a setting of each type may be, for people. */
const KINDS = { string: "a text", number: "a whole number from 0", boolean: "true or false" } as const;

function checked(name: SettingName, value: unknown, origin: string): SettingValue {
  const read = READERS[SETTINGS[name].type](value);
  if (read === undefined || (name === "port" && Number(read) > 65_535)) {
    throw new RuntreeError(
      "bad_configuration",
      `${origin === "flag" ? `--${name}` : `${name} (${origin})`} cannot be ${JSON.stringify(value)}; give ${KINDS[SETTINGS[name].type]}${name === "port" ? " up to 65535" : ""}.`,
      { name },
    );
  }
  return read;
}

/**
 * Settles every setting: flag, then environment, then `runtree.config.json` in the data directory, then default; and
 * reads the commands of that file. Throws `bad_configuration`.
 */
export function resolveSettings(
  flags: Readonly<Record<string, unknown>>,
  environment: NodeJS.ProcessEnv = process.env,
): ResolvedSettings {
  const pick = (name: SettingName, file: Readonly<Record<string, unknown>>): [SettingValue, string] => {
    const [variable, member] = [variableOf(name), memberOf(name)];
    if (flags[name] !== undefined) return [checked(name, flags[name], "flag"), "flag"];
    if (environment[variable] !== undefined) return [checked(name, environment[variable], variable), variable];
    if (file[member] !== undefined) return [checked(name, file[member], CONFIG_FILE), CONFIG_FILE];
    return [SETTINGS[name].fallback, "default"];
  };
  const data = String(pick("data", {})[0]);
  const file = readConfigFile(data);
  const limits = readLimits(file["limits"], resolve(data, CONFIG_FILE));
  const retention = readRetention(file["retention"], resolve(data, CONFIG_FILE));
  const originsOf = <Name extends string>(
    member: string,
    found: Readonly<Record<Name, number>>,
  ): Record<Name, string> =>
    Object.fromEntries(
      Object.keys(found).map((name) => [
        name,
        Object.hasOwn((file[member] ?? {}) as object, name) ? CONFIG_FILE : "default",
      ]),
    ) as Record<Name, string>;
  const settled = (Object.keys(SETTINGS) as SettingName[]).map(
    (name) => [name, pick(name, name === "data" ? {} : file)] as const,
  );
  const values = Object.fromEntries(settled.map(([name, [value]]) => [name, value])) as Settings;
  return {
    values,
    origins: Object.fromEntries(settled.map(([name, [, origin]]) => [name, origin])) as Record<SettingName, string>,
    limits,
    limitOrigins: originsOf("limits", limits),
    aliases: readAliases(file["aliases"], resolve(data, CONFIG_FILE)),
    retention,
    retentionOrigins: originsOf("retention", { ...retention }),
    galaxies: readGalaxyServers(
      file["galaxy"],
      { file: resolve(data, CONFIG_FILE), environment },
      { url: values["galaxy-url"], key: values["galaxy-key"], workflows: values["galaxy-workflows"] },
    ),
    commands: readCommands(file["commands"], {
      file: resolve(data, CONFIG_FILE),
      folderOf: (cwd) => resolve(data, cwd ?? "."),
      environment: environment["PATH"] === undefined ? {} : { PATH: environment["PATH"] },
    }),
  };
}

/** Where a remote command finds its server when no --url is given. */
export function serverUrl({ host, port }: Settings, environment: NodeJS.ProcessEnv = process.env): string {
  return environment["RUNTREE_URL"] ?? `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** The key that remote commands send; undefined for none. Only a variable: flags are seen by everybody on a machine. */
export function serverKey(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  return environment["RUNTREE_KEY"] === "" ? undefined : environment["RUNTREE_KEY"];
}

function canBeRun(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** The absolute path of a program on the PATH; null when there is none. */
export function findProgram(name: string, environment: NodeJS.ProcessEnv = process.env): string | null {
  const folders = (environment["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  const found = folders.map((folder) => join(folder, name)).find(canBeRun);
  return found === undefined ? null : resolve(found);
}

/** The absolute path of the program that a command runs, found as the system finds it; null when it cannot be run. */
export function programOf({ argv: [program], cwd, env }: Command): string | null {
  if (!program.includes("/")) return findProgram(program, env);
  const path = resolve(cwd, program);
  return canBeRun(path) ? path : null;
}
