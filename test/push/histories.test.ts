import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { canonicalJson, type Json } from "../../src/domain/json.ts";
import { artifactFolder, documentPath } from "../../src/domain/layout.ts";
import { fsck, git } from "../support/git.ts";
import { call } from "../support/http.ts";
import { Clone, DONE, type PushEnd } from "../support/pushing.ts";
import { startServerForFile, type TestServer } from "../support/server.ts";

let server: TestServer;
let end: () => Promise<void>;

beforeAll(async () => {
  end = await startServerForFile((started) => void (server = started));
});

afterAll(async () => {
  expect(fsck(server.gitDir)).toEqual([]);
  await end();
});

const clone = async (): Promise<Clone> => Clone.of(`${server.url}/git/repo.git`);
const study = (id: string, more: Readonly<Record<string, Json>> = {}): Json => ({ id, title: "A study", ...more });

/** Merges documents as somebody else. */
async function merge(documents: Readonly<Record<string, Json>>): Promise<void> {
  const body = { done: true, body: { study_set: documents } };
  expect((await call(server, "startRun", { params: { job_id: "custom" }, body })).status).toBe(201);
}

/** A document as it is on `main`, byte for byte; null when it is not there. */
function onMain(id: string): string | null {
  try {
    return git(server.gitDir, "show", `main:${documentPath("study_set", id, 1)}`);
  } catch {
    return null;
  }
}

function expectMerged({ verdict, stderr }: PushEnd, checked: number): void {
  expect([verdict?.outcome, verdict?.checked, stderr]).toEqual(["merged", checked, stderr]);
}

/** What the merge of the newest run changed. */
function changedByMerge(): string[] {
  return git(server.gitDir, "diff", "--name-only", "main^1", "main", "--", "metadata").trim().split("\n");
}

