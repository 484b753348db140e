import { readFileSync } from "node:fs";
import type { Argv, CommandModule } from "yargs";
import { readInput } from "./body-file.ts";
import { groupOf } from "./command.ts";
import { EXIT } from "./exit.ts";
import { fieldsText } from "./fields.ts";
import type { Hook, SetUp } from "./git-setup.ts";
import { note, printData } from "./output.ts";
import { escaped } from "./plain.ts";

type Flags = { readonly json: boolean } & Readonly<Record<string, unknown>>;

/** One subcommand. What each needs is loaded when it is called: git calls some of them for every file. */
function subcommand(
  command: string,
  describe: string,
  more: (yargs: Argv) => Argv,
  action: (flags: Flags) => void | Promise<void>,
): CommandModule {
  return { command, describe, builder: more, handler: async (flags) => action(flags as unknown as Flags) };
}

function hookText({ path, state, line }: Hook): string {
  if (state === "installed") return `hook        ${path}`;
  if (state === "removed") return `hook        ${path}, gone`;
  if (state === "absent" || line === undefined) return "hook        none of ours was there";
  return `hook        ${path} is not ours and stays as it is; to have runs checked before a push, put this line at its beginning (what comes after it finds in $refs what it would read from standard input):\n  ${line}`;
}

function setUpText({ config, attributes, hook }: SetUp, removed: boolean): string {
  const gone = removed ? ", gone" : "";
  return [
    ...Object.keys(config).map((name) => `config      ${name}${gone}`),
    ...attributes.lines.map((line) => `attributes  ${line}${gone}`),
    hookText(hook),
  ].join("\n");
}

/** A positional argument of what git calls, which is always there. */
function fileArgument(yargs: Argv, name: string, describe: string): Argv {
  return yargs.positional(name, { type: "string", demandOption: true, describe });
}

const subcommands: readonly CommandModule[] = [
  subcommand(
    "setup",
    "in a clone: have git merge documents by field, show them by field, and check runs before a push",
    (yargs) => yargs.option("remove", { type: "boolean", default: false, describe: "take all of it away again" }),
    async ({ json, remove }) => {
      const { setUp, takeAway } = await import("./git-setup.ts");
      const done = remove === true ? await takeAway() : await setUp();
      printData(json, done, setUpText(done, remove === true));
      if (remove !== true) note("after Node or Runtree moved to another place, do this again");
    },
  ),
  subcommand(
    "merge-driver <base> <ours> <theirs> <path>",
    "for git: merge a JSON file by field into <ours>; exit code 1 when something is left to settle between markers",
    (yargs) =>
      [
        ["base", "file with the version that both come from; empty when there is none"],
        ["ours", "file with the version of this branch, which gets the merged one"],
        ["theirs", "file with the other version"],
        ["path", "what it is in the repository"],
      ]
        .reduce((all, [name = "", describe = ""]) => fileArgument(all, name, describe), yargs)
        .option("base-only", {
          type: "boolean",
          default: false,
          describe: "make one base of two versions, for histories that crossed",
        }),
    async (flags) => {
      const { mergeBases, mergeVersions } = await import("./git-merge-driver.ts");
      const [base, ours, theirs, path] = [flags["base"], flags["ours"], flags["theirs"], flags["path"]].map(String);
      const versions = { base: base ?? "", ours: ours ?? "", theirs: theirs ?? "", path: path ?? "" };
      const code = flags["base-only"] === true ? mergeBases(versions) : await mergeVersions(versions);
      if (code !== EXIT.ok) process.exitCode = code;
    },
  ),
  subcommand(
    "textconv <file>",
    "for git: print a JSON document as one line for each of its fields",
    (yargs) => fileArgument(yargs, "file", "the document; - for standard input"),
    ({ file }) => {
      process.stdout.write(fieldsText(readInput(String(file))));
    },
  ),
  subcommand(
    "pre-push [remote] [url]",
    "for git: check the runs that are about to be pushed as the gate would, against main as it was fetched",
    (yargs) =>
      yargs
        .positional("remote", { type: "string", default: "origin", describe: "name of the remote" })
        .positional("url", { type: "string", describe: "its address, which git tells and nothing needs" }),
    async ({ json, remote }) => {
      const { prePush } = await import("./git-pre-push.ts");
      const { looked, text, refused } = await prePush(String(remote), readFileSync(0, "utf8"));
      if (json) printData(json, looked, text);
      else if (text !== "") process.stderr.write(`${escaped(text)}\n`);
      if (refused) process.exitCode = EXIT.failed;
    },
  ),
];

export const gitCommand: CommandModule = groupOf(
  "git",
  "what a data steward's own clone needs to merge, show and check documents by field",
  subcommands,
  "Say what to do with git.",
);
