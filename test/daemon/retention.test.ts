import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cancelJob } from "../../src/actions/cancel-job.ts";
import { createJob } from "../../src/actions/create-job.ts";
import { startRun } from "../../src/actions/start-run.ts";
import { KeptForAWhile } from "../../src/daemon/retention.ts";
import { git } from "../support/git.ts";
import { openTestStore, TESTER } from "../support/store.ts";

const DAY = 24 * 60 * 60 * 1000;

test("jobs that ended leave the tree when their time is over, and git log still tells them; logs go as well", async () => {
  let now = Date.parse("2026-03-01T12:30:00Z");
  const { store, gitDir, data } = await openTestStore({ clock: () => now });
  const make = async (id: string): Promise<void> => void (await createJob(store, TESTER, { job_id: id }));
  for (const id of ["waits", "cancelled", "went-on"]) await make(id);
  await cancelJob(store, TESTER, "cancelled", undefined);
  await cancelJob(store, TESTER, "went-on", undefined);
  now += 1000;
  await startRun(store, TESTER, { job_id: "went-on", done: true, notices: [] });
  for (const hour of ["2026/03-01/12", "2026/03-02/12"]) {
    mkdirSync(join(data, "logs", hour), { recursive: true });
    writeFileSync(join(data, "logs", hour, "some.log"), "said");
  }
  const ended: (() => void)[] = [];
  const kept = new KeptForAWhile({
    store,
    retention: { jobs_days: 2, logs_days: 1 },
    folder: data,
    repeat: () => () => ended.push(() => undefined),
    report: () => undefined,
  });
  await kept.look();
  expect(store.jobs.size).toBe(3);
  now += DAY + 60 * 60 * 1000;
  await kept.look();
  expect(existsSync(join(data, "logs/2026/03-01/12"))).toBe(false);
  expect(existsSync(join(data, "logs/2026/03-02/12/some.log"))).toBe(true);
  expect(store.jobs.size).toBe(3);
  now += DAY;
  await kept.look();
  await kept.close();
  expect(ended).toHaveLength(1);
  expect(["waits", "cancelled", "went-on"].map((id) => store.jobs.row(id) !== null)).toEqual([true, false, true]);
  await store.repository.settle();
  const path = "jobs/2026/03-01/12/cancelled.json";
  expect(git(gitDir, "ls-tree", "-r", "--name-only", "refs/runtree/ops")).not.toContain(path);
  const life = git(gitDir, "log", "--format=%s", "refs/runtree/ops", "--", path).trim().split("\n");
  expect(life.map((words) => words.split(" ")[0])).toEqual(["Retire", "Cancel", "Create"]);
});
