#!/usr/bin/env node
import { readFileSync } from "node:fs";
import yargs, { type CommandModule } from "yargs";
import { hideBin } from "yargs/helpers";
import { doctorCommand } from "./doctor.ts";
import { blameCommand, logCommand, showCommand } from "./document.ts";
import { EXIT, exitCodeOf } from "./exit.ts";
import { fsckCommand } from "./fsck.ts";
import { initCommand } from "./init.ts";
import { maintainCommand } from "./maintain.ts";
import { errorText } from "./output.ts";
import { reshardCommand } from "./reshard.ts";
import { runCommand, STANDARD_INPUT } from "./run.ts";
import { serveCommand } from "./serve.ts";
import { statusCommand } from "./status.ts";
import { validateCommand } from "./validate.ts";

const { version: VERSION } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  version: string;
};

const COMMANDS = [
  initCommand,
  serveCommand,
  runCommand,
  showCommand,
  logCommand,
  blameCommand,
  statusCommand,
  validateCommand,
  fsckCommand,
  maintainCommand,
  reshardCommand,
  doctorCommand,
] as CommandModule[];

/** Runs one command line and returns its exit code. Data goes to stdout, everything else to stderr. */
export async function main(args: readonly string[]): Promise<number> {
  const line = yargs(args.map((word) => (word === "-" ? STANDARD_INPUT : word)))
    .scriptName("runtree")
    .usage("$0 <command>: a Git-backed metadata store")
    .strict()
    .demandCommand(1, "Say what to do; --help lists the commands.")
    .recommendCommands()
    .parserConfiguration({ "duplicate-arguments-array": false, "parse-positional-numbers": false })
    .version(VERSION)
    .exitProcess(false)
    .fail((message, error) => {
      throw error ?? new UsageError(message);
    });
  try {
    await COMMANDS.reduce((all, command) => all.command(command), line).parseAsync();
    return Number(process.exitCode ?? EXIT.ok);
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`runtree: ${error.message}\n`);
      return EXIT.usage;
    }
    process.stderr.write(`${errorText(error)}\n`);
    return exitCodeOf(error);
  }
}

/** A command line that is not understood. */
class UsageError extends Error {}

// Whoever read our output may stop reading; that is no reason to end a server.
process.stdout.on("error", () => undefined);
process.exitCode = await main(hideBin(process.argv));
