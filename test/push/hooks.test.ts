import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { judgePush } from "../../src/actions/judge-push.ts";
import { dropOldResults, takeLeftPushes } from "../../src/store/take-push.ts";
import { pipeGit } from "../git/repositories.ts";
import { temporaryFolder } from "../support/folders.ts";
import { fsck, git } from "../support/git.ts";
import { call } from "../support/http.ts";
import { makeKey } from "../support/keys.ts";
import { Clone, DONE, newRunId, runGit } from "../support/pushing.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { merged } from "../support/situations.ts";
import { openTestStore } from "../support/store.ts";

const AT_START = "runtree: will be judged at start";
const study = (id: string): { id: string; title: string } => ({ id, title: "A study" });

/** The run as REST tells it. */
// oxlint-disable-next-line typescript/no-explicit-any -- every member is looked at by some test
async function runOf(server: TestServer, id: string): Promise<any> {
  return (await call(server, "getRun", { params: { run_id: id } })).body;
}

/** A repository whose server was stopped, and a clone of it by path. */
async function unserved(): Promise<{ server: TestServer; clone: Clone }> {
  const server = await startServer();
  await server.stop();
  return { server, clone: await Clone.of(server.gitDir) };
}

/** Begins a run with one study in the working tree. */
async function beginWith(clone: Clone, study_id: string): Promise<string> {
  const id = await clone.begin();
  clone.put("study_set", study_id, study(study_id));
  return id;
}

/** Pushes by path in the name of somebody, as a server of ssh says it. */
function pushAs(name: string): readonly string[] {
  return [`--receive-pack=env REMOTE_USER='${name}' git receive-pack`, "origin", "HEAD"];
}

