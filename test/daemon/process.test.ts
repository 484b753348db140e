import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { fsck, git } from "../support/git.ts";
import { mergedRun, STUDY } from "../support/good-requests.ts";
import { call } from "../support/http.ts";
import { chainEnded, enqueue, makeTemplate, nodeProgram, runJob, runOf, type Scripts } from "../support/jobs.ts";
import type { TestServer } from "../support/server.ts";
import { serverOfCommands, submits } from "./ground.ts";

/** A program as an operator has it: it reads the record with git, and submits what it makes of it. */
const COUNTS = `
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
const git = (...args) => execFileSync("git", ["--git-dir", "repo.git", ...args], { encoding: "utf8" });
const { study } = JSON.parse(readFileSync(process.env.RUNTREE_PARAMS_FILE, "utf8"));
const paths = git("ls-tree", "-r", "--name-only", "main", "metadata/study_set/").split("\\n").filter(Boolean);
const titles = paths.map((path) => JSON.parse(git("show", "main:" + path)).title);
console.log("read " + titles.length + " studies");
const body = { study_set: { [study]: { title: "All of: " + titles.join(), description: process.env.RUNTREE_RUN_ID } } };
writeFileSync(process.env.RUNTREE_OUTPUT, JSON.stringify(body));
`;

/** The variables that name files and folders. */
const PATHS = ["RUNTREE_OUTPUT", "RUNTREE_PARAMS_FILE", "RUNTREE_ARTIFACTS"] as const;

/** Notes its environment, and what it finds there, in a file that it is told of. */
const SURROUNDINGS = `
import { readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
const { env } = process;
const seen = (path) => (statSync(path).mode & 0o777).toString(8);
const found = {
  env,
  cwd: process.cwd(),
  input: readFileSync(0, "utf8"),
  params: readFileSync(env.RUNTREE_PARAMS_FILE, "utf8"),
  modes: [env.RUNTREE_PARAMS_FILE, dirname(env.RUNTREE_OUTPUT), env.RUNTREE_ARTIFACTS].map(seen),
  files: readdirSync(dirname(env.RUNTREE_OUTPUT)),
};
writeFileSync(env.FOUND, JSON.stringify(found));
`;

const commands = (data: string): Scripts => ({
  counts: nodeProgram(data, "counts", COUNTS),
  surroundings: nodeProgram(data, "surroundings", SURROUNDINGS, { env: { FOUND: "found.json" } }),
  fails: 'echo "oops $RUNTREE_RUN_ID" >&2; exit 3',
  "fails-twice": 'echo x >>tries; test "$(wc -l <tries)" -ge 3',
  "is-killed": "kill -9 $$",
  skips: `${submits({ study_set: { skipped: { title: "S" } } })} exit 75`,
  "no-program": { argv: ["/nonexistent/program"] },
  "no-folder": { argv: ["true"], cwd: "/nonexistent" },
  "no-permission": { argv: ["/etc/passwd"] },
});

let server: TestServer;

beforeAll(async () => serverOfCommands((started) => (server = started), commands, ["--concurrency", "3"]));

/** What the last process found around itself. */
// oxlint-disable-next-line typescript/no-explicit-any
const found = (): any => JSON.parse(readFileSync(join(server.data, "found.json"), "utf8"));

describe("a program that reads the record and submits", () => {
  test("is merged as a run of its job, in the name of whoever enqueued it", async () => {
    await mergedRun(server, "Soil");
    const job = await runJob(server, "counts", { params: { study: "counted" } });
    expect(job).toMatchObject({ status: "completed", exit_code: 0, error: null, attempt: 1, retry_of: null });
    expect(job.pid).toBeGreaterThan(1);
    const run = await runOf(server, job);
    expect(run).toMatchObject({ status: "success", origin: "executor", executor: "process", exit_code: 0 });
    expect(run).toMatchObject({ job_id: job.job_id, params: { study: "counted" }, submissions: 1, pid: job.pid });
    const { body } = await call(server, "getDocument", { params: { collection: "study_set", id: "counted" } });
    expect(body).toEqual({ id: "counted", title: "All of: Soil", description: job.run_id });
    const { body: log } = await call(server, "getRunLog", { params: { run_id: job.run_id } });
    expect(log).toBe("read 1 studies\n");
    const [merge, tip] = git(server.gitDir, "log", "--first-parent", "-1", "--format=%H %P", "main")
      .trim()
      .split(/ \S+ /);
    expect([merge, tip]).toEqual([run.merge.commit, run.head]);
    const trailers = git(server.gitDir, "log", "-1", "--format=%an %(trailers:key=Job-Id,valueonly)", String(tip));
    expect(trailers.trim()).toBe(`local ${job.job_id}`);
    expect(git(server.gitDir, "branch", "--list", "runs/*").trim()).toBe("");
    expect(fsck(server.gitDir)).toEqual([]);
  });

  test("works side by side with others of its kind", async () => {
    const ids = await Promise.all(
      Array.from({ length: 5 }, async (_, at) => enqueue(server, "counts", { params: { study: `side-${at}` } })),
    );
    const jobs = (await Promise.all(ids.map(async (id) => chainEnded(server, id)))).flat();
    expect(jobs.map(({ status }) => status)).toEqual(ids.map(() => "completed"));
    expect(new Set(jobs.map(({ run_id }) => run_id)).size).toBe(5);
  });
});

