import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Json } from "../../src/domain/json.ts";
import { temporaryFolder } from "./folders.ts";
import { git } from "./git.ts";
import { type Ended, runtree } from "./program.ts";
import { storeWith } from "./situations.ts";
import type { TestStore } from "./store.ts";

/** A record, a remote that anybody may push to, and a clone of it. */
export interface Cloned {
  readonly open: TestStore;
  readonly remote: string;
  readonly clone: string;
  /** Brings what was merged meanwhile to the remote. */
  publish(): Promise<void>;
}

/** A record with these documents, and a clone whose path has what shells and git give a meaning. */
export async function cloned(body?: Json): Promise<Cloned> {
  const open = await storeWith(body);
  const folder = temporaryFolder();
  const [remote, clone] = [`${folder}/remote.git`, `${folder}/it's 100% "odd"`];
  await open.store.repository.settle();
  git(folder, "clone", "--quiet", "--bare", open.gitDir, remote);
  git(folder, "clone", "--quiet", remote, clone);
  const publish = async (): Promise<void> => {
    await open.store.repository.settle();
    git(remote, "fetch", "--quiet", open.gitDir, "+main:main");
  };
  return { open, remote, clone, publish };
}

/** Puts documents or texts into files below a folder. */
export function put(folder: string, files: Readonly<Record<string, Json>>): void {
  for (const [path, value] of Object.entries(files)) {
    mkdirSync(dirname(`${folder}/${path}`), { recursive: true });
    writeFileSync(`${folder}/${path}`, typeof value === "string" ? value : `${JSON.stringify(value, null, 2)}\n`);
  }
}

/** Writes files and commits all that there is. */
export function commit(folder: string, files: Readonly<Record<string, Json>>): string {
  put(folder, files);
  // `--sparse`: in a sparse clone, too.
  git(folder, "add", "--all", "--sparse");
  git(folder, "commit", "--quiet", "--message", "a change");
  return git(folder, "rev-parse", "HEAD").trim();
}

/** The environment of a person who has a name, and no settings but those in `HOME`. */
export function person(home: string): Record<string, string> {
  const names = ["AUTHOR", "COMMITTER"].flatMap((role) => [
    [`GIT_${role}_NAME`, "tester"],
    [`GIT_${role}_EMAIL`, "tester@example.org"],
  ]);
  return { PATH: process.env["PATH"] ?? "", HOME: home, GIT_CONFIG_NOSYSTEM: "1", ...Object.fromEntries(names) };
}

/** Runs stock git, which may fail. */
export async function tryGit(folder: string, ...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile("git", args, { cwd: folder, env: person(dirname(folder)) }, (_, out, err) =>
      resolve({ code: child.exitCode, out, err }),
    );
  });
}

/** Runs `runtree git` with these words in a folder. */
export async function runtreeGit(folder: string, args: readonly string[], input?: string): Promise<Ended> {
  return runtree(["git", ...args], {
    cwd: folder,
    env: person(dirname(folder)),
    ...(input === undefined ? {} : { input }),
  });
}
