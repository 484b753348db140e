import { fork } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, utimesSync, writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { temporaryFolder } from "../support/folders.ts";
import { fsck, git } from "../support/git.ts";
import { call } from "../support/http.ts";
import { makeKey } from "../support/keys.ts";
import { soon } from "../support/processes.ts";
import { type CraftedClone, clonedFrom, newRun, type Pushed } from "../support/crafted.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { DONE, study } from "./ground.ts";

const HELPER = fileURLToPath(new URL("../../dist/git/backend-helper.js", import.meta.url));
const ROUNDS = 6;
const WRITERS = ["alice", "bob", "carol"];

const urlOf = ({ url }: TestServer, key = ""): string => `${url.replace("//", `//git:${key}@`)}/git/repo.git`;

/** The runs that `main` has merged, in the order of their commits. */
const mergedIn = (gitDir: string): string[] =>
  git(gitDir, "log", "--first-parent", "--format=%(trailers:key=Run-Id,valueonly,separator=)", "main")
    .split("\n")
    .filter((line) => line !== "");

const openIn = (gitDir: string): string => git(gitDir, "for-each-ref", "refs/heads/runs");
const notesIn = (gitDir: string): string[] => readdirSync(`${gitDir}/runtree/pushed`);

/** What git's own check complains of, but for commits that were refused when their objects were there already. */
const wrongIn = (gitDir: string, refused: readonly string[]): string[] =>
  fsck(gitDir).filter((line) => !refused.includes(line.replace("dangling commit ", "")));

/** Pushes one run after another until somebody ends the server; those that git said went well are noted. */
async function pushOn(clone: CraftedClone, server: TestServer, key: string, acknowledged: string[]): Promise<void> {
  for (let failed = false; !failed;) {
    const run = newRun();
    const tip = clone.commit({ "run.json": DONE, ...study(`s-${run}`) });
    const { code } = await clone.push(urlOf(server, key), [`${tip}:refs/heads/runs/${run}`]);
    failed = code !== 0;
    if (!failed) acknowledged.push(run);
  }
}

test(
  "a server that is killed while people push loses nothing, judges nothing twice, and knows whose each run is",
  { tags: "trial", timeout: 120_000 },
  async () => {
    const data = temporaryFolder();
    const keys = WRITERS.map((name) => makeKey(data, "agent", name));
    const acknowledged: Record<string, string[]> = Object.fromEntries(WRITERS.map((name) => [name, []]));
    let server = await startServer({ data });
    const clone = clonedFrom(urlOf(server, keys[0]));
    for (let round = 0; round < ROUNDS; round++) {
      const first = Object.values(acknowledged).flat().length;
      const pushing = WRITERS.map(async (name, at) => pushOn(clone, server, keys[at] ?? "", acknowledged[name] ?? []));
      await soon(() => Object.values(acknowledged).flat().length).toBeGreaterThan(first);
      await pause(round * 23);
      await server.kill();
      await Promise.all(pushing);
      server = await startServer({ data });
    }
    await soon(() => openIn(server.gitDir)).toBe("");
    const merged = mergedIn(server.gitDir);
    expect(new Set(merged).size).toBe(merged.length);
    for (const [at, name] of WRITERS.entries()) {
      for (const run of acknowledged[name] ?? []) {
        const headers = { "x-api-key": keys[at] ?? "" };
        const { body } = await call(server, "getRun", { params: { run_id: run }, headers });
        expect([run, body.status, body.created_by]).toEqual([run, "success", name]);
        expect(merged).toContain(run);
      }
    }
    expect(fsck(server.gitDir)).toEqual([]);
    expect(await server.stop()).toBe(0);
    await startServer({ data });
    await soon(() => notesIn(`${data}/repo.git`)).toEqual([]);
  },
);

