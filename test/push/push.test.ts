import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { follow } from "../support/events.ts";
import { fsck, git } from "../support/git.ts";
import { call } from "../support/http.ts";
import { runtree } from "../support/program.ts";
import { Clone, DONE, newRunId, runGit } from "../support/pushing.ts";
import { startServerForFile, type TestServer } from "../support/server.ts";

let server: TestServer;
let url: string;
let end: () => Promise<void>;

beforeAll(async () => {
  end = await startServerForFile((started) => {
    server = started;
    url = `${started.url}/git/repo.git`;
  });
});

afterAll(async () => {
  expect(fsck(server.gitDir)).toEqual([]);
  expect(await server.stop()).toBe(0);
  const { code, out, err } = await runtree(["fsck", "--data", server.data]);
  expect([code, out, err]).toEqual([0, expect.stringContaining("index"), ""]);
  await end();
});

const study = (id: string, title = "A study"): { id: string; title: string } => ({ id, title });

/** The run as REST tells it. */
// oxlint-disable-next-line typescript/no-explicit-any -- every member is looked at by some test
async function runOf(id: string): Promise<any> {
  return (await call(server, "getRun", { params: { run_id: id } })).body;
}

/** What is kept about a pushed run, for whoever has nothing but git. */
async function resultOf(clone: Clone, id: string, file = "verdict.json"): Promise<Record<string, unknown>> {
  await clone.git("fetch", "--quiet", "origin", `refs/runtree/results/${id}`);
  return JSON.parse(await clone.git("show", `FETCH_HEAD:${file}`)) as Record<string, unknown>;
}

