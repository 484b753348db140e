import { existsSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../support/folders.ts";
import { call } from "../support/http.ts";
import { startServer, startServerForFile, type TestServer } from "../support/server.ts";

let server: TestServer;
beforeAll(() => startServerForFile((started) => void (server = started), ["--memory"]));

const study = (title: string): object => ({ study_set: { s1: { title } } });

async function start(body: object): Promise<string> {
  return (await call(server, "startRun", { params: { job_id: "custom" }, body })).body.id;
}

const patch = (id: string, body: object): ReturnType<typeof call> =>
  call(server, "patchRun", { params: { run_id: id }, body });

describe("a server wholly in memory", () => {
  test("serves the life of runs: submissions, a merge, a conflict, lists and documents as they were", async () => {
    expect((await patch(await start({ body: study("base") }), { done: true })).body).toMatchObject({
      status: "success",
    });
    const theirs = await start({ body: study("theirs") });
    expect((await patch(theirs, { body: { study_set: { s2: { title: "more" } } } })).body.submissions).toBe(2);
    const ours = await start({ done: true, body: study("ours") });
    const refused = await patch(theirs, { done: true });
    expect([refused.status, refused.body.code]).toEqual([409, "merge_conflict"]);
    const { body: rejected } = await call(server, "listRuns", { query: { status: "rejected" } });
    expect(rejected).toMatchObject({ total: 1, items: [{ id: theirs }] });
    const read = { params: { collection: "study_set", id: "s1" } };
    expect((await call(server, "getDocument", read)).body.title).toBe("ours");
    expect((await call(server, "getDocument", { ...read, query: { at: `run:${theirs}` } })).body.title).toBe("theirs");
    expect((await call(server, "getRun", { params: { run_id: ours } })).body.status).toBe("success");
  });

  test("takes many writers at once", async () => {
    const runs = await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        start({ done: true, body: { study_set: { [`many-${index}`]: { title: "Many" } } } }),
      ),
    );
    const statuses = runs.map(async (id) => (await call(server, "getRun", { params: { run_id: id } })).body.status);
    expect(new Set(await Promise.all(statuses))).toEqual(new Set(["success"]));
  });

  test("says that it is", async () => {
    expect((await call(server, "getReadiness")).body).toMatchObject({ status: "ready", memory: true });
    expect((await call(server, "getVersion")).body).toMatchObject({ git: null, memory: true });
  });

  test("needs no git, ends when told to, and leaves nothing on disk", async () => {
    const data = `${temporaryFolder()}/data`;
    const own = await startServer({ data, path: temporaryFolder(), flags: ["--memory"] });
    const body = { done: true, body: study("One") };
    expect((await call(own, "startRun", { params: { job_id: "custom" }, body })).status).toBe(201);
    expect(await own.stop()).toBe(0);
    expect(existsSync(data)).toBe(false);
  });
});

test("a server on disk says that it is not in memory", async () => {
  const own = await startServer();
  expect((await call(own, "getReadiness")).body).toMatchObject({ memory: false });
  expect((await call(own, "getVersion")).body).toMatchObject({ git: expect.stringContaining("git version") });
});