describe("what a command is given", () => {
  test("is a clean environment, and nothing but its params in a private folder", async () => {
    const params = { study: STUDY, words: "ä \0 $(x)", deep: { of: [1, null] } };
    const job = await runJob(server, "surroundings", { params });
    const { env, ...rest } = found();
    const given = [...PATHS, "RUNTREE_PARAMS", "RUNTREE_RUN_ID", "RUNTREE_TOKEN", "RUNTREE_URL"];
    expect(Object.keys(env).sort()).toEqual(["FOUND", "PATH", ...given].sort());
    expect(env).toMatchObject({ RUNTREE_RUN_ID: job.run_id, RUNTREE_URL: server.url });
    expect(env.RUNTREE_TOKEN).toMatch(/^[A-Za-z0-9_-]{40,}$/);
    expect(rest).toMatchObject({ cwd: server.data, input: "", modes: ["600", "700", "700"] });
    expect(rest.files.sort()).toEqual(["artifacts", "params.json"]);
    expect([env.RUNTREE_PARAMS, rest.params].map((text) => JSON.parse(text))).toEqual([params, params]);
    for (const name of PATHS) expect(existsSync(env[name])).toBe(false);
    expect(statSync(join(server.data, job.log_path)).mode & 0o777).toBe(0o600);
  });

  test.each([
    [63_999, true],
    [64_000, false],
    [262_000, false],
  ])("params of %i bytes stand in the environment: %s", async (bytes, isThere) => {
    const params = { text: "x".repeat(bytes - '{"text":""}'.length) };
    expect(await runJob(server, "surroundings", { params })).toMatchObject({ status: "completed" });
    const { env, params: text } = found();
    expect(Object.hasOwn(env, "RUNTREE_PARAMS")).toBe(isThere);
    expect(text).toBe(JSON.stringify(params));
  });
});

describe("a command that fails", () => {
  test("has its exit code kept, and is not tried again unless its template says so", async () => {
    const chain = await chainEnded(server, await enqueue(server, "fails"));
    expect(chain).toMatchObject([{ status: "failed", exit_code: 3, error: { code: "exit_code" } }]);
    const run = await runOf(server, chain[0]);
    expect(run).toMatchObject({ status: "failed", exit_code: 3, error: { code: "exit_code" } });
    const { body: log } = await call(server, "getRunLog", { params: { run_id: run.id } });
    expect(log).toBe(`oops ${run.id}\n`);
  });

  test.each([
    [1, 2],
    [2, 3],
  ])("is tried again %i times where its template says so, each time as a new job", async (retries, attempts) => {
    const template = `fails-${retries}`;
    await makeTemplate(server, template, { command: "fails", retries });
    const params = { a: { b: 1 } };
    const chain = await chainEnded(server, await enqueue(server, template, { params, title: "T", priority: 60 }));
    expect(chain).toHaveLength(attempts);
    for (const [at, job] of chain.entries()) {
      const before = at === 0 ? null : chain[at - 1];
      expect(job).toMatchObject({ status: "failed", attempt: at + 1, retry_of: before?.job_id ?? null });
      expect(job).toMatchObject({ params, title: "T", priority: 60, template_id: template });
      expect(await runOf(server, job)).toMatchObject({ attempt: at + 1, retry_of: before?.run_id ?? null });
    }
    const { body: runs } = await call(server, "listJobRuns", { params: { job_id: chain[0].job_id } });
    expect(runs.items.map(({ id }: { id: string }) => id)).toEqual(chain.map(({ run_id }) => run_id).reverse());
  });

  test("may go well at last", async () => {
    await makeTemplate(server, "persists", { command: "fails-twice", retries: 2 });
    const chain = await chainEnded(server, await enqueue(server, "persists"));
    expect(chain.map(({ status }) => status)).toEqual(["failed", "failed", "completed"]);
  });

  test("was tried three times at most, but for those that somebody asked for", async () => {
    const chain = await chainEnded(server, await enqueue(server, "fails-2"));
    const { status, body } = await call(server, "retryJob", { params: { job_id: chain[2].job_id } });
    expect([status, body.attempt, body.retry_of]).toEqual([201, 4, chain[2].job_id]);
    expect(await chainEnded(server, body.job_id)).toMatchObject([{ status: "failed", attempt: 4 }]);
  });

  test("by a signal says by which", async () => {
    const job = await runJob(server, "is-killed");
    expect(job).toMatchObject({ status: "failed", exit_code: null, error: { code: "signal" } });
  });

  test.each(["no-program", "no-folder", "no-permission"])("to start (%s) fails the job", async (name) => {
    const job = await runJob(server, name);
    expect(job).toMatchObject({ status: "failed", exit_code: null, pid: null, error: { code: "not_started" } });
    expect(await runOf(server, job)).toMatchObject({ status: "failed", error: { code: "not_started" } });
  });
});

test("a command that says there was nothing to do is skipped, and nothing of it is merged", async () => {
  await makeTemplate(server, "skips-75", { command: "skips", skip_exit_code: 75, retries: 2 });
  const chain = await chainEnded(server, await enqueue(server, "skips-75"));
  expect(chain).toMatchObject([{ status: "skipped", exit_code: 75, error: null }]);
  expect(await runOf(server, chain[0])).toMatchObject({ status: "skipped", exit_code: 75, merge: null });
  const { status } = await call(server, "getDocument", { params: { collection: "study_set", id: "skipped" } });
  expect(status).toBe(404);
  // Without the template's word for it that exit code is as any other.
  expect(await runJob(server, "skips")).toMatchObject({ status: "failed", exit_code: 75 });
});