describe("a pushed run that says done", () => {
  test("is merged, and the push prints the verdict in the lines of the wire", async () => {
    const clone = await Clone.of(url);
    const id = await clone.begin();
    clone.put("study_set", "p-1", study("p-1"));
    const tip = await clone.commit({ ...DONE, metadata: { by: "hand" }, contract_id: "c-1", pipeline_name: "nightly" });
    const { code, remote, verdict } = await clone.push();
    expect(code).toBe(0);
    expect(remote).toHaveLength(2);
    const main = git(server.gitDir, "rev-parse", "main").trim();
    expect(verdict).toMatchObject({ outcome: "merged", run_id: id, tip, checked: 1, violations: [], main_after: main });
    expect(remote[1]).toBe(`runtree: merged ${main}`);

    const run = await runOf(id);
    expect(run).toMatchObject({
      origin: "push",
      status: "success",
      done: true,
      created_by: "local",
      head: tip,
      metadata: { by: "hand" },
      contract_id: "c-1",
      pipeline_name: "nightly",
      submissions: 1,
    });
    expect(run.merge.verdict).toEqual(verdict);
    expect(await resultOf(clone, id)).toMatchObject({ outcome: "merged", tip });
    expect(git(server.gitDir, "log", "-1", "--format=%(trailers:key=Pushed-by,valueonly)%P", "main").trim()).toBe(
      `local\n${verdict?.main_before} ${tip}`,
    );
    expect(git(server.gitDir, "for-each-ref", `refs/heads/runs/${id}`)).toBe("");
    const commits = await call(server, "runCommits", { params: { run_id: id } });
    expect(commits.body.items).toMatchObject([{ commit: tip, author: "agent", subject: "Work" }]);
    expect((await call(server, "runValidations", { params: { run_id: id } })).body.items).toMatchObject([
      { commit: main, status: "passed" },
    ]);
  });

  test("is told the same verdict when the same tip is pushed again, and its branch goes again", async () => {
    const clone = await Clone.of(url);
    const id = await clone.begin();
    clone.put("study_set", "p-2", study("p-2"));
    await clone.commit(DONE);
    const first = await clone.push();
    const main = git(server.gitDir, "rev-parse", "main");
    const again = await clone.push();
    expect(again.code).toBe(0);
    expect(again.remote).toEqual(first.remote);
    expect(git(server.gitDir, "rev-parse", "main")).toBe(main);
    expect(git(server.gitDir, "for-each-ref", `refs/heads/runs/${id}`)).toBe("");

    await clone.commit();
    const more = await clone.push();
    expect(more.code).toBe(1);
    expect(more.remote.join("\n")).toContain(`run_closed: run ${id} is closed (success)`);
  });

  test("that is refused is kept, and mended by another commit and push", async () => {
    const clone = await Clone.of(url);
    const id = await clone.begin();
    clone.put("biosample_set", "b-1", { id: "b-1", associated_studies: ["nowhere"] });
    const tip = await clone.commit(DONE);
    const { code, remote, verdict } = await clone.push();
    expect(code).toBe(0);
    expect(verdict).toMatchObject({ outcome: "rejected", tip, violation_count: 1 });
    expect(remote.slice(1)).toEqual([
      'reference_missing biosample_set/b-1 /associated_studies/0: "nowhere" is not in study_set.',
      "runtree: rejected, 1 violations, 0 conflicts; mend and push again",
    ]);
    expect(await runOf(id)).toMatchObject({ status: "rejected", head: tip, validations: 1 });
    expect(git(server.gitDir, "rev-parse", `runs/${id}`).trim()).toBe(tip);
    expect(await resultOf(clone, id)).toMatchObject({ outcome: "rejected", tip });

    clone.put("study_set", "nowhere", study("nowhere"));
    const mended = await clone.commit();
    expect((await clone.push()).verdict).toMatchObject({ outcome: "merged", tip: mended });
    expect(await runOf(id)).toMatchObject({ status: "success", submissions: 2 });
    expect((await call(server, "runValidations", { params: { run_id: id } })).body.items).toMatchObject([
      { status: "passed" },
      { status: "failed", violation_count: 1 },
    ]);
  });

  test("that conflicts is mended by `git merge origin/main`", async () => {
    const [one, two] = [await Clone.of(url), await Clone.of(url)];
    await one.begin();
    one.put("study_set", "p-3", study("p-3", "First"));
    await one.commit(DONE);
    await one.push();
    await one.git("fetch", "--quiet");
    await two.git("fetch", "--quiet");
    let first: string | undefined;
    for (const [clone, title] of [
      [one, "Left"],
      [two, "Right"],
    ] as const) {
      first ??= await clone.begin();
      if (clone === two) await clone.begin();
      clone.put("study_set", "p-3", study("p-3", title));
      await clone.commit(DONE);
    }
    expect((await one.push()).verdict?.outcome).toBe("merged");
    const { code, remote, verdict } = await two.push();
    expect(code).toBe(0);
    expect(verdict).toMatchObject({ outcome: "rejected", violation_count: 0 });
    expect(verdict?.conflicts).toMatchObject([
      { pointer: "/title", kind: "modify/modify", ours: "Left", theirs: "Right", theirs_author: "agent" },
    ]);
    expect(remote.slice(1)).toEqual([
      `merge_conflict study_set/p-3 /title: modify/modify: main has "Left" (run ${first}, local), this run "Right"`,
      "runtree: rejected, 0 violations, 1 conflicts; mend and push again",
    ]);
    await two.git("fetch", "--quiet");
    await expect(two.git("merge", "origin/main")).rejects.toThrow("ended with 1");
    two.put("study_set", "p-3", study("p-3", "Both"));
    await two.commit();
    expect((await two.push()).verdict).toMatchObject({ outcome: "merged", checked: 1 });
    const document = await call(server, "getDocument", { params: { collection: "study_set", id: "p-3" } });
    expect(document.body.title).toBe("Both");
  });
});

test("pushes are told to who follows events, like any other run", async () => {
  const client = await follow(server.url);
  const clone = await Clone.of(url);
  const kept = await clone.begin();
  clone.put("study_set", "told-1", study("told-1"));
  await clone.commit({});
  await clone.push();
  await clone.commit(DONE);
  await clone.push();
  const atOnce = await clone.begin("origin/main");
  await clone.commit(DONE);
  await clone.push();
  await client.until(6);
  const told = (id: string): string[] =>
    client.seen.filter(({ data }) => data["run_id"] === id).map(({ type }) => type);
  expect(told(kept)).toEqual(["run.created", "run.success", "merge.merged"]);
  expect(told(atOnce)).toEqual(["run.created", "run.success", "merge.merged"]);
});

