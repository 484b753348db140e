import { describe, expect, test } from "vitest";
import type { Json } from "../../src/domain/json.ts";
import { runIdMaker } from "../../src/domain/run-id.ts";
import { pipeGit } from "../git/repositories.ts";
import { merged } from "../support/situations.ts";
import { openTestStore, type TestStore } from "../support/store.ts";

/** Moves a ref as an operator does who knows what he does, with stock git. */
async function move({ store, gitDir }: TestStore, ref: string, to: string): Promise<void> {
  await store.repository.settle();
  pipeGit(gitDir, ["update-ref", ref, to], { env: { RUNTREE_MAINTENANCE: "1" } });
}

/** A commit on `main` whose tree also has a `run.json` with this text. */
function commitWith(gitDir: string, text: string): string {
  const made = (args: readonly string[], input = ""): string => pipeGit(gitDir, args, { input }).toString().trim();
  const blob = made(["hash-object", "-w", "--stdin"], text);
  const tree = made(["mktree"], `${made(["ls-tree", "main"])}\n100644 blob ${blob}\trun.json\n`);
  return made(["commit-tree", tree, "-p", "main", "-m", "by hand"]);
}

const study = (id: string): Json => ({ study_set: { [id]: { title: "A study" } } });

describe("a branch of a run that somebody made by hand", () => {
  test.each([
    ["what an agent would push", '{"job": "custom", "done": true}', "success", []],
    ["an empty object", "{}", "waiting", []],
    ["a list", "[]", "waiting", ["schema"]],
    ["no JSON", "{", "waiting", ["malformed_json"]],
    ["two jobs", '{"job": "a", "job": "b"}', "waiting", ["malformed_json"]],
    ["a job that is not there", '{"job": "none", "done": true}', "rejected", []],
    ["metadata that is none", '{"done": true, "metadata": 5}', "rejected", ["schema"]],
    ["a record without notices", '{"id": "x", "job_id": "custom", "status": "waiting", "warnings": []}', "waiting", []],
  ])(
    "with %s for a record is a pushed run, and keeps nobody from starting or working",
    async (_, text, status, codes) => {
      const opened = await openTestStore();
      await merged(opened.store, study("s-1"));
      const id = runIdMaker()(Date.now());
      // Else git may see another main as it lists it than as it names it.
      await opened.store.repository.settle();
      await move(opened, `refs/heads/runs/${id}`, commitWith(opened.gitDir, text));
      await opened.close();
      const told: string[] = [];
      const again = await openTestStore({ data: opened.data, report: (message) => told.push(message) });
      await again.store.later.ended();
      expect(told).toContainEqual(`took what was pushed to run ${id}: ${status}`);
      const record = again.store.runs.view(id)?.record;
      expect([record?.origin, record?.created_by, record?.status]).toEqual(["push", "local", status]);
      expect(record?.warnings.map(({ code }) => code)).toEqual(codes);
      expect((await merged(again.store, study("s-2"))).record.status).toBe("success");
    },
  );
});

describe("a main that somebody moved back", () => {
  test("has no runs that went with it, here and after a restart", async () => {
    const opened = await openTestStore();
    const { store } = opened;
    const kept = await merged(store, study("s-1"));
    const before = store.main.catchUp();
    const gone = await merged(store, study("s-2"));
    await move(opened, "refs/heads/main", before);
    store.main.catchUp();
    const known = (): (string | null)[] =>
      [kept, gone].map(({ record }) => again.store.runs.view(record.id)?.record.id ?? null);
    let again = opened;
    expect(known()).toEqual([kept.record.id, null]);
    expect(store.runs.size).toBe(1);
    await opened.close();
    again = await openTestStore({ data: opened.data });
    expect(known()).toEqual([kept.record.id, null]);
  });
});
