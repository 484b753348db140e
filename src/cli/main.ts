#!/usr/bin/env node
import { hideBin } from "yargs/helpers";
import { systemCode } from "../domain/errors.ts";
import { STANDARD_INPUT } from "./body-file.ts";
import { errorJson, errorText } from "./error.ts";
import { EXIT, exitCodeOf } from "./exit.ts";
import { asksForJson } from "./output.ts";
import { helpOf, makeProgram } from "./program.ts";
import { UsageError, usageError } from "./usage.ts";

/** Runs one command line and returns its exit code. Data goes to stdout, everything else to stderr. */
async function main(args: readonly string[]): Promise<number> {
  try {
    const line = await makeProgram(args.map((word) => (word === "-" ? STANDARD_INPUT : word)));
    await line.parseAsync();
    return Number(process.exitCode ?? EXIT.ok);
  } catch (thrown) {
    const error = thrown instanceof UsageError ? usageError(thrown.message, args, await helpOf(args)) : thrown;
    process.stderr.write(`${asksForJson(args) ? errorJson(error) : errorText(error)}\n`);
    return exitCodeOf(error);
  }
}

// Whoever read our output may stop reading; that is no reason to end a server. What cannot be written is a failure.
process.stdout.on("error", (error) => {
  if (systemCode(error) === "EPIPE") return;
  process.stderr.write(`runtree: the output cannot be written: ${error.message}\n`);
  process.on("exit", () => (process.exitCode ||= EXIT.failed));
});
process.exitCode = await main(hideBin(process.argv));
