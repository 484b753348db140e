import { readdirSync, readFileSync, statSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { call } from "../support/http.ts";
import {
  chainEnded,
  enqueue,
  jobBegun,
  jobEnded,
  readJob,
  runJob,
  runOf,
  type Scripts,
  type SeenJob,
} from "../support/jobs.ts";
import { endWithTest, isAlive, pidIn, soon } from "../support/processes.ts";
import type { TestServer } from "../support/server.ts";
import { serverOfCommands } from "./ground.ts";

const MIB = 1_048_576;

/** Processes that do not end as they should, each with a child whose number it writes into a file of its name. */
const HANGS: Scripts = {
  "hangs-but-listens": {
    argv: ["sh", "-c", "trap 'echo asked to end; exit 0' TERM; sleep 600 & echo $! >hangs-but-listens.pid; wait"],
    timeout_s: 0.4,
  },
  "hangs-and-is-deaf": {
    argv: ["sh", "-c", "trap '' TERM; sleep 600 & echo $! >hangs-and-is-deaf.pid; sleep 600; sleep 600"],
    timeout_s: 0.4,
  },
};

const SCRIPTS: Scripts = {
  ...HANGS,
  "leaves-a-child": "sleep 600 & echo $! >leaves-a-child.pid",
  "leaves-a-daemon": "setsid sleep 600 & echo $! >leaves-a-daemon.pid; sleep 0.1",
  "hangs-with-a-daemon": {
    argv: ["sh", "-c", "setsid sleep 600 >/dev/null 2>&1 & echo $! >hangs-with-a-daemon.pid; exec sleep 600"],
    timeout_s: 0.4,
  },
  daemon: "setsid sleep 600 >/dev/null 2>&1 & echo $! >daemon.pid; exec sleep 600",
  "fails-and-leaves-a-child": "sleep 600 & echo $! >fails-and-leaves-a-child.pid; exit 3",
  floods: "head -c 40000000 /dev/zero | tr '\\0' x; echo done >&2",
  "writes-on": "echo one; mkfifo go-on; cat go-on; echo two",
  hang: "sleep 600 & echo $! >hang.pid; wait",
  slot: "echo + >>marks; sleep 0.15; echo - >>marks",
  "tells-its-parent": "echo $PPID >parent.pid; test ! -e again || exit 0; : >again; echo $$ >first.pid; exec sleep 600",
};

let server: TestServer;
/** The one that hears nothing takes its time: it is begun first. */
let deaf: string;

beforeAll(async () => {
  const end = await serverOfCommands((started) => (server = started), SCRIPTS, ["--concurrency", "3"]);
  deaf = await enqueue(server, "hangs-and-is-deaf");
  return end;
});

const pidOf = (name: string): number => pidIn(join(server.data, `${name}.pid`));
const logOf = (job: SeenJob): string => readFileSync(join(server.data, job.log_path), "utf8");

function expectGone(pid: number): void {
  expect(pid).toBeGreaterThan(1);
  expect(isAlive(pid)).toBe(false);
}

/** How many were at work at once, at most, where each leaves a mark when it begins and one when it ends. */
function mostAtOnce(marks: string): number {
  let [now, most] = [0, 0];
  for (const mark of marks.trim().split("\n")) most = Math.max(most, (now += mark === "+" ? 1 : -1));
  return most;
}

describe("children that a process leaves", () => {
  test.each([
    ["leaves-a-child", "completed"],
    ["fails-and-leaves-a-child", "failed"],
  ])("are ended with it (%s), and its job does not wait for them", async (name, status) => {
    expect(await runJob(server, name)).toMatchObject({ status });
    await soon(() => isAlive(pidOf(name))).toBe(false);
    expectGone(pidOf(name));
  });

  test("in a session of their own hold up no job, and are ended where they keep its output open", async () => {
    endWithTest(join(server.data, "leaves-a-daemon.pid"));
    expect(await runJob(server, "leaves-a-daemon")).toMatchObject({ status: "completed" });
    await soon(() => isAlive(pidOf("leaves-a-daemon"))).toBe(false);
  });

  test("in a session of their own are ended with a process that takes too long", async () => {
    endWithTest(join(server.data, "hangs-with-a-daemon.pid"));
    expect(await runJob(server, "hangs-with-a-daemon")).toMatchObject({ error: { code: "timeout" } });
    expectGone(pidOf("hangs-with-a-daemon"));
  });

  test("in a session of their own are ended with a job that is cancelled, before it has ended", async () => {
    endWithTest(join(server.data, "daemon.pid"));
    const { job_id } = await jobBegun(server, await enqueue(server, "daemon"));
    await soon(() => isAlive(pidOf("daemon"))).toBe(true);
    await call(server, "cancelJob", { params: { job_id }, body: {} });
    expectGone(pidOf("daemon"));
  });
});

describe("a log", () => {
  test("that is flooded is cut, and says so; the process ends as it likes, and the server answers meanwhile", async () => {
    const id = await enqueue(server, "floods");
    await jobBegun(server, id).catch(() => null);
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    const job = await jobEnded(server, id);
    expect(job).toMatchObject({ status: "completed", exit_code: 0 });
    const { size } = statSync(join(server.data, job.log_path));
    expect(size).toBeGreaterThan(16 * MIB);
    expect(size).toBeLessThan(16 * MIB + 200);
    expect(logOf(job).slice(16 * MIB)).toMatch(/^\n\[runtree: .*\]\n$/);
  });

  test("is read while it is written, and followed to its end", async () => {
    const { job_id, run_id } = await jobBegun(server, await enqueue(server, "writes-on"));
    const params = { run_id };
    await expect.poll(async () => (await call(server, "getRunLog", { params })).body).toBe("one\n");
    const followed = call(server, "getRunLog", { params, query: { follow: "true" } });
    await writeFile(join(server.data, "go-on"), "more\n");
    await jobEnded(server, job_id);
    expect((await followed).body).toBe("one\nmore\ntwo\n");
  });
});

test("no more than three work at once where there are three slots, and no slot is idle while jobs wait", async () => {
  const ids = await Promise.all(Array.from({ length: 9 }, async () => enqueue(server, "slot")));
  for (const id of ids) expect(await jobEnded(server, id)).toMatchObject({ status: "completed" });
  const marks = readFileSync(join(server.data, "marks"), "utf8");
  expect(marks.split("\n").filter((mark) => mark === "+")).toHaveLength(9);
  expect(mostAtOnce(marks)).toBeLessThanOrEqual(3);
  expect(mostAtOnce(marks)).toBeGreaterThan(1);
});

test("closing the run of a job ends its process, and the job is cancelled", async () => {
  const { job_id, run_id, pid } = await jobBegun(server, await enqueue(server, "hang"));
  await soon(() => isAlive(pidOf("hang"))).toBe(true);
  await call(server, "cancelRun", { params: { run_id }, body: { reason: "by its run" } });
  const job = await jobEnded(server, job_id);
  expect(job).toMatchObject({ status: "cancelled", error: { code: "cancelled", message: "by its run" } });
  for (const each of [pid, pidOf("hang")]) expectGone(each);
  expect(await chainEnded(server, job_id)).toHaveLength(1);
});

test("a job whose run somebody closed runs until its process has ended, and is then as its run", async () => {
  const { job_id, run_id, pid } = await jobBegun(server, await enqueue(server, "hang"));
  await call(server, "patchRun", { params: { run_id }, body: { status: "failed", error: { message: "seen enough" } } });
  expect(await readJob(server, job_id)).toMatchObject({ status: "running", finished_at: null, error: null });
  process.kill(-pid, "SIGKILL");
  expect(await jobEnded(server, job_id)).toMatchObject({ status: "failed", error: { message: "seen enough" }, pid });
});

describe("a process that takes too long", () => {
  test("is asked to end, with all of its group", async () => {
    const job = await runJob(server, "hangs-but-listens");
    expect(job).toMatchObject({ status: "failed", exit_code: 0, error: { code: "timeout" } });
    expect(await runOf(server, job)).toMatchObject({ status: "failed", error: { code: "timeout" } });
    expect(logOf(job)).toBe("asked to end\n");
    expectGone(pidOf("hangs-but-listens"));
  });

  test("is killed when it does not hear, with all of its group", async () => {
    const { pid } = await readJob(server, deaf);
    const job = await jobEnded(server, deaf);
    expect(job).toMatchObject({ status: "failed", exit_code: null, error: { code: "timeout" } });
    for (const each of [pid ?? job.pid, pidOf("hangs-and-is-deaf")]) expectGone(each);
    expect(Date.parse(job.finished_at) - Date.parse(job.started_at)).toBeGreaterThan(5000);
  });
});

test("jobs whose overseer is killed are tried again, and what it left running is ended first", async () => {
  const id = await enqueue(server, "tells-its-parent");
  await jobBegun(server, id);
  await soon(() => pidOf("first")).toBeGreaterThan(1);
  process.kill(pidOf("parent"), "SIGKILL");
  const [first, second, ...more] = await chainEnded(server, id);
  expectGone(pidOf("first"));
  await soon(() => readdirSync(join(server.data, "work"))).toEqual([]);
  expect(more).toEqual([]);
  expect(first).toMatchObject({ status: "failed", error: { code: "interrupted" } });
  expect(second).toMatchObject({ status: "completed", attempt: 2, retry_of: id });
});