test("the process that runs git ends, and takes its socket along, however early whoever started it ends", async () => {
  for (const wait of [0, 20, 200]) {
    const folder = `${temporaryFolder()}/git`;
    mkdirSync(folder);
    const child = fork(HELPER, [`${folder}/socket`, "git", folder], {
      execArgv: [],
      env: {},
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    await pause(wait);
    child.disconnect();
    expect(await once(child, "exit")).toEqual([0, null]);
    expect(existsSync(folder)).toBe(false);
  }
});

/** Lets a hook of a repository, once it has done its work or before, wait for a file `go`, and say so by a file `here`. */
function holdHook(gitDir: string, hook: string, when: "before" | "after"): { here: string; go: () => void } {
  const folder = temporaryFolder();
  const wait = `: >'${folder}/here'; while ! test -e '${folder}/go'; do sleep 0.02; done`;
  const work = `sh "$PWD/hooks/${hook}.own" || exit`;
  renameSync(`${gitDir}/hooks/${hook}`, `${gitDir}/hooks/${hook}.own`);
  writeFileSync(
    `${gitDir}/hooks/${hook}`,
    ["#!/bin/sh", ...(when === "before" ? [wait, work] : [work, wait]), ""].join("\n"),
  );
  chmodSync(`${gitDir}/hooks/${hook}`, 0o755);
  return { here: `${folder}/here`, go: () => writeFileSync(`${folder}/go`, "") };
}

test.each([
  ["after its pre-receive", "pre-receive", "after"],
  ["before its post-receive", "post-receive", "before"],
] as const)("a push that the server does not survive %s is judged at the next start", async (_, hook, when) => {
  const server = await startServer();
  const clone = clonedFrom(urlOf(server));
  const { here, go } = holdHook(server.gitDir, hook, when);
  const run = newRun();
  const tip = clone.commit({ "run.json": DONE, ...study("s-1") });
  const pushing = clone.push(server.gitDir, [`${tip}:refs/heads/runs/${run}`], "alice");
  await soon(() => existsSync(here)).toBe(true);
  await server.kill();
  go();
  const { code, told } = await pushing;
  expect([code, told]).toEqual([0, expect.stringMatching(/^remote: runtree: will be judged at start/m)]);
  expect(mergedIn(server.gitDir)).not.toContain(run);
  const again = await startServer({ data: server.data });
  await soon(() => mergedIn(again.gitDir).filter((id) => id === run).length).toBe(1);
  const { body } = await call(again, "getRun", { params: { run_id: run } });
  expect([body.status, body.created_by]).toEqual(["success", "alice"]);
  expect([openIn(again.gitDir), fsck(again.gitDir)]).toEqual(["", []]);
});

test("of two pushes that move one run at a time git lets one through, and it is judged once", async () => {
  const server = await startServer();
  const clone = clonedFrom(urlOf(server));
  const refused: string[] = [];
  for (let round = 0; round < 5; round++) {
    const run = newRun();
    const tips = [0, 1].map((at) => clone.commit({ "run.json": DONE, ...study(`s-${run}-${at}`) }));
    const pushes = await Promise.all(
      tips.map(async (tip) => clone.push(urlOf(server), [`${tip}:refs/heads/runs/${run}`])),
    );
    const merged = pushes.filter(({ told }) => /runtree: merged/.test(told));
    expect([merged.length, mergedIn(server.gitDir).filter((id) => id === run).length]).toEqual([1, 1]);
    const other = pushes.find((push) => !merged.includes(push)) as Pushed;
    expect(other.told).toMatch(
      /runtree: (refused: run_closed|refused: busy|run \S+ is success at)|cannot lock ref|failed to update ref/,
    );
    if (other.code !== 0) refused.push(...tips);
    await soon(() => openIn(server.gitDir)).toBe("");
  }
  expect(wrongIn(server.gitDir, refused)).toEqual([]);
});

test("a push that meets a cancel ends in a run that is one or the other, whose branch is gone", async () => {
  const server = await startServer();
  const clone = clonedFrom(urlOf(server));
  const refused: string[] = [];
  for (let round = 0; round < 6; round++) {
    const run = newRun();
    const first = clone.commit({ "run.json": "{}", ...study(`s-${run}`) });
    expect((await clone.push(urlOf(server), [`${first}:refs/heads/runs/${run}`])).code).toBe(0);
    const next = clone.commit({ "run.json": DONE }, first);
    const pushing = clone.push(urlOf(server), [`${next}:refs/heads/runs/${run}`]);
    await pause(round * 12);
    const cancelled = await call(server, "cancelRun", { params: { run_id: run }, body: {} });
    const { code, told } = await pushing;
    const { body } = await call(server, "getRun", { params: { run_id: run } });
    if (body.status === "success") {
      expect([409, 503]).toContain(cancelled.status);
      expect(told).toMatch(/runtree: merged/);
    } else {
      expect([body.status, cancelled.status]).toEqual(["cancelled", 200]);
      expect(code === 0 ? told : "refused").toMatch(/refused|is cancelled at|run \S+ is cancelled/);
    }
    if (code !== 0) refused.push(next);
    await soon(() => openIn(server.gitDir)).toBe("");
  }
  expect(wrongIn(server.gitDir, refused)).toEqual([]);
});

test("what a push put aside that died with the machine goes at the next start, and of one at work it stays", async () => {
  const server = await startServer();
  await server.stop();
  const [old, young] = ["old", "young"].map((name) => `${server.gitDir}/objects/tmp_objdir-incoming-${name}`);
  for (const folder of [old ?? "", young ?? ""]) mkdirSync(`${folder}/pack`, { recursive: true });
  const yesterday = Date.now() / 1000 - 86_400;
  utimesSync(old ?? "", yesterday, yesterday);
  await startServer({ data: server.data });
  expect([existsSync(old ?? ""), existsSync(young ?? "")]).toEqual([false, true]);
});
