import { accessSync, constants, existsSync, statfsSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, resolve } from "node:path";
import type { CommandModule } from "yargs";
import { RuntreeClient } from "../client/client.ts";
import {
  CONFIG_FILE,
  programOf,
  resolveSettings,
  serverUrl,
  type SettingName,
  SETTINGS,
  type Settings,
} from "../config.ts";
import type { Command, Commands } from "../domain/commands.ts";
import type { CheckSettings } from "../domain/configuration.ts";
import type { TemplateRecord } from "../domain/job-template.ts";
import type { LimitName } from "../domain/limits.ts";
import type { Retention } from "../domain/retention.ts";
import { counted } from "../domain/verdict.ts";
import { hasCode, RuntreeError, systemCode } from "../domain/errors.ts";
import { MAIN } from "../domain/layout.ts";
import fs from "node:fs";
import { readCommit } from "../git/commit.ts";
import { readerWith } from "../git/repository.ts";
import { gitDirOf, openForReading } from "../store/open.ts";
import { KeyRing } from "../store/key-ring.ts";
import { keysPath, readKeys } from "../store/keys.ts";
import { RulesReader } from "../store/rules.ts";
import { TemplateIndex } from "../store/template-index.ts";
import { EXIT } from "./exit.ts";
import { galaxyAt, pollOf } from "./galaxies.ts";
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
  return `${path}${there === path ? "" : " (not made yet)"}`;
}

/** A setting as it may be printed. */
function shown(name: SettingName, value: string | number | boolean): string | number | boolean {
  return "secret" in SETTINGS[name] && value !== "" ? "(set)" : value;
}

/** With less free space than this (bytes) the disk may be full before anybody sees to it. */
const LITTLE_SPACE = 1_000_000_000;

/** Exported for its test, as no test fills a disk. */
export function spaceWords(free: number): string {
  const words = `${(free / 1e9).toFixed(1)} GB free`;
  if (free >= LITTLE_SPACE) return words;
  throw new RuntreeError("disk_full", `only ${words}; make room, or give another --data.`);
}

function spaceOf(data: string): string {
  let there = resolve(data);
  while (!existsSync(there)) there = dirname(there);
  const { bavail, bsize } = statfsSync(there);
  return spaceWords(bavail * bsize);
}

/** How long (ms) whatever listens at the address may take to say what it is. */
const ANSWER_MS = 2000;

/** What is at the address that the settings say: a server of ours, nothing, or something else in its place. */
async function serverAt(settings: Settings): Promise<string> {
  const { host, port } = settings;
  if (port === 0) return "any free port";
  const url = serverUrl(settings, {});
  const problem = await listeningProblem(host, port);
  if (problem === null) return `${url} is free`;
  try {
    const { httpTransport } = await import("../client/http-transport.ts");
    const { body } = await new RuntreeClient(httpTransport(url, { answerMs: ANSWER_MS })).call("getVersion", {
      params: {},
    });
    return `${url} is served by ${body.name} ${body.version}`;
  } catch (error) {
    const words = problem === "EADDRINUSE" ? "is taken by another program" : `cannot be served (${problem})`;
    const message = `${url} ${words}; choose another --port or --host.`;
    throw new RuntreeError("address_not_allowed", message, { url }, error);
  }
}

/** Why a port cannot be listened on, in the system's word; null when it can. */
async function listeningProblem(host: string, port: number): Promise<string | null> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", (error) => resolve(systemCode(error) ?? error.message));
    server.listen({ host, port }, () => server.close(() => resolve(null)));
  });
}

