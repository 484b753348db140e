import { RuntreeError } from "./errors.ts";

/** A Galaxy that the operator's configuration names. */
export interface GalaxyServer {
  readonly name: string;
  /** Without a slash at its end. */
  readonly url: string;
  /** The key that requests carry, which only whoever asks the server has to have. Throws `bad_configuration` where there is none. */
  readonly key: () => string;
  /** Names of the workflows that may be invoked; empty for any. */
  readonly workflows: readonly string[];
}

/** The Galaxies of a configuration by name. */
export type GalaxyServers = ReadonlyMap<string, GalaxyServer>;

/** What `--galaxy-url` and its like say of the server called `default`; an empty text says nothing. */
export interface DefaultGalaxy {
  readonly url: string;
  readonly key: string;
  /** Names of workflows, with commas in between. */
  readonly workflows: string;
}

/** The name of the server that a request means when it names none. */
export const DEFAULT_GALAXY = "default";

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

const MEMBERS: ReadonlySet<string> = new Set(["url", "key_env", "workflows"]);

const ADDRESS = "must be an address that begins with http:// or https://, without a user, a query or a fragment";

function isMembers(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An address that requests can begin with; null for any other text. */
/** The address of a Galaxy; that of its API is taken for it. */
function addressOf(text: unknown): string | null {
  if (typeof text !== "string" || !URL.canParse(text)) return null;
  const { protocol, username, password, search, hash } = new URL(text);
  const isPlain = username === "" && password === "" && search === "" && hash === "";
  return isPlain && (protocol === "http:" || protocol === "https:")
    ? text.replace(/\/+$/, "").replace(/\/api$/, "")
    : null;
}

/**
 * Reads the member `galaxy` of a configuration, whose keys stand in variables of the environment, and what flags say of the
 * server called `default`. Throws `bad_configuration` with the member that is wrong.
 */
export function readGalaxyServers(
  value: unknown,
  { file, environment }: { readonly file: string; readonly environment: Readonly<Record<string, string | undefined>> },
  flags: DefaultGalaxy,
): GalaxyServers {
  const refuse = (where: string, words: string): never => {
    throw new RuntreeError("bad_configuration", `${where} ${words}.`, { path: file });
  };
  if (value !== undefined && !isMembers(value))
    return refuse(`${file}: galaxy`, "must be an object of servers by name");
  const servers = Object.entries(value ?? {}).map(([name, settings]): GalaxyServer => {
    const member = `${file}: galaxy.${name.slice(0, 100)}`;
    if (!NAME.test(name))
      refuse(member, 'cannot be called so: letters, digits, ".", "_" and "-", a letter or digit first, at most 100');
    if (!isMembers(settings)) return refuse(member, "must be an object with url, key_env, and perhaps workflows");
    const unknown = Object.keys(settings).find((key) => !MEMBERS.has(key));
    if (unknown !== undefined) refuse(`${member}.${unknown}`, "is not known; there are url, key_env, workflows");
    const { url, key_env: variable, workflows = [] } = settings;
    const address = addressOf(url) ?? refuse(`${member}.url`, ADDRESS);
    if (typeof variable !== "string" || variable === "")
      return refuse(`${member}.key_env`, "must name the environment variable that holds the key");
    const key = (): string =>
      environment[variable] || refuse(`${member}.key_env`, `names ${variable}, which is not set`);
    if (!Array.isArray(workflows) || !workflows.every((each) => typeof each === "string" && each !== ""))
      return refuse(`${member}.workflows`, "must be a list of names");
    return { name, url: address, key, workflows };
  });
  const all = new Map(servers.map((server) => [server.name, server]));
  if (flags.url === "") return all;
  const url = addressOf(flags.url) ?? refuse("--galaxy-url", ADDRESS);
  const key = (): string => flags.key || refuse("--galaxy-url", "needs a key, best in RUNTREE_GALAXY_KEY");
  const workflows = flags.workflows.split(",").flatMap((name) => (name.trim() === "" ? [] : [name.trim()]));
  return all.set(DEFAULT_GALAXY, { name: DEFAULT_GALAXY, url, key, workflows });
}
