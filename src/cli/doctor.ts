import { accessSync, constants, existsSync, statfsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { CommandModule } from "yargs";
import { resolveSettings, type SettingName, SETTINGS } from "../config.ts";
import { hasCode, RuntreeError } from "../domain/errors.ts";
import fs from "node:fs";
import { gitDirOf, openForReading } from "../store/open.ts";
import { EXIT } from "./exit.ts";
import { printData } from "./output.ts";
import { facts } from "./table.ts";
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

export const doctorCommand: CommandModule<object, { json: boolean; data: string | undefined }> = {
  command: "doctor",
  describe: "say what is missing and how to get it, and where each setting comes from",
  builder: dataFlags,
  handler: async (flags) => {
    const { values, origins } = resolveSettings(flags.data === undefined ? {} : { data: flags.data });
    const findings = [
      await look("node", nodeVersion),
      await look("git", () => GIT.version()),
      await look("data", () => folderOf(values.data)),
      await look("repository", () => repositoryOf(values.data)),
    ];
    const settings = (Object.keys(SETTINGS) as SettingName[]).map((name) => ({
      name,
      value: values[name],
      origin: origins[name],
    }));
    const text = [
      facts(findings.map(({ what, ok, words }) => [ok ? "ok" : "FAULT", what, words])),
      "",
      facts(settings.map(({ name, value, origin }) => [name, String(value), `from ${origin}`])),
    ].join("\n");
    printData(flags.json, { findings, settings }, text);
    if (findings.some(({ ok }) => !ok)) process.exitCode = EXIT.failed;
  },
};
