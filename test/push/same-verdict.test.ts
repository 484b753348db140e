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
import { oneIn, SEED } from "../support/sample.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { CONFIGURATION, SCHEMAS } from "../support/situations.ts";
import { templateFolder } from "../support/store.ts";
import { type Documents, named, SITUATIONS, type Situation } from "./situations.ts";

/** A way to play a situation: begins its run, and returns what says done when others have merged. */
type Door = (situation: Situation) => Promise<() => Promise<Verdict>>;

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
  return async ({ change }) => {
    const started = await call(server, "startRun", { params: { job_id: "custom" } });
    return async () => {
      const params = { run_id: started.body.id as string };
      const { body } = await call(server, "patchRun", { params, body: { done: true, body: change } });
      return (body.merge ?? body.run.merge).verdict as Verdict;
    };
  };
}

function throughPush(clone: Clone): Door {
  return async ({ change }) => {
    await clone.git("fetch", "--quiet");
    const branch = `runs/${await clone.begin()}`;
    return async () => {
      await clone.git("switch", "--quiet", branch);
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
  };
}

/** Says `run` something with `--json`; a run that is rejected is told with the error. */
async function runCommand(data: string, ...args: readonly string[]): Promise<JsonObject> {
  const { code, out, err } = await runtree(["run", ...args, "--json", "--data", data]);
  if (code === 0) return JSON.parse(out) as JsonObject;
  return (JSON.parse(err) as { error: { run: JsonObject } }).error.run;
}

function throughCli(data: string): Door {
  const file = join(temporaryFolder(), "body.json");
  return async ({ change, meanwhile }) => {
    const begun = meanwhile === undefined ? null : await runCommand(data, "start");
    return async () => {
      writeFileSync(file, JSON.stringify(change));
      const words = begun === null ? ["start", "--done"] : ["done", String(begun["id"])];
      const judged = await runCommand(data, ...words, "--body", file);
      return (judged as unknown as { merge: { verdict: Verdict } }).merge.verdict;
    };
  };
}

/** What several situations bring, in one. */
function together(parts: readonly (Documents | undefined)[]): Documents {
  const all: Record<string, Documents[string]> = {};
  for (const part of parts)
    for (const [collection, documents] of Object.entries(part ?? {}))
      all[collection] = { ...all[collection], ...documents };
  return all;
}

/** Plays situations beside each other through a door, where `merge` is what others merge. */
async function play(
  door: string,
  through: Door,
  merge: (documents: Documents) => Promise<void>,
  situations: readonly Situation[] = SITUATIONS,
): Promise<readonly (readonly [name: string, judged: unknown])[]> {
  const own = situations.map((situation, at) => named(situation, `${door}${at}`));
  await merge(together(own.map(({ before }) => before)));
  const begun: (() => Promise<Verdict>)[] = [];
  for (const situation of own) begun.push(await through(situation));
  await merge(together(own.map(({ meanwhile }) => meanwhile)));
  const judged: [string, unknown][] = [];
  for (const [at, { name }] of situations.entries()) {
    const verdict = await begun[at]?.();
    if (verdict !== undefined) judged.push([name, judgement(verdict, `${door}${at}`)]);
  }
  return judged;
}

test(
  `REST, a push and the command line on the repository come to the same verdict (RUNTREE_TEST_SEED=${SEED})`,
  { timeout: 300_000 },
  async () => {
    const template = templateFolder(CONFIGURATION, SCHEMAS);
    const server = await startServer({ template });
    const clone = await Clone.of(`${server.url}/git/repo.git`);
    const merge = async (documents: Documents): Promise<void> => {
      const request = { params: { job_id: "custom" }, body: { done: true, body: documents } };
      expect((await call(server, "startRun", request)).status).toBe(201);
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
    const mergeHere = async (documents: Documents): Promise<void> => {
      writeFileSync(file, JSON.stringify(documents));
      expect((await runtree(["run", "start", "--done", "--body", file, "--data", server.data])).code).toBe(0);
    };
    // Each command is a process.
    const some = oneIn(2, SITUATIONS);
    const names = new Set(some.map(({ name }) => name));
    expect(await play("cli", throughCli(server.data), mergeHere, some)).toEqual(
      rest.filter(([name]) => names.has(name)),
    );
    expect(git(server.gitDir, "fsck", "--strict")).toBe("");
  },
);