describe("the branch of a run", () => {
  test("with merges of its own is one change", async () => {
    const agent = await clone();
    const id = await agent.begin();
    agent.put("study_set", "own-1", study("own-1"));
    await agent.commit();
    await agent.git("switch", "--quiet", "--create", "side", "HEAD~1");
    agent.put("study_set", "own-2", study("own-2"));
    await agent.commit();
    await agent.git("switch", "--quiet", `runs/${id}`);
    await agent.git("merge", "--quiet", "--no-edit", "side");
    await agent.commit(DONE);
    expectMerged(await agent.push(), 2);
    expect([onMain("own-1"), onMain("own-2")].every((text) => text !== null)).toBe(true);
  });

  test("with main merged into it changes only what it changed itself", async () => {
    await merge({ "into-1": { title: "Before" } });
    const agent = await clone();
    await agent.begin();
    agent.put("study_set", "into-2", study("into-2"));
    await agent.commit(DONE);
    await merge({ "into-1": { title: "After" }, "into-3": { title: "New" } });
    await agent.git("fetch", "--quiet");
    await agent.git("merge", "--quiet", "--no-edit", "origin/main");
    expectMerged(await agent.push(), 1);
    expect(changedByMerge()).toEqual([documentPath("study_set", "into-2", 1)]);
    expect(onMain("into-1")).toContain("After");
  });

  test("that main was merged into the other way round, first parent and all, is the same", async () => {
    const agent = await clone();
    const id = await agent.begin();
    agent.put("study_set", "round-1", study("round-1"));
    await agent.commit(DONE);
    await merge({ "round-2": { title: "Meanwhile" } });
    await agent.git("fetch", "--quiet");
    await agent.git("switch", "--quiet", "--detach", "origin/main");
    await agent.git("merge", "--quiet", "--no-edit", `runs/${id}`);
    await agent.git("branch", "--force", `runs/${id}`);
    expectMerged(await agent.push("origin", `runs/${id}`), 1);
    expect(changedByMerge()).toEqual([documentPath("study_set", "round-1", 1)]);
  });

  test("with a document renamed has one less and one more", async () => {
    await merge({ "name-1": { title: "Old" } });
    const agent = await clone();
    await agent.begin();
    const [from, to] = [documentPath("study_set", "name-1", 1), documentPath("study_set", "name-2", 1)];
    agent.write(to, study("name-2"));
    await agent.git("rm", "--quiet", from);
    await agent.commit(DONE);
    expectMerged(await agent.push(), 1);
    expect([onMain("name-1"), onMain("name-2") === null]).toEqual([null, false]);
  });

  test("with a file renamed whose id stays inside is refused for the id", async () => {
    await merge({ "kept-1": { title: "Old" } });
    const agent = await clone();
    await agent.begin();
    const [from, to] = [documentPath("study_set", "kept-1", 1), documentPath("study_set", "kept-2", 1)];
    agent.write(to, "");
    await agent.git("mv", "--force", from, to);
    await agent.commit(DONE);
    expect((await agent.push()).verdict?.violations).toMatchObject([{ code: "id_mismatch", id: "kept-2" }]);
  });

  test("from a very old main is merged by fields into the new one", async () => {
    await merge({ "old-1": { title: "One", description: "Two" } });
    const agent = await clone();
    await agent.begin();
    for (let at = 0; at < 30; at++)
      await merge({ "old-1": { title: `One ${at}` }, [`old-${at + 2}`]: { title: "New" } });
    agent.put("study_set", "old-1", study("old-1", { title: "One", description: "Two more" }));
    await agent.commit(DONE);
    expectMerged(await agent.push(), 1);
    expect(JSON.parse(onMain("old-1") ?? "")).toMatchObject({ title: "One 29", description: "Two more" });
  });

  test("with JSON in a form of its own is merged in the canonical one", async () => {
    const agent = await clone();
    await agent.begin();
    const text = '{"title":"\\u00dcber","id":"form-1",\r\n\t"description":"one  two"}';
    agent.write(documentPath("study_set", "form-1", 1), text);
    await agent.commit(DONE);
    expectMerged(await agent.push(), 1);
    expect(onMain("form-1")).toBe(canonicalJson(JSON.parse(text) as Json));
  });

  test("with numbers that no double repeats keeps the nearest, and says so", async () => {
    const agent = await clone();
    const id = await agent.begin();
    agent.put("study_set", "near-1", study("near-1"));
    agent.write(
      documentPath("biosample_set", "near-2", 1),
      '{"id": "near-2", "associated_studies": ["near-1"], "ph": 7.00000000000000000001}',
    );
    await agent.commit(DONE);
    expectMerged(await agent.push(), 2);
    const { body } = await call(server, "getRun", { params: { run_id: id } });
    expect(body.notices).toMatchObject([{ severity: "info" }]);
  });

  test("rebased before its first push is like any other; afterwards it is refused", async () => {
    const agent = await clone();
    await agent.begin();
    agent.put("study_set", "base-1", study("base-1"));
    await agent.commit({ job: "custom" });
    await merge({ "base-2": { title: "Meanwhile" } });
    await agent.git("fetch", "--quiet");
    await agent.git("rebase", "--quiet", "origin/main");
    expect((await agent.push()).remote).toEqual(["runtree: kept, 0 warnings"]);
    await merge({ "base-3": { title: "Meanwhile" } });
    await agent.git("fetch", "--quiet");
    await agent.git("rebase", "--quiet", "origin/main");
    expect((await agent.push()).stderr).toContain("non-fast-forward");
    const forced = await agent.push("--force", "origin", "HEAD");
    expect([forced.code, forced.remote.join()]).toEqual([
      1,
      expect.stringMatching(/^runtree: refused: forbidden: .*does not go on from .*; add commits instead/),
    ]);
  });

  test("that crossed main several times has several bases, and is merged all the same", async () => {
    const [one, two] = [await clone(), await clone()];
    for (const [agent, id] of [
      [one, "cross-1"],
      [two, "cross-2"],
    ] as const) {
      await agent.begin();
      agent.put("study_set", id, study(id));
      await agent.commit();
    }
    const [left, right] = [await one.git("rev-parse", "HEAD"), await two.git("rev-parse", "HEAD")];
    await one.git("fetch", "--quiet", two.folder, right);
    // Each takes the other's first commit in, and both are pushed: what the second brings crosses what the first brought.
    await one.git("merge", "--quiet", "--no-edit", right);
    await one.commit(DONE);
    expectMerged(await one.push(), 2);
    await two.git("fetch", "--quiet", one.folder, left);
    await two.git("merge", "--quiet", "--no-edit", left);
    two.put("study_set", "cross-3", study("cross-3"));
    await two.commit(DONE);
    expectMerged(await two.push(), 1);
    expect(onMain("cross-3")).not.toBeNull();
  });

  test("on top of a run that is still open brings that run's work with it", async () => {
    const agent = await clone();
    await agent.begin();
    agent.put("study_set", "top-1", study("top-1"));
    await agent.commit({ job: "custom" });
    await agent.push();
    await agent.begin("HEAD");
    agent.put("study_set", "top-2", study("top-2"));
    await agent.commit(DONE);
    expectMerged(await agent.push(), 2);
  });

  test("of which nothing is left is merged as a record", async () => {
    const agent = await clone();
    await agent.begin();
    agent.put("study_set", "gone-1", study("gone-1"));
    await agent.commit();
    await agent.git("rm", "--quiet", documentPath("study_set", "gone-1", 1));
    await agent.commit(DONE);
    expectMerged(await agent.push(), 0);
    expect(changedByMerge()).toEqual([""]);
  });

  test("that has nothing in common with main is refused", async () => {
    const agent = await clone();
    const id = await agent.begin();
    await agent.git("checkout", "--quiet", "--orphan", "other");
    await agent.git("rm", "-r", "--quiet", "--cached", ".");
    agent.put("study_set", "orphan-1", study("orphan-1"));
    agent.write("run.json", DONE);
    await agent.git("add", "run.json", "metadata");
    await agent.git("commit", "--quiet", "--message", "Alone");
    const { code, remote } = await agent.push("origin", `HEAD:refs/heads/runs/${id}`);
    expect([code, remote.join()]).toEqual([1, expect.stringContaining("no commit in common with main")]);
  });

  test("with more artifacts than a run may bring is refused at the door", async () => {
    const agent = await clone();
    const id = await agent.begin();
    for (const name of ["one", "two"]) agent.write(`${artifactFolder(id)}${name}.txt`, "x".repeat(2_600_000));
    await agent.commit(DONE);
    const { code, remote } = await agent.push();
    expect([code, remote.join()]).toEqual([
      1,
      expect.stringMatching(/^too_large .*have 5200000 bytes; a run may bring 5000000/),
    ]);
  });

  test("with artifacts of its own brings them along", async () => {
    const agent = await clone();
    const id = await agent.begin();
    const path = `${artifactFolder(id)}tables/counts.csv`;
    agent.write(path, "a,b\n1,2\n");
    await agent.commit(DONE);
    expectMerged(await agent.push(), 0);
    expect(git(server.gitDir, "show", `main:${path}`)).toBe("a,b\n1,2\n");
  });
});
