import { expect, test } from "vitest";
import { startServer } from "../support/server.ts";
import { call } from "../support/http.ts";
import { fsck } from "../support/git.ts";

test("a run is merged over HTTP into a repository that git finds clean", async () => {
  const server = await startServer();
  const body = { done: true, body: { study_set: { "study-1": { title: "A study" } } } };
  const { body: run } = await call(server, "startRun", { params: { job_id: "custom" }, body });
  expect(run.status).toBe("success");
  expect(fsck(server.gitDir)).toEqual([]);
  expect(await server.stop()).toBe(0);
});
