import yargs, { type Argv, type CommandModule } from "yargs";
import { PROGRAM } from "../store/program.ts";
import { UsageError } from "./usage.ts";

/** What makes each command: only what a line calls is loaded, which is most of the time that a line takes. */
const COMMANDS = new Map<string, () => Promise<unknown>>(
  Object.entries({
    init: async () => (await import("./init.ts")).initCommand,
    serve: async () => (await import("./serve.ts")).serveCommand,
    run: async () => (await import("./run.ts")).runCommand,
    job: async () => (await import("./job.ts")).jobCommand,
    queue: async () => (await import("./queue.ts")).queueCommand,
    template: async () => (await import("./template.ts")).templateCommand,
    invoke: async () => (await import("./invoke.ts")).invokeCommand,
    diff: async () => (await import("./diff.ts")).diffCommand,
    preview: async () => (await import("./preview.ts")).previewCommand,
    show: async () => (await import("./document.ts")).showCommand,
    log: async () => (await import("./log.ts")).logCommand,
    blame: async () => (await import("./document.ts")).blameCommand,
    status: async () => (await import("./status.ts")).statusCommand,
    validate: async () => (await import("./validate.ts")).validateCommand,
    fmt: async () => (await import("./fmt.ts")).fmtCommand,
    fsck: async () => (await import("./fsck.ts")).fsckCommand,
    maintain: async () => (await import("./maintain.ts")).maintainCommand,
    reindex: async () => (await import("./reindex.ts")).reindexCommand,
    reshard: async () => (await import("./reshard.ts")).reshardCommand,
    key: async () => (await import("./key.ts")).keyCommand,
    git: async () => (await import("./git.ts")).gitCommand,
    doctor: async () => (await import("./doctor.ts")).doctorCommand,
    "galaxy-demo": async () => (await import("./galaxy-demo.ts")).galaxyDemoCommand,
    completion: async () => (await import("./completion.ts")).completionCommand,
  }),
);

/** The command that some words call; all of them when that cannot be told, or when they call none. */
async function commandsFor(words: readonly string[]): Promise<CommandModule[]> {
  const called = COMMANDS.get(words.find((word) => !word.startsWith("-")) ?? "");
  const loading = called === undefined ? [...COMMANDS.values()] : [called];
  return Promise.all(loading.map(async (load) => load())) as Promise<CommandModule[]>;
}

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
export async function makeProgram(args: readonly string[]): Promise<Argv> {
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
  return (await commandsFor(args)).reduce((all, command) => all.command(command), line);
}

/** The help of the command that some words call, as far as they call one, with lines as long as they are. */
export async function helpOf(args: readonly string[]): Promise<string> {
  return (await makeProgram(args)).wrap(null).getHelp();
}
