import { beforeAll, describe, expect, test } from "vitest";
import { git } from "../support/git.ts";
import { type Answer, call } from "../support/http.ts";
import { startServerForFile, type TestServer } from "../support/server.ts";

let server: TestServer;

interface Merge {
  readonly id: string;
  readonly commit: string;
}

/** Merges a body and returns the run's id and merge commit. */
async function merge(body: object): Promise<Merge> {
  const answer = await call(server, "startRun", { params: { job_id: "custom" }, body: { done: true, body } });
  return { id: answer.body.id, commit: answer.body.merge.commit };
}

const patch = (id: string, members: object | null): object => ({ datasets: { [id]: members } });
const named = (id: string): { collection: string; id: string } => ({ collection: "datasets", id });
const read = async (id: string): Promise<Answer> => call(server, "getDocument", { params: named(id) });
const by = ({ id, commit }: Merge): object => ({ commit, run_id: id, author: "local", at: expect.any(String) });

beforeAll(() =>
  startServerForFile(async (started) => {
    server = started;
  }),
);

describe("the history of a document", () => {
  test("lists the merges that changed it, newest first, and not those that changed others", async () => {
    const added = await merge(patch("h-1", { title: "One", tags: ["a", "b"] }));
    await merge(patch("h-2", { title: "Another" }));
    const changed = await merge(patch("h-1", { title: "Two", tags: ["a", "c"] }));
    const deleted = await merge(patch("h-1", null));
    const { body } = await call(server, "documentHistory", { params: named("h-1") });
    const change = (op: string, pointers: string[]): object[] => [{ ...named("h-1"), op, pointers }];
    const all = ["/id", "/tags/0", "/tags/1", "/title"];
    expect(body.items).toEqual([
      { ...by(deleted), changes: change("delete", ["/id", "/tags/0", "/tags/1", "/title"]) },
      { ...by(changed), changes: change("modify", ["/tags/1", "/title"]) },
      { ...by(added), changes: change("add", all) },
    ]);
    const { body: run } = await call(server, "getRun", { params: { run_id: changed.id } });
    expect(body.items[1].at).toBe(run.completed_at);
    const path = git(server.gitDir, "ls-tree", "-r", "--name-only", changed.commit, "metadata/datasets")
      .split("\n")
      .find((line) => line.endsWith("/h-1.json"));
    const log = git(server.gitDir, "log", "--first-parent", "--format=%H", "main", "--", path ?? "");
    expect(log.trim().split("\n")).toEqual(body.items.map(({ commit }: Merge) => commit));
  });

  test("is not found for a document that never was", async () => {
    for (const id of ["never", "no/thing", "a.lock"]) {
      for (const operation of ["documentHistory", "documentBlame"] as const) {
        const { status, body } = await call(server, operation, { params: named(id) });
        expect([status, body.code]).toEqual([404, "document_not_found"]);
      }
    }
  });
});

describe("blame", () => {
  test("names for each leaf the run whose merge changed it, also where two runs merged field by field", async () => {
    const first = await merge(patch("b-1", { title: "One", place: { lat: 1, lon: 2 }, tags: ["x"] }));
    const start = async (): Promise<string> =>
      (await call(server, "startRun", { params: { job_id: "custom" }, body: {} })).body.id;
    const [left, right] = [await start(), await start()];
    const finish = async (id: string, members: object): Promise<Merge> => {
      const body = { done: true, body: patch("b-1", members) };
      const { body: run } = await call(server, "patchRun", { params: { run_id: id }, body });
      return { id, commit: run.merge.commit };
    };
    const lat = await finish(left, { place: { lat: 10 } });
    const rest = await finish(right, { place: { lon: 20 }, tags: null, note: {} });
    const { body } = await call(server, "documentBlame", { params: named("b-1") });
    expect(body.blame).toEqual({
      "/id": by(first),
      "/note": by(rest),
      "/place/lat": by(lat),
      "/place/lon": by(rest),
      "/title": by(first),
    });
  });

  test("is not found for a document that is gone, and begins anew for one that came back", async () => {
    await merge(patch("b-2", { title: "One" }));
    await merge(patch("b-2", null));
    expect((await call(server, "documentBlame", { params: named("b-2") })).status).toBe(404);
    const back = await merge(patch("b-2", { title: "One" }));
    const { body } = await call(server, "documentBlame", { params: named("b-2") });
    expect(body.blame).toEqual({ "/id": by(back), "/title": by(back) });
  });
});

