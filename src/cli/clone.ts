import { execFile } from "node:child_process";
import fs from "node:fs";
import { dirname, resolve } from "node:path";
import { findProgram } from "../config.ts";
import { RuntreeError } from "../domain/errors.ts";
import { CONFIGURATION_FILE, MAIN } from "../domain/layout.ts";
import { BareRepository } from "../git/bare-repository.ts";
import type { GitResult } from "../git/native.ts";
import type { Oid, ReadObject } from "../git/objects.ts";

const OUTPUT_BYTES = 64 * 1024 * 1024;

/**
 * Runs git as the person at the terminal has it, in the folder where they are: their settings count, and what git says
 * in the environment to a program that it runs. The server's git has neither (`git/native.ts`). Arguments are our own words,
 * object ids, and paths where git expects one. Throws `git_missing`, `git_failed`.
 */
export async function ownGit(...args: readonly string[]): Promise<GitResult> {
  const program = findProgram("git");
  if (program === null)
    throw new RuntreeError("git_missing", "There is no git program on the PATH. Install git 2.39 or newer.");
  const options = { env: { ...process.env, LC_ALL: "C" }, maxBuffer: OUTPUT_BYTES };
  return new Promise((found, failed) => {
    execFile(program, [...args], options, (error, stdout, stderr) => {
      if (error === null) found({ code: 0, stdout, stderr });
      else if (typeof error.code === "number") found({ code: error.code, stdout, stderr });
      else failed(new RuntreeError("git_failed", `git ${args[0] ?? ""} could not be run: ${error.message}`, {}, error));
    });
  });
}

/** What git prints, without the end of its last line; null when it ends with another code than 0. */
export async function gitLine(...args: readonly string[]): Promise<string | null> {
  const { code, stdout } = await ownGit(...args);
  return code === 0 ? stdout.replace(/\n$/, "") : null;
}

/**
 * The folder of the clone around the current one, which all its work trees share: objects, refs, settings. Throws
 * `repository_not_ours` outside of a clone, `repository_unsupported` in a bare repository.
 */
export async function findClone(): Promise<string> {
  const { code, stdout, stderr } = await ownGit("rev-parse", "--path-format=absolute", "--git-common-dir");
  const folder = stdout.replace(/\n$/, "");
  if (code !== 0)
    throw new RuntreeError(
      "repository_not_ours",
      `${process.cwd()} is in no git repository that can be used (${stderr.trim()}). Go into a clone of the record; git clone makes one.`,
    );
  if ((await gitLine("rev-parse", "--is-bare-repository")) === "true")
    throw new RuntreeError(
      "repository_unsupported",
      `${folder} is a bare repository, in which nobody works. Make a clone of it with git clone, and go there.`,
      { folder },
    );
  return folder;
}

/** The refs of remotes, and `main` of the clone's own, with the commits that they are at. */
async function knownRefs(): Promise<Map<string, Oid>> {
  const printed = await gitLine("for-each-ref", "--format=%(refname) %(objectname)", MAIN, "refs/remotes");
  const lines = (printed ?? "").split("\n").map((line) => line.split(" "));
  return new Map(lines.map(([ref = "", oid = ""]) => [ref, oid]));
}

/** Where `main` of a remote was when it was last fetched; null when it never was. */
export async function mainOf(remote: string): Promise<Oid | null> {
  return (await knownRefs()).get(`refs/remotes/${remote}/main`) ?? null;
}

/** Tells whether the clone is one of a record, by `main` of any remote or its own. */
export async function holdsRecord(): Promise<boolean> {
  for (const [ref, commit] of await knownRefs()) {
    if (ref !== MAIN && !/^refs\/remotes\/.+\/main$/.test(ref)) continue;
    if ((await gitLine("cat-file", "-e", `${commit}:${CONFIGURATION_FILE}`)) !== null) return true;
  }
  return false;
}

/** A folder of objects, and those that it borrows from, as `git clone --shared` has it. */
function lenders(objects: string, borrowers: readonly string[] = []): string[] {
  if (borrowers.includes(objects)) return [];
  const path = `${objects}/info/alternates`;
  const lines = fs.existsSync(path) ? fs.readFileSync(path, "utf8").split("\n") : [];
  const lent = lines.filter((line) => line !== "" && !line.startsWith("#")).map((line) => resolve(objects, line));
  return [objects, ...lent.flatMap((each) => lenders(each, [...borrowers, objects]))];
}

/** Reads the objects of a clone, by its folder, in this process. */
export function cloneReader(folder: string): ReadObject {
  const repositories = lenders(`${folder}/objects`).map((objects) => new BareRepository(fs, dirname(objects)));
  return (oid) => {
    for (const repository of repositories) {
      const object = repository.read(oid);
      if (object !== null) return object;
    }
    return null;
  };
}
