import { RuntreeError } from "./errors.ts";
import { unknownMember } from "./nearest.ts";

/** A command of the operator's configuration, ready to be run. Its argv never comes from Git or HTTP, and never passes a shell. */
export interface Command {
  readonly name: string;
  readonly argv: readonly [program: string, ...rest: string[]];
  /** Absolute. */
  readonly cwd: string;
  /** The whole environment, nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** How long it may take, in seconds; null where the configuration does not say. */
  readonly timeout_s: number | null;
}

/** The operator's commands by name. */
export type Commands = ReadonlyMap<string, Command>;

export const NO_COMMANDS: Commands = new Map();

/** Where a configuration lies, and what its commands get from there. */
export interface CommandSurroundings {
  /** The file, for words about it. */
  readonly file: string;
  /** The absolute folder that a `cwd` means; undefined where a command names none. */
  readonly folderOf: (cwd: string | undefined) => string;
  /** What the environment of every command begins with. */
  readonly environment: Readonly<Record<string, string>>;
}

const COMMAND_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** Longest time-out that may be configured: a day, in seconds. */
const MOST_SECONDS = 86_400;

const MEMBERS: ReadonlySet<string> = new Set(["argv", "cwd", "env", "timeout_s"]);

type Members = Readonly<Record<string, unknown>>;

function isMembers(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Text that a system call can take. */
function isPlainText(value: unknown): value is string {
  return typeof value === "string" && !value.includes("\0");
}

function isArgv(value: unknown): value is [string, ...string[]] {
  return Array.isArray(value) && value.length > 0 && value.every(isPlainText) && value[0] !== "";
}

function isEnvironment(value: unknown): value is Record<string, string> {
  return isMembers(value) && Object.entries(value).every(([name, text]) => /^[^=\0]+$/.test(name) && isPlainText(text));
}

function isTimeout(value: unknown): value is number {
  return typeof value === "number" && value > 0 && value <= MOST_SECONDS;
}

/** Reads the member `commands` of a configuration. Throws `bad_configuration` with the file and the member that is wrong. */
export function readCommands(value: unknown, { file, folderOf, environment }: CommandSurroundings): Commands {
  const refuse = (member: string, words: string): never => {
    throw new RuntreeError("bad_configuration", `${file}: ${member} ${words}.`, { path: file, member });
  };
  if (value === undefined) return NO_COMMANDS;
  if (!isMembers(value)) return refuse("commands", "must be an object of commands by name");
  const commands = Object.entries(value).map(([name, settings]): Command => {
    const member = `commands.${name.slice(0, 100)}`;
    if (!COMMAND_NAME.test(name))
      refuse(member, 'cannot be called so: letters, digits, ".", "_" and "-", a letter or digit first, at most 100');
    if (!isMembers(settings)) return refuse(member, "must be an object with argv, and perhaps cwd, env, timeout_s");
    const unknown = Object.keys(settings).find((key) => !MEMBERS.has(key));
    if (unknown !== undefined) refuse(`${member}.${unknown}`, `is not known; ${unknownMember(unknown, [...MEMBERS])}`);
    const { argv, cwd, env = {}, timeout_s: timeout } = settings;
    if (!isArgv(argv)) return refuse(`${member}.argv`, "must be a list of texts, the program first");
    if (cwd !== undefined && (!isPlainText(cwd) || cwd === "")) return refuse(`${member}.cwd`, "must name a folder");
    if (!isEnvironment(env)) return refuse(`${member}.env`, "must be an object of texts by variable");
    if (timeout !== undefined && !isTimeout(timeout))
      return refuse(`${member}.timeout_s`, `must be a number of seconds, above 0 and up to ${MOST_SECONDS}`);
    return { name, argv, cwd: folderOf(cwd), env: { ...environment, ...env }, timeout_s: timeout ?? null };
  });
  return new Map(commands.map((command) => [command.name, command]));
}