/** What the keys are, and whether only their owner reads the file. */
function keysOf(data: string): string {
  const keys = readKeys(fs, data);
  if (keys.length === 0) return "none: on loopback everybody may do everything, other addresses are refused";
  const mode = statSync(keysPath(data)).mode & 0o777;
  const ring = new KeyRing(
    fs,
    data,
    () => Date.now(),
    true,
    () => undefined,
  );
  if ((mode & 0o077) === 0) return `${counted(keys.length, "key")}, of which ${ring.usable} can be used`;
  const words = `${keysPath(data)} can be read by others; take that away: chmod 600 ${keysPath(data)}`;
  throw new RuntreeError("bad_configuration", words, { mode });
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

/** What a repository holds that names commands of the configuration. */
interface Names {
  /** The checks of `main`. */
  readonly checks: readonly CheckSettings[];
  /** Active templates for processes. */
  readonly templates: readonly TemplateRecord[];
}

/** What names commands; nothing when there is no repository, or none that can be read. */
async function namesIn(data: string): Promise<Names> {
  if (!existsSync(gitDirOf(data))) return { checks: [], templates: [] };
  const repository = await openForReading(fs, GIT, data);
  try {
    const read = readerWith(repository);
    const { tree } = readCommit(read, repository.ref(MAIN) ?? "");
    const templates = new TemplateIndex(repository).all();
    return {
      checks: new RulesReader(read).rulesOf(tree).configuration.checks ?? [],
      templates: templates.filter(({ executor, status }) => executor === "process" && status === "active"),
    };
  } finally {
    await repository.close();
  }
}

function commandOf({ id, command = "" }: TemplateRecord, commands: Commands): string {
  if (commands.has(command)) return `runs the command ${command}`;
  throw new RuntreeError(
    "bad_configuration",
    `it runs the command ${command}, which is not in ${CONFIG_FILE}; add it there, or archive the template: runtree template archive ${id}.`,
  );
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
    const resolved = resolveSettings(flags.data === undefined ? {} : { data: flags.data });
    const { values, origins, commands, limits, limitOrigins, retention, retentionOrigins, aliases } = resolved;
    // What keeps the repository from being read is a finding of its own.
    const { checks, templates } = await namesIn(values.data).catch((): Names => ({ checks: [], templates: [] }));
    const findings = [
      await look("node", nodeVersion),
      await look("git", () => GIT.version()),
      await look("data", () => folderOf(values.data)),
      await look("disk", () => spaceOf(values.data)),
      await look("repository", () => repositoryOf(values.data)),
      await look("keys", () => keysOf(values.data)),
      await look("server", () => serverAt(values)),
    ];
    for (const command of commands.values())
      findings.push(await look(`command ${command.name}`, () => programFor(command)));
    for (const check of checks) findings.push(await look(`check ${check.name}`, () => commandFor(check, commands)));
    for (const template of templates)
      findings.push(await look(`template ${template.id}`, () => commandOf(template, commands)));
    findings.push(await look("poll", () => pollOf(resolved)));
    for (const galaxy of resolved.galaxies.values())
      findings.push(await look(`galaxy ${galaxy.name}`, () => galaxyAt(galaxy)));
    const settings = [
      ...(Object.keys(SETTINGS) as SettingName[]).map((name) => ({
        name,
        value: shown(name, values[name]),
        origin: origins[name],
      })),
      ...(Object.keys(limits) as LimitName[]).map((name) => ({
        name: `limits.${name}`,
        value: limits[name],
        origin: limitOrigins[name],
      })),
      ...(Object.keys(retention) as (keyof Retention)[]).map((name) => ({
        name: `retention.${name}`,
        value: retention[name],
        origin: retentionOrigins[name],
      })),
      ...Object.entries(aliases).map(([name, value]) => ({ name: `aliases.${name}`, value, origin: CONFIG_FILE })),
    ];
    const text = [
      facts(findings.map(({ what, ok, words }) => [ok ? "ok" : "FAULT", what, words])),
      "",
      facts(settings.map(({ name, value, origin }) => [name, String(value), `from ${origin}`])),
    ].join("\n");
    printData(flags.json, { findings, settings }, text);
    if (findings.some(({ ok }) => !ok)) process.exitCode = EXIT.failed;
  },
};
