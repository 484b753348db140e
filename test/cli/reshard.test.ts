import { cpSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { expect, test, vi } from "vitest";
import type { Json } from "../../src/domain/json.ts";
import { documentPath } from "../../src/domain/layout.ts";
import { temporaryFolder } from "../support/folders.ts";
import { fsck, git } from "../support/git.ts";
import { call } from "../support/http.ts";
import { type Ended, startProgram } from "../support/program.ts";
import { startServer } from "../support/server.ts";

vi.setConfig({ testTimeout: 120_000 });

async function runtree(...args: string[]): Promise<Ended> {
  return startProgram(args).ended;
}

/** A repository with so many studies. */
async function repositoryWith(count: number): Promise<string> {
  const data = `${temporaryFolder()}/data`;
  expect((await runtree("init", "--data", data)).code).toBe(0);
  const studies = Array.from({ length: count }, (_, at): Json => ({ id: `st-${at}`, title: `Study ${at}` }));
  const body = `${temporaryFolder()}/body.json`;
  writeFileSync(body, JSON.stringify({ study_set: studies }));
  expect((await runtree("run", "start", "--done", "--body", body, "--data", data)).code).toBe(0);
  return data;
}

function mainOf(data: string): string {
  return git(`${data}/repo.git`, "rev-parse", "main").trim();
}

function documentsOf(data: string): string[] {
  const listed = git(`${data}/repo.git`, "ls-tree", "-r", "--name-only", "main", "metadata/");
  return listed.split("\n").filter((line) => line !== "");
}

test("runtree reshard moves all documents in one commit, and a server goes on with them", async () => {
  const data = await repositoryWith(5);
  const before = mainOf(data);
  const done = await runtree("reshard", "study_set", "2", "--data", data);
  expect(done).toMatchObject({ code: 0, err: "" });
  expect(done.out).toBe(
    `study_set has 2 levels of folders now, it had 1: 5 documents moved, main at ${mainOf(data)}.\n`,
  );
  expect(documentsOf(data).sort()).toEqual(
    Array.from({ length: 5 }, (_, at) => documentPath("study_set", `st-${at}`, 2)).sort(),
  );
  const log = git(`${data}/repo.git`, "log", "--first-parent", "--format=%H %an", `${before}..main`);
  expect(log).toBe(`${mainOf(data)} local\n`);
  expect(fsck(`${data}/repo.git`)).toEqual([]);
  expect(await runtree("fsck", "--data", data)).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^clean: 5 documents, 3 commits of main/),
  });

  const server = await startServer({ data });
  const collections = await call(server, "listCollections");
  expect(collections.body.items).toContainEqual(
    expect.objectContaining({ name: "study_set", shards: 2, documents: 5 }),
  );
  const of = { params: { collection: "study_set", id: "st-1" } };
  for (const at of [before, mainOf(data)])
    expect((await call(server, "getDocument", { ...of, query: { at } })).body).toMatchObject({ title: "Study 1" });
  expect((await call(server, "documentHistory", of)).body.items).toHaveLength(1);
  const blame = (await call(server, "documentBlame", of)).body.blame as Record<string, { commit: string }>;
  expect(new Set(Object.values(blame).map(({ commit }) => commit))).toEqual(new Set([before]));
  const state = await call(server, "getState", { query: { at: mainOf(data) } });
  expect(state.body).toMatchObject({ commit: mainOf(data), collections: { study_set: { documents: 5 } } });
  const body = { done: true, body: { study_set: { "st-1": { title: "Better" } } } };
  expect((await call(server, "startRun", { params: { job_id: "custom" }, body })).body.status).toBe("success");

  const refused = await runtree("reshard", "study_set", "1", "--data", data);
  expect([refused.code, refused.out]).toEqual([4, ""]);
  expect(refused.err).toContain(`in use by process ${server.process.pid}`);
  expect(refused.err).toContain("stop that server first");
  expect(await server.stop()).toBe(0);
});

test("it says when there is nothing to do, and refuses what is none of its business", async () => {
  const data = await repositoryWith(2);
  const main = mainOf(data);
  const same = await runtree("reshard", "study_set", "1", "--data", data, "--json");
  expect([same.code, same.err, JSON.parse(same.out)]).toEqual([
    0,
    "",
    { collection: "study_set", from: 1, to: 1, documents: 2, commit: null },
  ]);
  const words = await runtree("reshard", "study_set", "1", "--data", data);
  expect(words).toMatchObject({ code: 0, out: "study_set has 1 level of folders already; nothing was changed.\n" });

  for (const [args, code] of [
    [["none", "2"], 6],
    [["constructor", "2"], 6],
    [["study_set", "3"], 2],
    [["study_set", "-1"], 2],
    [["study_set", "1.0"], 2],
    [["study_set", "two"], 2],
    [["study_set", ""], 2],
    [["study_set"], 2],
    [[], 2],
  ] as const) {
    const ended = await runtree("reshard", ...args, "--data", data);
    expect([args, ended.code, ended.out]).toEqual([args, code, ""]);
    expect(ended.err).toMatch(/^runtree: /);
  }
  expect((await runtree("reshard", "study_set", "2", "--data", temporaryFolder())).code).toBe(6);
  expect(mainOf(data)).toBe(main);
});

test("killed whenever it will, it leaves the old folders or the new ones", { tags: "trial" }, async () => {
  const made = await repositoryWith(2_000);
  const before = mainOf(made);
  const whole = await runtree("reshard", "study_set", "2", "--data", cp(made));
  const lines = whole.err.trim().split("\n");
  expect([whole.code, lines.length]).toEqual([0, 4]);
  for (const line of lines) {
    const data = cp(made);
    const { process: child, ended } = startProgram(["reshard", "study_set", "2", "--data", data]);
    const told = new Promise<void>((resolve) => {
      if (child.stderr !== null)
        createInterface({ input: child.stderr }).on("line", (text) => text === line && resolve());
    });
    await told;
    child.kill("SIGKILL");
    expect((await ended).code).toBeNull();
    const again = await runtree("reshard", "study_set", "2", "--data", data, "--json");
    expect(again.code).toBe(0);
    const wasDone = (JSON.parse(again.out) as { commit: string | null }).commit === null;
    expect(git(`${data}/repo.git`, "rev-list", "--count", `${before}..main`).trim()).toBe("1");
    if (line === lines[0]) expect(wasDone).toBe(false);
    expect(await runtree("fsck", "--data", data)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^clean: 2000 documents, 3 commits of main/),
    });
  }
});

/** A copy of a data directory. */
function cp(data: string): string {
  const copy = `${temporaryFolder()}/data`;
  cpSync(data, copy, { recursive: true });
  return copy;
}
