import { spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { JobWork } from "../../src/daemon/job-work.ts";
import { temporaryFolder } from "../support/folders.ts";

const LIMITS = { outputBytes: 1000, artifactBytes: 1000, logBytes: 1000 };

/** Somebody whom the system does not let in everywhere, as it does root. */
const NOBODY = 65_534;
const AS_USER = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};

const MODULE = JSON.stringify(new URL("../../dist/daemon/job-work.js", import.meta.url).href);

/** A folder that a user who is not root may work in. */
function room(): string {
  const folder = temporaryFolder();
  chownSync(folder, AS_USER.uid ?? -1, AS_USER.gid ?? -1);
  return folder;
}

/** Runs a program as that user, with a path as its argument. */
function runAs(program: string, args: readonly string[], path: string): void {
  const { status, stderr } = spawnSync(program, [...args, path], AS_USER);
  expect([status, stderr.toString()]).toEqual([0, ""]);
}

function runNode(script: string, path: string): void {
  const line = `const work = await import(${MODULE}); const path = process.argv[1]; ${script}`;
  runAs(process.execPath, ["--input-type=module", "-e", line], path);
}

/** The longest path that can be named. */
const LONGEST = 4095;

test("a private folder goes also where its process let nobody into folders of it", () => {
  const within = room();
  const script = 'mkdir -p "$0/a/b" "$0/c/d"; touch "$0/a/b/f" "$0/c/d/f"; chmod 0 "$0/a"; chmod 555 "$0/c/d" "$0"';
  runAs("sh", ["-c", script], join(within, "work"));
  expect(readdirSync(within)).toEqual(["work"]);
  runNode("await work.removeFolder(path);", join(within, "work"));
  expect(readdirSync(within)).toEqual([]);
});

test("a private folder is made also where a process let nobody into the room of all of them", () => {
  const within = room();
  runAs("sh", ["-c", 'mkdir "$0"; chmod 0 "$0"'], join(within, "work"));
  runNode(`new work.JobWork(path, "{}", ${JSON.stringify(LIMITS)});`, join(within, "work", "run"));
  expect(existsSync(join(within, "work", "run", "params.json"))).toBe(true);
});

test("a private folder that can be made in part only is not left behind", () => {
  const deep = join(temporaryFolder(), ...Array.from({ length: 19 }, () => "n".repeat(200)));
  mkdirSync(deep, { recursive: true });
  // It fits, and what is to lie in it does not.
  const folder = join(deep, "w".repeat(LONGEST - deep.length - 8));
  expect(() => new JobWork(folder, "{}", LIMITS)).toThrow();
  expect(existsSync(folder)).toBe(false);
});
