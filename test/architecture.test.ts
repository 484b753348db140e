import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { describe, expect, test } from "vitest";

/** Which rooms each room may import from (docs/architecture.md). A room may always import from itself. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  schema: ["domain"],
  git: ["domain"],
  contract: ["domain"],
  store: ["domain", "schema", "git"],
  actions: ["domain", "git", "store"],
  galaxy: ["domain"],
  daemon: ["domain", "store", "actions", "galaxy"],
  client: ["domain", "contract"],
  http: ["domain", "schema", "contract", "store", "actions"],
  "galaxy-demo": ["domain"],
  cli: [
    "domain",
    "schema",
    "git",
    "contract",
    "store",
    "actions",
    "galaxy",
    "daemon",
    "client",
    "http",
    "galaxy-demo",
    "config.ts",
  ],
  "config.ts": ["domain"],
  "index.ts": ["domain", "contract", "client"],
};

/** Packages that only some files may import. */
const PACKAGES: readonly { readonly name: RegExp; readonly only: RegExp }[] = [
  { name: /^isomorphic-git/, only: /^git\// },
  { name: /^ajv/, only: /^(schema\/|http\/request\.ts$)/ },
  { name: /^(koa|@koa\/)/, only: /^(http|galaxy-demo)\// },
  { name: /^undici/, only: /^(client|galaxy)\// },
  { name: /^yargs/, only: /^cli\// },
  { name: /^json-merge-patch$/, only: /^domain\/patch\.ts$/ },
  { name: /^rfc6902$/, only: /^domain\/json-patch\.ts$/ },
  { name: /^node:(fs|child_process|http|net|worker_threads)/, only: /^(?!domain\/|contract\/|actions\/)/ },
];

/** What only some files may say. */
const WORDS: readonly { readonly word: RegExp; readonly only: RegExp }[] = [
  { word: /process\.env/, only: /^(cli\/|config\.ts$)/ },
  { word: /export \* from|export default/, only: /\.d\.ts$/ },
  { word: /requires_materialization|jobs_summary/, only: /^(galaxy|galaxy-demo)\// },
  { word: /\bDate\.now\(\)/, only: /^(cli|http)\// },
];

/** Everything a file imports or re-exports, types included. */
function importsOf(text: string): string[] {
  return [...text.matchAll(/(?:\bfrom|\bimport|\bimport\()\s*"([^"]+)"/g)].map((match) => match[1] ?? "");
}

function roomOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.indexOf("/")) : path;
}

/** What is wrong with one source file, by its path below `src/`. */
function faults(path: string, text: string): string[] {
  const room = roomOf(path);
  const allowed = ROOMS[room];
  if (allowed === undefined) return [`${path}: ${room} is not a room`];
  const imports = importsOf(text).flatMap((name) => {
    if (!name.startsWith(".")) {
      const broken = PACKAGES.filter((rule) => rule.name.test(name) && !rule.only.test(path));
      return broken.map(() => `${path} may not import ${name}`);
    }
    const target = roomOf(posix.join(posix.dirname(path), name));
    return target === room || allowed.includes(target) ? [] : [`${path} may not import from ${target}`];
  });
  const words = WORDS.filter(({ word, only }) => word.test(text) && !only.test(path));
  return [...imports, ...words.map(({ word }) => `${path} may not say ${word.source}`)];
}

const SOURCE = new URL("../src/", import.meta.url);
const FILES = readdirSync(SOURCE, { recursive: true, encoding: "utf8" })
  .map((path) => path.replaceAll("\\", "/"))
  .filter((path) => path.endsWith(".ts"));

describe("the rooms", () => {
  test("every source file keeps to them", () => {
    expect(FILES.length).toBeGreaterThan(50);
    expect(FILES.flatMap((path) => faults(path, readFileSync(new URL(path, SOURCE), "utf8")))).toEqual([]);
  });

  test("no room is a drawer", () => {
    expect(
      FILES.filter((path) =>
        /(^|\/)(utils?|helpers?|lib|common|core|services?|managers?|types|interfaces)(\/|\.ts$)/.test(path),
      ),
    ).toEqual([]);
  });

  test.each([
    ["domain/merge.ts", 'import { readTree } from "../git/tree.ts";'],
    ["git/refs.ts", 'import type { Store } from "../store/store.ts";'],
    ["store/gate.ts", 'export { startRun } from "../actions/start-run.ts";'],
    ["actions/start-run.ts", 'import type Koa from "koa";'],
    ["actions/start-run.ts", 'import { presentRun } from "../http/present.ts";'],
    ["actions/invoke.ts", 'import { GalaxyClient } from "../galaxy/galaxy-client.ts";'],
    ["galaxy/look.ts", 'import { RuntreeClient } from "../client/client.ts";'],
    ["daemon/poller.ts", 'import { Pool } from "undici";'],
    ["daemon/poller.ts", 'if (state === "requires_materialization") return;'],
    ["store/checks.ts", 'import { Ajv } from "ajv";'],
    ["store/gate.ts", 'import git from "isomorphic-git";'],
    ["domain/ids.ts", 'import { readFileSync } from "node:fs";'],
    ["domain/ids.ts", 'const fs = await import("node:fs/promises");'],
    ["git/native.ts", "const path = process.env.PATH;"],
    ["store/store.ts", "const now = Date.now();"],
    ["galaxy-demo/app.ts", 'import { makeApp } from "../http/app.ts";'],
    ["http/app.ts", 'import { startGalaxyDemo } from "../galaxy-demo/start.ts";'],
    ["domain/index.ts", 'export * from "./ids.ts";'],
    ["helpers/text.ts", "export const text = 1;"],
  ])("a planted fault in %s is found: %s", (path, text) => {
    expect(faults(path, text)).not.toEqual([]);
  });
});