describe("a pushed run that is not done", () => {
  test("is kept with its warnings, on and on, until it says done", async () => {
    const clone = await Clone.of(url);
    const id = await clone.begin();
    clone.put("biosample_set", "b-2", { id: "b-2", depth: "deep" });
    await clone.commit({ job: "custom" });
    const kept = await clone.push();
    expect(kept.verdict).toBeNull();
    expect(kept.remote.at(-1)).toBe("runtree: kept, 2 warnings");
    expect(kept.remote.slice(0, -1).every((line) => line.startsWith("schema biosample_set/b-2 /"))).toBe(true);
    expect(await runOf(id)).toMatchObject({ status: "waiting", done: false, merge: null, validations: 1 });

    clone.put("study_set", "p-4", study("p-4"));
    clone.put("biosample_set", "b-2", { id: "b-2", associated_studies: ["p-4"] });
    await clone.commit({});
    expect((await clone.push()).remote).toEqual(["runtree: kept, 0 warnings"]);
    await clone.commit(DONE);
    expect((await clone.push()).verdict?.outcome).toBe("merged");
    expect(await runOf(id)).toMatchObject({ submissions: 3, status: "success" });
  });

  test("without a run.json belongs to custom", async () => {
    const clone = await Clone.of(url);
    const id = await clone.begin();
    clone.put("study_set", "p-5", study("p-5"));
    await clone.commit();
    expect((await clone.push()).remote).toEqual([
      'runtree: There is no run.json; commit {"job": "custom", "done": true} there to have the run merged.',
      "runtree: kept, 0 warnings",
    ]);
    expect(await runOf(id)).toMatchObject({ job_id: "custom", status: "waiting" });
    await clone.commit({ job: "custom", doen: true });
    expect((await clone.push()).remote).toEqual([
      "runtree: run.json has members that are not read: doen. Read are job, done, metadata, contract_id, pipeline_name, pipeline_id.",
      "runtree: kept, 0 warnings",
    ]);
  });
});

describe("one door for each run", () => {
  test("REST reads and cancels a pushed run, and does nothing else to it", async () => {
    const clone = await Clone.of(url);
    const id = await clone.begin();
    clone.put("study_set", "p-6", study("p-6"));
    const tip = await clone.commit({});
    await clone.push();
    const params = { run_id: id };
    const refused = await Promise.all([
      call(server, "patchRun", { params, body: { done: true } }),
      call(server, "patchRun", { params, body: { body: { study_set: { x: {} } } } }),
      call(server, "resolveRun", { params, body: { resolutions: [] } }),
      call(server, "putConfiguration", { params, body: {} }),
    ]);
    for (const { status, body } of refused) expect([status, body.code, body.run.id]).toEqual([409, "pushed_run", id]);
    expect((await call(server, "previewRun", { params })).body).toMatchObject({ mergeable: true });
    expect((await call(server, "runDiff", { params })).body.changes).toMatchObject([{ id: "p-6", op: "add" }]);
    expect(git(server.gitDir, "rev-parse", `runs/${id}`).trim()).toBe(tip);

    const cancelled = await call(server, "cancelRun", { params, body: { reason: "not needed" } });
    expect(cancelled.body).toMatchObject({ status: "cancelled", head: tip, error: { message: "not needed" } });
    expect(git(server.gitDir, "for-each-ref", `refs/heads/runs/${id}`)).toBe("");
    expect(git(server.gitDir, "log", "-1", "--format=%P", "refs/runtree/attic")).toContain(tip);
    const again = await clone.push();
    expect([again.code, again.remote]).toEqual([0, [`runtree: run ${id} is cancelled: not needed`]]);
    await clone.commit();
    expect((await clone.push()).remote.join()).toContain("run_closed");
  });

  test("a run of REST takes no pushes", async () => {
    const started = await call(server, "startRun", { params: { job_id: "custom" }, body: { body: {} } });
    const clone = await Clone.of(url);
    await clone.git("switch", "--quiet", `runs/${started.body.id}`);
    clone.put("study_set", "p-7", study("p-7"));
    await clone.commit(DONE);
    const { code, remote } = await clone.push();
    expect([code, remote]).toEqual([
      1,
      [
        `runtree: refused: run_exists: run ${started.body.id} was opened over REST; submit to it there, or push a run of your own`,
      ],
    ]);
    expect(await runOf(started.body.id)).toMatchObject({ origin: "rest", head: started.body.head });
  });
});

