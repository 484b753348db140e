import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { call } from "../support/http.ts";
import { chainEnded, enqueue, jobBegun, jobEnded, readJob, runOf } from "../support/jobs.ts";
import { isAlive, pidIn, soon } from "../support/processes.ts";
import { startServer } from "../support/server.ts";
import { makeTemplates } from "./ground.ts";

/** Begins, notes that, and waits to be told to end. */
const WAITS = `echo "$RUNTREE_RUN_ID" >>starts; trap 'echo told; exit 0' TERM; sleep 600 & echo $! >child.pid; wait`;

const startsIn = (data: string): string[] => readFileSync(join(data, "starts"), "utf8").trim().split("\n");

test("a server that is stopped ends its processes politely, and tries their jobs again after the next start", async () => {
  const first = await startServer({ scripts: { waits: WAITS, goes: "exit 0" } });
  await makeTemplates(first);
  const id = await enqueue(first, "waits");
  const gone = await enqueue(first, "goes");
  const { pid, run_id, log_path } = await jobBegun(first, id);
  await soon(() => isAlive(pidIn(join(first.data, "child.pid")))).toBe(true);
  expect(await first.stop()).toBe(0);
  for (const each of [pid, pidIn(join(first.data, "child.pid"))]) expect(isAlive(each)).toBe(false);
  expect(readFileSync(join(first.data, log_path), "utf8")).toBe("told\n");
  expect(readdirSync(join(first.data, "work"))).toEqual([]);

  // Meanwhile the operator took one command out of the configuration, and changed the other.
  const second = await startServer({ data: first.data, scripts: { waits: 'echo "$RUNTREE_RUN_ID" >>starts' } });
  const [interrupted, again, ...more] = await chainEnded(second, id);
  expect(more).toEqual([]);
  expect(interrupted).toMatchObject({ status: "failed", exit_code: 0, error: { code: "interrupted" }, run_id, pid });
  expect(await runOf(second, interrupted)).toMatchObject({ status: "failed", error: { code: "interrupted" } });
  expect(again).toMatchObject({ status: "completed", attempt: 2, retry_of: id });
  expect(startsIn(first.data)).toEqual([run_id, again.run_id]);
  const unknown = await jobEnded(second, gone);
  expect(unknown).toMatchObject({ status: "failed", pid: null, error: { code: "command_not_allowed" } });
  expect(await runOf(second, unknown)).toMatchObject({ status: "failed", error: { code: "command_not_allowed" } });
  const retried = await call(second, "retryJob", { params: { job_id: gone }, body: {} });
  expect(retried.body.code).toBe("command_not_allowed");
  expect(second.log()).toMatch(/template \S+ names the command \S+, which runtree\.config\.json does not have/);
});

test("what is cut short again and again is given up after three attempts, whatever its template says", async () => {
  let server = await startServer({ scripts: { waits: WAITS } });
  await makeTemplates(server);
  let id = await enqueue(server, "waits");
  for (const attempt of [1, 2, 3]) {
    expect(await jobBegun(server, id)).toMatchObject({ attempt });
    await soon(() => startsIn(server.data)).toHaveLength(attempt);
    expect(await server.stop()).toBe(0);
    server = await startServer({ data: server.data });
    const { items } = (await call(server, "listJobs")).body;
    id = items[0].job_id;
  }
  expect(await readJob(server, id)).toMatchObject({ status: "failed", attempt: 3, error: { code: "interrupted" } });
  expect((await call(server, "getQueue")).body).toMatchObject({ total: 0, running: [] });
  expect(new Set(startsIn(server.data)).size).toBe(3);
});