describe("a push by path", () => {
  test("meets the same gate while the server is up, and sees what came of it at once", async () => {
    const server = await startServer();
    const clone = await Clone.of(server.gitDir);
    const id = await beginWith(clone, "up-1");
    const tip = await clone.commit(DONE);
    const { code, verdict, remote } = await clone.push();
    expect([code, verdict?.outcome, verdict?.tip]).toEqual([0, "merged", tip]);
    expect(pipeGit(server.gitDir, ["rev-parse", "main"]).toString().trim()).toBe(remote.at(-1)?.slice(16));
    expect(await runOf(server, id)).toMatchObject({ origin: "push", created_by: "local", status: "success" });
  });

  test.each([
    ["that was stopped", async (server: TestServer) => server.stop()],
    ["that was killed", async (server: TestServer) => server.kill()],
  ])("is kept while there is no server, one %s, and judged when it starts", async (_, end) => {
    const server = await startServer();
    await end(server);
    const clone = await Clone.of(server.gitDir);
    const merged = await beginWith(clone, "down-1");
    const tip = await clone.commit(DONE);
    expect((await clone.push()).remote).toEqual([AT_START]);
    const refused = await clone.begin();
    clone.put("biosample_set", "down-2", { id: "down-2", associated_studies: ["none"] });
    await clone.commit(DONE);
    await clone.push();
    const kept = await beginWith(clone, "down-3");
    await clone.commit({ job: "custom" });
    await clone.push();
    await clone.commit({ job: "custom", metadata: { more: true } });
    expect((await clone.push()).remote).toEqual([AT_START]);

    const again = await startServer({ data: server.data });
    expect(await runOf(again, merged)).toMatchObject({ status: "success", head: tip, created_by: "local" });
    expect(await runOf(again, refused)).toMatchObject({
      status: "rejected",
      warnings: [{ code: "reference_missing" }],
    });
    expect(await runOf(again, kept)).toMatchObject({ status: "waiting", submissions: 2, metadata: { more: true } });
    await clone.git("fetch", "--quiet", "origin", `refs/runtree/results/${refused}`);
    expect(JSON.parse(await clone.git("show", "FETCH_HEAD:verdict.json"))).toMatchObject({ outcome: "rejected" });
    expect(readdirSync(`${server.gitDir}/runtree/pushed`)).toEqual([]);
    expect(fsck(server.gitDir)).toEqual([]);
  });

  test("belongs to whom ssh says, with a server and without one", async () => {
    const { server, clone } = await unserved();
    const id = await beginWith(clone, "whose-1");
    await clone.commit({});
    expect((await clone.push(...pushAs("ann"))).remote).toEqual([AT_START]);
    await clone.commit();
    const words = `run ${id} was pushed by ann, and only they push to it, not bob; push to a run id of your own`;
    const refused = await clone.push(...pushAs("bob"));
    expect([refused.code, refused.remote]).toEqual([1, [`runtree: refused: ${words}`]]);
    expect((await clone.push(...pushAs("ann"))).code).toBe(0);

    const again = await startServer({ data: server.data });
    expect(await runOf(again, id)).toMatchObject({ created_by: "ann", submissions: 2 });
    await clone.commit();
    expect((await clone.push(...pushAs("bob"))).remote).toEqual([`runtree: refused: forbidden: ${words}`]);
    expect((await clone.push(...pushAs("ann"))).code).toBe(0);
    await again.stop();

    // The record knows it now, and no note is needed.
    await clone.commit();
    expect((await clone.push(...pushAs("bob"))).remote).toEqual([`runtree: refused: ${words}`]);
    expect((await clone.push(...pushAs("ann"))).code).toBe(0);
  });

  test("that only a server could have read is refused by the gate when one starts", async () => {
    const { server, clone } = await unserved();
    const twice = await clone.begin();
    clone.put("study_set", "bad-1", study("bad-1"));
    const [path = ""] = (await clone.git("ls-files", "--others")).split("\n");
    clone.write(path, '{"id": "bad-1", "title": "One", "title": "Two"}');
    await clone.commit(DONE);
    expect((await clone.push()).remote).toEqual([AT_START]);
    const forged = await beginWith(clone, "bad-2");
    await clone.commit({
      id: newRunId(),
      job_id: "custom",
      origin: "rest",
      status: "waiting",
      created_by: "ann",
      created_at: "2026-01-01T00:00:00Z",
      updated_at: "2026-01-01T00:00:00Z",
      base: "0".repeat(40),
      metadata: {},
      submissions: 0,
      validations: 0,
      warning_count: 0,
      warnings: [],
      notices: [],
    });
    await clone.push();

    const again = await startServer({ data: server.data });
    expect(await runOf(again, twice)).toMatchObject({
      status: "rejected",
      warnings: [{ code: "malformed_json", collection: "study_set", id: "bad-1" }],
    });
    expect(await runOf(again, forged)).toMatchObject({ id: forged, origin: "push", created_by: "local" });
    const params = { run_id: forged };
    expect((await call(again, "patchRun", { params, body: { done: true } })).body.code).toBe("pushed_run");
  });
});

test("the verdict of a pushed run is dropped 30 days after it closed, and told of the same tip all the same", async () => {
  let now = Date.now();
  const { gitDir, store } = await openTestStore({ clock: () => now });
  const id = newRunId();
  const push = async (): Promise<string[]> => {
    await store.repository.settle();
    pipeGit(gitDir, ["update-ref", `refs/heads/runs/${id}`, tip]);
    return judgePush(store, [{ run: id, tip }], async (_, work) => work());
  };
  const made = (args: readonly string[], input = ""): string => pipeGit(gitDir, args, { input }).toString().trim();
  const blob = made(["hash-object", "-w", "--stdin"], JSON.stringify(DONE));
  const tree = made(["mktree"], `${made(["ls-tree", "main"])}\n100644 blob ${blob}\trun.json\n`);
  const tip = made(["commit-tree", tree, "-p", "main", "-m", "by an agent"]);
  const told = await push();
  expect(told.at(-1)).toMatch(/^runtree: merged /);
  const kept = (): number => store.repository.refs("refs/runtree/results/").size;
  now += 29 * 24 * 60 * 60 * 1000;
  await dropOldResults(store);
  expect(kept()).toBe(1);
  now += 2 * 24 * 60 * 60 * 1000;
  await dropOldResults(store);
  expect(kept()).toBe(0);
  expect(await push()).toEqual(told);
  expect(store.repository.ref(`refs/heads/runs/${id}`)).toBeNull();
});