describe("reading with stock git", () => {
  test.each([
    ["whole", []],
    ["shallow", ["--depth=1"]],
    ["without blobs", ["--filter=blob:none"]],
    ["one branch", ["--single-branch", "--branch=main"]],
  ])("a clone that is %s reads what was acknowledged, and pushes", async (_, more) => {
    const id = `read-${more.length}-${newRunId()}`;
    const body = { done: true, body: { study_set: { [id]: { title: "Before" } } } };
    await call(server, "startRun", { params: { job_id: "custom" }, body });
    const clone = await Clone.of(url, more);
    const [path = ""] = (await clone.git("ls-files", `*/${id}.json`)).split("\n");
    expect(JSON.parse(await clone.git("show", `HEAD:${path}`))).toEqual({ id, title: "Before" });
    await clone.begin();
    clone.write(path, study(id, "After"));
    await clone.commit(DONE);
    expect((await clone.push()).verdict?.outcome).toBe("merged");
  });

  test("any fetch sees everything acknowledged before it, while others write", async () => {
    const clone = await Clone.of(url);
    for (let round = 0; round < 5; round++) {
      const opened = Array.from({ length: 10 }, (_, number) =>
        call(server, "startRun", {
          params: { job_id: "custom" },
          body: { done: true, body: { study_set: { [`seen-${round}-${number}`]: { title: "Seen" } } } },
        }),
      );
      const [first] = await Promise.all(opened.slice(0, 1));
      await clone.git("fetch", "--quiet");
      const seen = await clone.git("ls-tree", "-r", "--name-only", "origin/main", "--", "metadata/study_set");
      expect(first?.body.status).toBe("success");
      expect(seen).toContain(`/seen-${round}-0.json`);
      await Promise.all(opened);
    }
  });

  test("old protocols, chunked and compressed bodies are understood", async () => {
    for (const settings of [
      ["-c", "protocol.version=0"],
      ["-c", "protocol.version=1"],
      ["-c", "http.postBuffer=70000"],
    ]) {
      const clone = await Clone.of(url);
      const id = await clone.begin();
      // More than fits into one piece, and more than one object so that a request is compressed.
      for (let number = 0; number < 30; number++)
        clone.put("study_set", `${id}-${number}`, study(`${id}-${number}`, randomBytes(4000).toString("hex")));
      await clone.commit(DONE);
      await clone.git(...settings, "push", "--quiet", "origin", "HEAD");
      await clone.git(...settings, "fetch", "--quiet");
      expect(await clone.git("log", "--format=%s", "-1", "origin/main")).toContain(id);
    }
  });

  test("what is told at first stays small however many runs have closed", async () => {
    const clone = await Clone.of(url);
    for (let count = 0; count < 3; count++) {
      await clone.begin("origin/main");
      await clone.commit(DONE, `Nothing ${count}`);
      await clone.push();
    }
    const told = async (service: string, version: string): Promise<string> => {
      const answer = await fetch(`${url}/info/refs?service=${service}`, { headers: { "git-protocol": version } });
      return answer.text();
    };
    const first = await told("git-receive-pack", "");
    expect(first).not.toContain("refs/runtree/results");
    // What this server says itself is what git says, but for the older commits of main.
    const own = (text: string): string[] => text.split("\n").filter((line) => !line.endsWith(" .have"));
    const { stdout } = await runGit(server.gitDir, ["receive-pack", "--http-backend-info-refs", "."]);
    expect(own(first).slice(1)).toEqual(own(stdout).map((line, at) => (at === 0 ? `0000${line}` : line)));
    expect(await told("git-receive-pack", "")).toBe(first);
    expect(await told("git-upload-pack", "")).not.toContain("refs/runtree/results");
    expect(await told("git-upload-pack", "version=2")).not.toContain("refs/");
  });

  test("a clone that did not fetch for long sends little", async () => {
    const clone = await Clone.of(url);
    for (let count = 0; count < 5; count++) {
      const files = Object.fromEntries(
        Array.from({ length: 50 }, (_, at) => [`bulk-${count}-${at}`, { title: "One of many" }]),
      );
      await call(server, "startRun", {
        params: { job_id: "custom" },
        body: { done: true, body: { study_set: files } },
      });
    }
    await clone.begin();
    clone.put("study_set", "late-1", study("late-1"));
    await clone.commit(DONE);
    const { stderr, verdict } = await clone.push("--progress", "origin", "HEAD");
    expect(verdict?.outcome).toBe("merged");
    expect(Number(/Writing objects: 100% \(\d+\/(\d+)\)/.exec(stderr)?.[1])).toBeLessThan(10);
  });
});
