import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import type { Command, Commands } from "../../src/domain/commands.ts";
import type { CheckSettings } from "../../src/domain/configuration.ts";
import { temporaryFolder } from "./folders.ts";

/** A command that runs a sh script in a folder of its own; more of it may be stated. */
export function shellCommand(name: string, script: string, more: Partial<Command> = {}): Command {
  const cwd = temporaryFolder();
  writeFileSync(`${cwd}/script`, `#!/bin/sh\n${script}\n`);
  chmodSync(`${cwd}/script`, 0o755);
  return { name, argv: ["./script"], cwd, env: { PATH: process.env["PATH"] ?? "" }, timeout_s: 20, ...more };
}

/** A command that runs a script for Node; `lines` are the documents that it was given. */
export function nodeCommand(name: string, script: string, more: Partial<Command> = {}): Command {
  const cwd = temporaryFolder();
  const reading =
    'const lines = fs.readFileSync(0, "utf8").split("\\n").filter(Boolean).map((line) => JSON.parse(line));';
  writeFileSync(`${cwd}/script.cjs`, `const fs = require("node:fs");\n${reading}\n${script}\n`);
  return { name, argv: [process.execPath, "script.cjs"], cwd, env: {}, timeout_s: 20, ...more };
}

/** A check of depths: those below zero are violations. It notes what it is given, a call on each line. */
export const DEPTHS = `
fs.appendFileSync("calls", JSON.stringify(lines.map(({ collection, id }) => collection + "/" + id)) + "\\n");
for (const { collection, id, document } of lines)
  if (document.depth < 0) console.log(JSON.stringify({ collection, id, pointer: "/depth", message: "is above the ground" }));
`;

/** What a check that notes its calls was given, by call. */
export function callsOf({ cwd }: Command): string[][] {
  const path = `${cwd}/calls`;
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as string[]);
}

export function commandsOf(...commands: readonly Command[]): Commands {
  return new Map(commands.map((command) => [command.name, command]));
}

/** The member `checks` of a configuration: one check for each command, of these collections. */
export function checksFor(
  collections: readonly string[],
  ...commands: readonly string[]
): { readonly checks: readonly CheckSettings[] } {
  return { checks: commands.map((command) => ({ name: `check-${command}`, collections, command })) };
}
