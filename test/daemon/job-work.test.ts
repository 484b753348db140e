import { spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { JobWork } from "../../src/daemon/job-work.ts";
import { temporaryFolder } from "../support/folders.ts";

const LIMITS = { outputBytes: 1000, artifactBytes: 1000, logBytes: 1000 };

/** Somebody who is not asked for leave by no system call. */
const NOBODY = 65_534;

/** The longest path that can be named. */
const LONGEST = 4095;

test("a private folder goes also where its process let nobody into folders of it", () => {
  const room = temporaryFolder();
  const folder = join(room, "work");
  const script = 'mkdir -p "$0/a/b" "$0/c/d"; touch "$0/a/b/f" "$0/c/d/f"; chmod 0 "$0/a"; chmod 555 "$0/c/d" "$0"';
  const url = new URL("../../dist/daemon/job-work.js", import.meta.url).href;
  const remove = `await (await import(${JSON.stringify(url)})).removeFolder(${JSON.stringify(folder)})`;
  // Root is let in everywhere.
  const as = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  chownSync(room, as.uid ?? -1, as.gid ?? -1);
  expect(spawnSync("sh", ["-c", script, folder], as).status).toBe(0);
  expect(readdirSync(room)).toEqual(["work"]);
  const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", remove], as);
  expect([status, stderr.toString()]).toEqual([0, ""]);
  expect(readdirSync(room)).toEqual([]);
});

test("a private folder that can be made in part only is not left behind", () => {
  const room = join(temporaryFolder(), ...Array.from({ length: 19 }, () => "n".repeat(200)));
  mkdirSync(room, { recursive: true });
  // It fits, and what is to lie in it does not.
  const folder = join(room, "w".repeat(LONGEST - room.length - 8));
  expect(() => new JobWork(folder, "{}", LIMITS)).toThrow();
  expect(existsSync(folder)).toBe(false);
});
