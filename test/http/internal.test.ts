import { chmodSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { git } from "../support/git.ts";
import { call } from "../support/http.ts";
import { startServer } from "../support/server.ts";

test("what fails here is told by its request id alone, the log has the reason, and the rest is still served", async () => {
  const first = await startServer();
  const params = { collection: "study_set", id: "st-1" };
  for (const title of ["Before", "After"])
    await call(first, "startRun", {
      params: { job_id: "custom" },
      body: { done: true, body: { study_set: { "st-1": { title } } } },
    });
  const oid = git(first.gitDir, "log", "-1", "--format=%H", "--first-parent", "main~1").trim();
  const blob = git(first.gitDir, "ls-tree", "-r", oid, "metadata/study_set/").split(/\s/)[2] ?? "";
  await first.stop();
  const file = `${first.gitDir}/objects/${blob.slice(0, 2)}/${blob.slice(2)}`;
  chmodSync(file, 0o644);
  writeFileSync(file, "nonsense");

  const server = await startServer({ data: first.data });
  const headers = { "x-request-id": "look-for-me" };
  const { status, body: problem } = await call(server, "getDocument", { params, query: { at: oid }, headers });
  expect([status, problem.code]).toEqual([500, "internal"]);
  expect(problem.detail).toContain("look-for-me");
  expect(JSON.stringify(problem)).not.toMatch(/[0-9a-f]{40}|objects|repo\.git/);
  expect((await call(server, "getDocument", { params })).body.title).toBe("After");
  await server.stop();
  const line = server
    .log()
    .split("\n")
    .find((each) => each.includes("look-for-me"));
  expect(JSON.parse(line ?? "{}")).toMatchObject({ status: 500, err: { code: "corrupt_object" } });
});