describe("the state", () => {
  test("tells documents and trees of each collection, now and as they were", async () => {
    const before = await call(server, "getState");
    const { commit } = await merge(patch("s-1", { title: "One" }));
    const after = await call(server, "getState");
    expect(after.body).toMatchObject({ commit, at: expect.stringMatching(/^\d{4}-.*Z$/) });
    expect(after.headers.get("runtree-commit")).toBe(commit);
    const { datasets: now } = after.body.collections;
    expect(now.documents).toBe(before.body.collections.datasets.documents + 1);
    expect(now.tree).toBe(git(server.gitDir, "rev-parse", `${commit}:metadata/datasets`).trim());
    const again = await call(server, "getState", { query: { at: before.body.commit } });
    expect(again.body).toEqual(before.body);
  });

  test.each([
    ["-x", 400],
    ["a..b", 400],
    ["v0", 404],
    ["1999-01-01T00:00:00Z", 404],
    [`run:${"0".repeat(26)}`, 404],
  ])("at %s is %d", async (at, status) => {
    expect((await call(server, "getState", { query: { at } })).status).toBe(status);
  });
});

describe("reverting a run", () => {
  const revert = async (id: string, body: object = { done: true }): Promise<Answer> =>
    call(server, "revertRun", { params: { run_id: id }, body });

  test("takes back what it did to documents and leaves what came after; reverting that does it again", async () => {
    await merge(patch("r-1", { title: "One", description: "old" }));
    const run = await merge({ datasets: { "r-1": { title: "Two" }, "r-2": { title: "New" } } });
    await merge(patch("r-1", { description: "new" }));
    const undone = await revert(run.id);
    expect([undone.status, undone.body.job_id, undone.body.status]).toEqual([201, "custom", "success"]);
    expect(undone.body.metadata).toEqual({ reverts: run.id });
    expect((await read("r-1")).body).toEqual({ id: "r-1", title: "One", description: "new" });
    expect((await read("r-2")).status).toBe(404);
    expect((await revert(undone.body.id)).status).toBe(201);
    expect((await read("r-1")).body).toEqual({ id: "r-1", title: "Two", description: "new" });
    expect((await read("r-2")).body).toEqual({ id: "r-2", title: "New" });
  });

  test("of a field that was changed again is a conflict, and the run is kept to be resolved", async () => {
    await merge(patch("r-3", { title: "One" }));
    const run = await merge(patch("r-3", { title: "Two" }));
    await merge(patch("r-3", { title: "Three" }));
    const { status, body } = await revert(run.id);
    expect([status, body.code]).toEqual([409, "merge_conflict"]);
    expect(body.conflicts).toMatchObject([{ pointer: "/title", base: "Two", ours: "Three", theirs: "One" }]);
    expect(body.run.status).toBe("rejected");
    const resolutions = [{ ...named("r-3"), pointer: "/title", take: "theirs" }];
    await call(server, "resolveRun", { params: { run_id: body.run.id }, body: { resolutions } });
    await call(server, "patchRun", { params: { run_id: body.run.id }, body: { done: true } });
    expect((await read("r-3")).body.title).toBe("One");
  });

  test("opens a run without finishing it unless told so, and writes nothing when it is a rehearsal", async () => {
    const run = await merge(patch("r-4", { title: "One" }));
    const open = await revert(run.id, {});
    expect([open.status, open.body.status]).toEqual([201, "waiting"]);
    expect((await read("r-4")).status).toBe(200);
    const rehearsed = await call(server, "revertRun", {
      params: { run_id: run.id },
      query: { dryRun: "true" },
      body: { done: true },
    });
    expect([rehearsed.status, rehearsed.body.status]).toEqual([201, "success"]);
    expect((await read("r-4")).status).toBe(200);
  });

  test("is refused for a run that is open, was closed without a merge, or is none", async () => {
    const { body: open } = await call(server, "startRun", { params: { job_id: "custom" }, body: {} });
    expect((await revert(open.id)).body).toMatchObject({ status: 400, code: "bad_request" });
    await call(server, "cancelRun", { params: { run_id: open.id }, body: {} });
    expect((await revert(open.id)).body).toMatchObject({ status: 409, code: "run_closed" });
    expect((await revert("0".repeat(26))).body).toMatchObject({ status: 404, code: "run_not_found" });
  });
});