describe("the hooks of a repository", () => {
  test("refuse the branch of a run of REST, served or not", async () => {
    const server = await startServer();
    const { body } = await call(server, "startRun", { params: { job_id: "custom" }, body: { body: {} } });
    await server.stop();
    const clone = await Clone.of(server.gitDir);
    await clone.git("switch", "--quiet", `runs/${body.id}`);
    await clone.commit(DONE);
    const { code, remote } = await clone.push();
    expect([code, remote.join()]).toEqual([1, expect.stringContaining("was opened over REST")]);
  });

  test("know a closed run without a server: the same tip may come again, another may not", async () => {
    const server = await startServer();
    const clone = await Clone.of(server.gitDir);
    const id = await beginWith(clone, "closed-1");
    await clone.commit(DONE);
    const told = (await clone.push()).remote;
    await server.stop();
    expect((await clone.push()).remote).toEqual([AT_START]);
    await clone.commit();
    const { code, remote } = await clone.push("--force", "origin", `HEAD:refs/heads/runs/${id}`);
    expect([code, remote.join()]).toEqual([1, expect.stringContaining(`run_closed: run ${id} is closed`)]);
    const again = await startServer({ data: server.data });
    expect(git(server.gitDir, "for-each-ref", "refs/heads/runs")).toBe("");
    await clone.git("reset", "--quiet", "--hard", "HEAD~1");
    expect((await clone.push()).remote).toEqual(told);
    expect((await fetch(`${again.url}/readyz`)).status).toBe(200);
  });

  test("that somebody passed by lose nothing: what comes to a closed run is kept in the attic", async () => {
    const { gitDir, store } = await openTestStore();
    const view = await merged(store, { study_set: { "late-1": { title: "A study" } } });
    await store.repository.settle();
    const { id } = view.record;
    const late = pipeGit(gitDir, ["commit-tree", "main^{tree}", "-p", view.head, "-m", "late"]).toString().trim();
    pipeGit(gitDir, ["update-ref", `refs/heads/runs/${id}`, late]);
    const [line = ""] = await judgePush(store, [{ run: id, tip: late }], async (_, work) => work());
    expect(line).toContain('"outcome":"merged"');
    await store.repository.settle();
    expect(pipeGit(gitDir, ["log", "-1", "--format=%P", "refs/runtree/attic"]).toString()).toContain(late);
    expect(store.repository.ref(`refs/heads/runs/${id}`)).toBeNull();
    expect(store.runs.view(id)?.record.status).toBe("success");
  });

  test("keep a branch that Runtree is about to move, until git sees it moved", async () => {
    const { server, clone } = await unserved();
    const id = await beginWith(clone, "mark-1");
    await clone.commit({});
    await clone.push();
    mkdirSync(`${server.gitDir}/runtree/moving`, { recursive: true });
    writeFileSync(`${server.gitDir}/runtree/moving/${id}`, "");
    await clone.commit();
    const { code, stderr } = await clone.push();
    expect([code, stderr]).toEqual([128, expect.stringContaining(`run ${id} is being closed just now`)]);
    const again = await startServer({ data: server.data });
    expect((await clone.push()).remote.at(-1)).toBe("runtree: kept, 0 warnings");
    expect(await runOf(again, id)).toMatchObject({ submissions: 2 });
  });

  test("note a branch that somebody moves by hand, and it is taken at the next look", async () => {
    const { gitDir, store } = await openTestStore();
    const id = newRunId();
    pipeGit(gitDir, ["branch", `runs/${id}`, "main"]);
    expect(store.pushes.all()).toEqual([{ id, tip: store.repository.ref("refs/heads/main") }]);
    const told: string[] = [];
    await takeLeftPushes(store, (message) => told.push(message));
    expect(told).toEqual([`took what was pushed to run ${id}: waiting`]);
    expect(store.runs.view(id)?.record).toMatchObject({ origin: "push", created_by: "local" });
    expect(store.pushes.all()).toEqual([]);
    expect(() => pipeGit(gitDir, ["branch", "-D", `runs/${id}`])).toThrow(/is deleted by Runtree only/);
  });

  test("are put back and kept up when a server starts", async () => {
    const { server, clone } = await unserved();
    const hooks = `${server.gitDir}/hooks`;
    writeFileSync(`${hooks}/pre-receive`, "#!/bin/sh\nexit 0\n");
    git(server.gitDir, "config", "--unset", "receive.maxInputSize");
    const again = await startServer({ data: server.data });
    expect(git(server.gitDir, "config", "receive.maxInputSize")).toBe("100m\n");
    await beginWith(clone, "main-1");
    await clone.commit();
    const { code, remote } = await clone.push("origin", "HEAD:main");
    expect([code, remote.join()]).toEqual([1, expect.stringContaining("main is moved by Runtree only")]);
    expect(again.log()).not.toContain("could not be answered");
  });
});

