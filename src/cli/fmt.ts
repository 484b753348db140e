import { randomBytes } from "node:crypto";
import { accessSync, chmodSync, constants, realpathSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import type { Argv, CommandModule } from "yargs";
import { hasCode, RuntreeError, systemCode } from "../domain/errors.ts";
import { canonicalJson } from "../domain/json.ts";
import type { Notice, Violation } from "../domain/verdict.ts";
import { readInput, readStrictly, STANDARD_INPUT } from "./body-file.ts";
import { EXIT } from "./exit.ts";
import { note, printData, violationLine } from "./output.ts";

/** What a file is, and what it would be in canonical form. */
interface Formatted {
  readonly file: string;
  readonly changed: boolean;
  /** The canonical form; absent where it cannot be told. */
  readonly text?: string;
  readonly notices: readonly Notice[];
  /** Why the file is left alone. */
  readonly refused?: { readonly code: string; readonly detail: string; readonly errors: readonly Violation[] };
}

/** Reads a file through the door and puts it in canonical form; writes nothing. Throws `not_found`. */
function format(file: string): Formatted {
  const bytes = readInput(file);
  try {
    const { value, notices } = readStrictly(file, bytes);
    const text = canonicalJson(value);
    return { file, changed: !bytes.equals(Buffer.from(text)), text, notices };
  } catch (error) {
    if (!hasCode(error, "malformed_json") && !hasCode(error, "validation_failed")) throw error;
    const { errors } = error.data as { errors: readonly Violation[] };
    return { file, changed: false, notices: [], refused: { code: error.code, detail: error.message, errors } };
  }
}

/** Puts text into a file's place, whole or not at all; its mode stays, and of a link the file behind it changes. Throws `io_failed`. */
function replace(file: string, text: string): void {
  let temporary: string | null = null;
  try {
    const path = realpathSync(file);
    accessSync(path, constants.W_OK);
    temporary = `${path}.${randomBytes(4).toString("hex")}.tmp`;
    writeFileSync(temporary, text, { flag: "wx" });
    chmodSync(temporary, statSync(path).mode);
    renameSync(temporary, path);
  } catch (error) {
    if (temporary !== null) rmSync(temporary, { force: true });
    const code = systemCode(error) ?? String(error);
    throw new RuntreeError("io_failed", `${file} cannot be written (${code}); it is as it was.`, { file }, error);
  }
}

/** Tells what became of the files, beside the data. */
function tell(results: readonly Formatted[], check: boolean): void {
  for (const { file, changed, notices, refused } of results) {
    for (const { message } of notices) note(`${file}: ${message}`);
    if (refused !== undefined) note([`${file} is left alone:`, ...refused.errors.map(violationLine)].join("\n  "));
    else if (changed && !check && file !== STANDARD_INPUT) note(`${file} is in canonical form now`);
  }
}

/** What is printed: names of files that differ, or what standard input is in canonical form. */
function printed(results: readonly Formatted[], check: boolean): string {
  if (check) return results.flatMap(({ file, changed }) => (changed ? [`${file}\n`] : [])).join("");
  return results.flatMap(({ file, text }) => (file === STANDARD_INPUT && text !== undefined ? [text] : [])).join("");
}

interface FmtFlags {
  readonly files: string[];
  readonly check: boolean;
  readonly json: boolean;
}

export const fmtCommand: CommandModule<object, FmtFlags> = {
  command: "fmt <files..>",
  describe: "put JSON files into the form that the repository keeps; exit code 3 when one is not what the door lets in",
  builder: (yargs) =>
    yargs
      .positional("files", {
        type: "string",
        array: true,
        demandOption: true,
        describe: "JSON files; - for standard input, which is printed",
      })
      .option("check", {
        type: "boolean",
        default: false,
        describe: "write nothing; name the files that differ, with exit code 3",
      }) as unknown as Argv<FmtFlags>,
  handler: ({ files, check, json }) => {
    // All are read before one is written.
    const results = files.map(format);
    for (const { file, changed, text } of results)
      if (changed && !check && text !== undefined && file !== STANDARD_INPUT) replace(file, text);
    if (!json) tell(results, check);
    const value = results.map(({ file, changed, text, notices, refused }) => ({
      file,
      changed,
      ...(file === STANDARD_INPUT && text !== undefined ? { text } : {}),
      ...(notices.length > 0 ? { notices } : {}),
      ...(refused === undefined ? {} : { refused }),
    }));
    printData(json, value, printed(results, check));
    if (results.some(({ changed, refused }) => refused !== undefined || (check && changed)))
      process.exitCode = EXIT.invalid;
  },
};
