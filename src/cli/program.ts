import yargs, { type Argv, type CommandModule } from "yargs";
import { PROGRAM } from "../store/program.ts";
import { completionCommand } from "./completion.ts";
import { diffCommand } from "./diff.ts";
import { doctorCommand } from "./doctor.ts";
import { blameCommand, showCommand } from "./document.ts";
import { fmtCommand } from "./fmt.ts";
import { fsckCommand } from "./fsck.ts";
import { galaxyDemoCommand } from "./galaxy-demo.ts";
import { gitCommand } from "./git.ts";
import { initCommand } from "./init.ts";
import { invokeCommand } from "./invoke.ts";
import { jobCommand } from "./job.ts";
import { keyCommand } from "./key.ts";
import { logCommand } from "./log.ts";
import { maintainCommand } from "./maintain.ts";
import { previewCommand } from "./preview.ts";
import { queueCommand } from "./queue.ts";
import { reindexCommand } from "./reindex.ts";
import { reshardCommand } from "./reshard.ts";
import { runCommand } from "./run.ts";
import { serveCommand } from "./serve.ts";
import { statusCommand } from "./status.ts";
import { templateCommand } from "./template.ts";
import { UsageError } from "./usage.ts";
import { validateCommand } from "./validate.ts";

const COMMANDS = [
  initCommand,
  serveCommand,
  runCommand,
  jobCommand,
  queueCommand,
  templateCommand,
  invokeCommand,
  diffCommand,
  previewCommand,
  showCommand,
  logCommand,
  blameCommand,
  statusCommand,
  validateCommand,
  fmtCommand,
  fsckCommand,
  maintainCommand,
  reindexCommand,
  reshardCommand,
  keyCommand,
  gitCommand,
  doctorCommand,
  galaxyDemoCommand,
  completionCommand,
] as CommandModule[];

/** Refuses flags that are there without what they need. */
function requireValues(flags: Readonly<Record<string, unknown>>): true {
  for (const [name, value] of Object.entries(flags)) {
    // Of a name with a dash there are two spellings; the one that was typed comes first.
    if (value === "") throw new UsageError(`--${name} needs a value.`);
    if (Number.isNaN(value)) throw new UsageError(`--${name} needs a number.`);
  }
  return true;
}

/** Of a flag that is given several times the last counts. yargs would say the same of arguments that are lists. */
function lastCounts(flags: Record<string, unknown>, line: Argv): void {
  const { array: lists } = (line as unknown as { getOptions(): { array: readonly string[] } }).getOptions();
  for (const [name, value] of Object.entries(flags))
    if (Array.isArray(value) && name !== "_" && !lists.includes(name)) flags[name] = value.at(-1);
}

/** The command line program over some words; nothing happens before it is told to parse them. Throws `UsageError`. */
export function makeProgram(args: readonly string[]): Argv {
  const line = yargs([...args])
    .scriptName("runtree")
    .usage("$0 <command>: a Git-backed metadata store")
    // One language: most of what is printed is ours.
    .detectLocale(false)
    .strict()
    .demandCommand(1, "Say what to do.")
    .option("json", { type: "boolean", default: false, describe: "print JSON, errors too" })
    .check(requireValues)
    .parserConfiguration({ "parse-positional-numbers": false })
    .version(PROGRAM.version)
    .exitProcess(false)
    .fail((message, error) => {
      throw error ?? new UsageError(message);
    });
  line.middleware((flags) => lastCounts(flags, line), true);
  return COMMANDS.reduce((all, command) => all.command(command), line);
}

/** The help of the command that some words call, as far as they call one, with lines as long as they are. */
export async function helpOf(args: readonly string[]): Promise<string> {
  return makeProgram(args).wrap(null).getHelp();
}
