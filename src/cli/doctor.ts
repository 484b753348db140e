import { accessSync, constants, existsSync, statfsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { CommandModule } from "yargs";
import { CONFIG_FILE, programOf, resolveSettings, type SettingName, SETTINGS } from "../config.ts";
import type { Command, Commands } from "../domain/commands.ts";
import type { CheckSettings } from "../domain/configuration.ts";
import { hasCode, RuntreeError } from "../domain/errors.ts";
import { MAIN } from "../domain/layout.ts";
import fs from "node:fs";
import { readCommit } from "../git/commit.ts";
import { readerWith } from "../git/repository.ts";
import { gitDirOf, openForReading } from "../store/open.ts";
import { RulesReader } from "../store/rules.ts";
import { EXIT } from "./exit.ts";
import { printData, table } from "./output.ts";
import { dataFlags, GIT } from "./target.ts";

interface Finding {
  readonly what: string;
  readonly ok: boolean;
  readonly words: string;
}

async function look(what: string, work: () => Promise<string> | string): Promise<Finding> {
  try {
    return { what, ok: true, words: await work() };
  } catch (error) {
    return { what, ok: false, words: error instanceof Error ? error.message : String(error) };
  }
}

const OLDEST_NODE = [20, 19];

function nodeVersion(): string {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const [oldMajor = 0, oldMinor = 0] = OLDEST_NODE;
  if (major < oldMajor || (major === oldMajor && minor < oldMinor)) {
    throw new RuntreeError(
      "bad_configuration",
      `${process.version} is too old; install Node ${OLDEST_NODE.join(".")} or newer.`,
    );
  }
  return process.version;
}

function folderOf(data: string): string {
  const path = resolve(data);
  let there = path;
  while (!existsSync(there)) there = dirname(there);
  accessSync(there, constants.W_OK);
  const { bavail, bsize } = statfsSync(there);
  return `${path}${there === path ? "" : " (not made yet)"}, ${Math.floor((bavail * bsize) / 1e9)} GB free`;
}

async function repositoryOf(data: string): Promise<string> {
  if (!existsSync(gitDirOf(data))) return "none yet; `runtree serve` or `runtree init` makes it";
  try {
    (await openForReading(fs, GIT, data)).close();
    return gitDirOf(data);
  } catch (error) {
    if (hasCode(error, "git_missing")) return "not looked at: git is missing";
    throw error;
  }
}

/** The program that a command runs. Throws `bad_configuration` when it, or the folder it is run in, is not there. */
function programFor(command: Command): string {
  const { name, argv, cwd } = command;
  const refuse = (what: string): never => {
    throw new RuntreeError("bad_configuration", `${what}; see commands.${name} in ${CONFIG_FILE}.`);
  };
  if (!existsSync(cwd)) refuse(`there is no folder ${cwd}`);
  return programOf(command) ?? refuse(`${argv[0]} cannot be run`);
}

/** The checks that `main` has; none when there is no repository, or none that can be read. */
async function checksOf(data: string): Promise<readonly CheckSettings[]> {
  if (!existsSync(gitDirOf(data))) return [];
  const repository = await openForReading(fs, GIT, data);
  try {
    const read = readerWith(repository);
    const { tree } = readCommit(read, repository.ref(MAIN) ?? "");
    return new RulesReader(read).rulesOf(tree).configuration.checks ?? [];
  } finally {
    await repository.close();
  }
}

function commandFor({ name, command, collections }: CheckSettings, commands: Commands): string {
  if (commands.has(command)) return `${command}, for ${collections.join(", ")}`;
  throw new RuntreeError(
    "bad_configuration",
    `the check ${name} of main asks the command ${command}; add it to ${CONFIG_FILE}, until then no change of ${collections.join(", ")} merges here.`,
  );
}

export const doctorCommand: CommandModule<object, { json: boolean; data: string | undefined }> = {
  command: "doctor",
  describe: "say what is missing and how to get it, and where each setting comes from",
  builder: dataFlags,
  handler: async (flags) => {
    const { values, origins, commands } = resolveSettings(flags.data === undefined ? {} : { data: flags.data });
    // What keeps the repository from being read is a finding of its own.
    const checks = await checksOf(values.data).catch(() => []);
    const findings = [
      await look("node", nodeVersion),
      await look("git", () => GIT.version()),
      await look("data", () => folderOf(values.data)),
      await look("repository", () => repositoryOf(values.data)),
    ];
    for (const command of commands.values())
      findings.push(await look(`command ${command.name}`, () => programFor(command)));
    for (const check of checks) findings.push(await look(`check ${check.name}`, () => commandFor(check, commands)));
    const settings = (Object.keys(SETTINGS) as SettingName[]).map((name) => ({
      name,
      value: values[name],
      origin: origins[name],
    }));
    const text = [
      table(findings.map(({ what, ok, words }) => [ok ? "ok" : "FAULT", what, words])),
      "",
      table(settings.map(({ name, value, origin }) => [name, String(value), `from ${origin}`])),
    ].join("\n");
    printData(flags.json, { findings, settings }, text);
    if (findings.some(({ ok }) => !ok)) process.exitCode = EXIT.failed;
  },
};
