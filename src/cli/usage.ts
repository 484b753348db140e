import { RuntreeError } from "../domain/errors.ts";
import { nearest } from "../domain/nearest.ts";

/** A command line that is not understood, in yargs' words. */
export class UsageError extends Error {}

/** What the help of a command says of it, in the form that yargs writes when nothing is wrapped. */
interface Command {
  /** The words that call it, as `runtree run submit`. */
  readonly path: string;
  /** Its positional arguments, and those of them that it needs. */
  readonly positionals: readonly string[];
  readonly needed: readonly string[];
  /** Commands below it. */
  readonly commands: readonly string[];
  /** Its flags, without dashes. */
  readonly flags: readonly string[];
}

/** Reads the help of a command. */
export function readHelp(help: string): Command {
  const [usage = ""] = help.split("\n", 1);
  const [path = ""] = /^[a-z]+(?: [a-z-]+)*/.exec(usage) ?? [];
  const rest = usage.slice(path.length);
  return {
    path: path.trim(),
    positionals: [...rest.matchAll(/[<[]([a-z-]+)(?:\.\.)?[>\]]/g)].map(([, name]) => name ?? ""),
    needed: [...rest.matchAll(/<([^>.]+)(?:\.\.)?>/g)].map(([, name]) => name ?? ""),
    commands: [...help.matchAll(/^ {2}(runtree(?: [a-z-]+)+)/gm)].map(([, call]) => call?.split(" ").at(-1) ?? ""),
    flags: [...help.matchAll(/^ {2,}(?:-\w, )?--([a-z-]+)/gm)].map(([, name]) => name ?? ""),
  };
}

function meant(word: string, known: readonly string[], dashes = ""): string {
  const found = nearest(word, known);
  return found === null ? "" : `; did you mean ${dashes}${found}?`;
}

/** Says which word of a command line is the first that is not known, and which one was probably meant. */
function unknownWord(names: readonly string[], args: readonly string[], { path, commands, flags }: Command): string {
  const at = (name: string): number => args.findIndex((word) => word.replace(/^--?|=.*$/gs, "") === name);
  const [name = ""] = [...names].sort((left, right) => at(left) - at(right));
  if (!args.includes(name)) return `There is no flag --${name}${meant(name, flags, "--") || "."}`;
  if (commands.length > 0) return `There is no command \`${path} ${name}\`${meant(name, commands) || "."}`;
  return `"${name}" is one word more than \`${path}\` takes.`;
}

/** A flag or an argument as a person writes it. */
function written(name: string, { positionals }: Command): string {
  return positionals.includes(name) ? `<${name}>` : `--${name}`;
}

/** yargs' words for what it does not understand, in ours. */
function inOurWords(message: string, args: readonly string[], command: Command): string {
  const { path, needed } = command;
  const given = /^Not enough non-option arguments: got (\d+)/.exec(message)?.[1];
  if (given !== undefined) {
    const missing = needed.slice(Number(given)).map((name) => `<${name}>`);
    return `\`${path}\` needs ${missing.join(" and ")}.`;
  }
  const missing = /^Missing required arguments?: (.*)/.exec(message)?.[1]?.split(", ");
  if (missing !== undefined) return `\`${path}\` needs ${missing.map((name) => written(name, command)).join(" and ")}.`;
  const unknown = /^Unknown (?:argument|command)s?: (.*)/.exec(message)?.[1]?.split(", ");
  if (unknown !== undefined) return unknownWord(unknown, args, command);
  const [, one, other] = /^Arguments (\S+) and (\S+) are mutually exclusive/.exec(message) ?? [];
  if (one !== undefined) return `--${one} and --${other} do not go together; give one of them.`;
  const [, flag, value, choices] = /Argument: (\S+), Given: (.*), Choices: (.*)/.exec(message) ?? [];
  if (flag !== undefined)
    return `${written(flag, command)} cannot be ${value}; it is one of ${choices?.replaceAll('"', "")}.`;
  const [, empty, wanted] = /^--(\S+) (needs a \w+\.)$/.exec(message) ?? [];
  return empty === undefined ? message : `${written(empty, command)} ${wanted}`;
}

/** The error that a command line is which is not understood; `help` is that of the command it calls. */
export function usageError(message: string, args: readonly string[], help: string): RuntreeError {
  const command = readHelp(help);
  const words = inOurWords(message, args, command);
  const more = command.commands.length > 0 ? "lists the commands" : "tells how it is called";
  return new RuntreeError("bad_request", `${words} \`${command.path} --help\` ${more}.`);
}
