import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { JsonObject } from "../../src/domain/json.ts";
import type { Verdict } from "../../src/domain/verdict.ts";
import { temporaryFolder } from "../support/folders.ts";
import { git } from "../support/git.ts";
import { call } from "../support/http.ts";
import { runtree } from "../support/program.ts";
import { Clone, DONE } from "../support/pushing.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { CONFIGURATION, SCHEMAS } from "../support/situations.ts";
import { templateFolder } from "../support/store.ts";
import { type Documents, named, SITUATIONS, type Situation } from "./situations.ts";

/** A way to play a situation: begins a run, lets others merge, and then says done. */
type Door = (situation: Situation, meanwhile: () => Promise<void>) => Promise<Verdict>;

/** What a verdict says of a change, without what tells one run, and one door, from another: a commit of git is by whom git says. */
function judgement(verdict: Verdict, door: string): unknown {
  const { outcome, checked, violations, violation_count, conflicts } = verdict;
  const sides = conflicts.map((conflict) => {
    const {
      ours_commit: _,
      theirs_commit: __,
      ours_run: ___,
      theirs_run: ____,
      theirs_author: _____,
      ...same
    } = conflict;
    return same;
  });
  const text = JSON.stringify({ outcome, checked, violations, violation_count, conflicts: sides });
  return JSON.parse(text.replaceAll(door, "@").replaceAll(door.toUpperCase(), "@")) as unknown;
}

function throughRest(server: TestServer): Door {
  return async ({ change }, meanwhile) => {
    const started = await call(server, "startRun", { params: { job_id: "custom" } });
    await meanwhile();
    const params = { run_id: started.body.id as string };
    const { body } = await call(server, "patchRun", { params, body: { done: true, body: change } });
    return (body.merge ?? body.run.merge).verdict as Verdict;
  };
}

function throughPush(clone: Clone): Door {
  return async ({ change }, meanwhile) => {
    await clone.git("fetch", "--quiet");
    await clone.begin();
    await meanwhile();
    for (const [collection, documents] of Object.entries(change)) {
      for (const [id, document] of Object.entries(documents)) {
        if (document === null) await clone.git("rm", "--quiet", `:(glob)metadata/**/${id}.json`);
        else clone.put(collection, id, document);
      }
    }
    await clone.commit(DONE);
    const { verdict, stderr } = await clone.push();
    if (verdict === null) throw new Error(stderr);
    return verdict;
  };
}

function throughCli(data: string): Door {
  const file = join(temporaryFolder(), "body.json");
  const run = async (...args: readonly string[]): Promise<JsonObject | null> => {
    const { code, out } = await runtree(["run", ...args, "--json", "--data", data]);
    return code === 0 ? (JSON.parse(out) as JsonObject) : null;
  };
  return async ({ change }, meanwhile) => {
    const id = String((await run("start"))?.["id"]);
    await meanwhile();
    writeFileSync(file, JSON.stringify(change));
    const judged = (await run("done", id, "--body", file)) ?? (await run("show", id));
    return (judged as unknown as { merge: { verdict: Verdict } }).merge.verdict;
  };
}

test("REST, a push and the command line on the repository come to the same verdict", { timeout: 300_000 }, async () => {
  const template = templateFolder(CONFIGURATION, SCHEMAS);
  const server = await startServer({ template });
  const clone = await Clone.of(`${server.url}/git/repo.git`);
  const merge = async (documents: Documents | undefined): Promise<void> => {
    if (documents === undefined) return;
    const request = { params: { job_id: "custom" }, body: { done: true, body: documents } };
    expect((await call(server, "startRun", request)).status).toBe(201);
  };
  const play = async (door: string, through: Door, merged: typeof merge): Promise<unknown[]> => {
    const judged: unknown[] = [];
    for (const [at, situation] of SITUATIONS.entries()) {
      const own = named(situation, `${door}${at}`);
      await merged(own.before);
      judged.push([situation.name, judgement(await through(own, async () => merged(own.meanwhile)), `${door}${at}`)]);
    }
    return judged;
  };
  const rest = await play("rest", throughRest(server), merge);
  const expected = SITUATIONS.map(({ name, codes = [], conflicts = [] }) => [
    name,
    {
      outcome: codes.length + conflicts.length === 0 ? "merged" : "rejected",
      violations: codes.map((code) => ({ code })),
      conflicts: conflicts.map((pointer) => ({ pointer })),
    },
  ]);
  expect(rest).toMatchObject(expected);
  expect(await play("push", throughPush(clone), merge)).toEqual(rest);
  expect(await server.stop()).toBe(0);

  const file = join(temporaryFolder(), "others.json");
  const mergeHere = async (documents: Documents | undefined): Promise<void> => {
    if (documents === undefined) return;
    writeFileSync(file, JSON.stringify(documents));
    expect((await runtree(["run", "start", "--done", "--body", file, "--data", server.data])).code).toBe(0);
  };
  expect(await play("cli", throughCli(server.data), mergeHere)).toEqual(rest);
  expect(git(server.gitDir, "fsck", "--strict")).toBe("");
});