describe("keys at the Git door", () => {
  test("are asked for by Basic, and say what one may", async () => {
    const data = temporaryFolder();
    const keys = {
      reader: makeKey(data, "reader", "rita"),
      agent: makeKey(data, "agent", "ann"),
      other: makeKey(data, "agent", "bob"),
      steward: makeKey(data, "steward", "stu"),
    };
    const server = await startServer({ data });
    const at = (key: string): string => `${server.url.replace("://", `://x:${key}@`)}/git/repo.git`;
    const asked = await fetch(`${server.url}/git/repo.git/info/refs?service=git-upload-pack`);
    expect([asked.status, asked.headers.get("www-authenticate")]).toEqual([
      401,
      'Basic realm="runtree", charset="UTF-8"',
    ]);
    expect((await runGit(data, ["ls-remote", `${server.url}/git/repo.git`])).code).toBe(128);
    expect((await runGit(data, ["ls-remote", at("wrong")])).stderr).toContain("Authentication failed");

    const clone = await Clone.of(at(keys.reader));
    const id = await beginWith(clone, "key-1");
    await clone.commit({});
    const reader = await clone.push();
    expect([reader.code, reader.stderr]).toEqual([128, expect.stringContaining("needs a key with the role agent")]);
    expect((await clone.push(at(keys.agent), "HEAD")).code).toBe(0);
    await clone.commit();
    expect((await clone.push(at(keys.other), "HEAD")).remote.join()).toContain("was pushed by ann, and only they push");
    expect((await clone.push(at(keys.agent), "HEAD")).code).toBe(0);
    const headers = { "x-api-key": keys.reader };
    const run = await call(server, "getRun", { params: { run_id: id }, headers });
    expect(run.body).toMatchObject({ created_by: "ann", submissions: 2 });

    const settings = await clone.begin();
    const text = (await clone.git("show", "origin/main:runtree.json")).replace('"shards": 1', '"shards":  1');
    const other = JSON.parse(text) as { collections: Record<string, unknown> };
    clone.write("runtree.json", JSON.stringify({ ...other, collections: { ...other.collections, notes: {} } }));
    await clone.commit(DONE);
    expect((await clone.push(at(keys.agent), "HEAD")).remote.join()).toContain(
      "runtree.json is changed by stewards only",
    );
    const judged = await clone.push(at(keys.steward), "HEAD");
    expect([judged.code, judged.verdict?.run_id]).toEqual([0, settings]);
  });
});
