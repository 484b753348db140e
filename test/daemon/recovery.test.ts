import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { signalGroup } from "../../src/store/process-group.ts";
import { fsck } from "../support/git.ts";
import { call } from "../support/http.ts";
import {
  chainEnded,
  enqueue,
  jobBegun,
  jobEnded,
  makeTemplate,
  runOf,
  type Scripts,
  type SeenJob,
} from "../support/jobs.ts";
import { isAlive, soon } from "../support/processes.ts";
import { oneIn } from "../support/sample.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { submits } from "./ground.ts";

/** Each start is noted in one write: the run, the process, and the one that looks after it. */
const NOTED = 'echo "$RUNTREE_RUN_ID $$ $PPID" >>starts';

const SCRIPTS: Scripts = {
  works: `${NOTED}; test ! -e hold || { trap '' TERM; sleep 600; sleep 600; }
    ${submits({ study_set: { worked: { title: "W" } } })} : >>finished`,
  fails: `${NOTED}; exit 3`,
  refused: `${NOTED}; ${submits({ study_set: { refused: { description: "no title" } } })}`,
};

interface Start {
  readonly run: string;
  readonly pid: number;
  readonly overseer: number;
}

const cleanUps: (() => void | Promise<void>)[] = [];
const until = (cleanUp: () => void | Promise<void>): number => cleanUps.push(cleanUp);
let server: TestServer;

beforeAll(async () => {
  server = await startServer({ until, scripts: SCRIPTS });
  for (const name of Object.keys(SCRIPTS)) await makeTemplate(server, name);
  await makeTemplate(server, "fails-again", { command: "fails", retries: 1 });
});

afterAll(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const inData = (name: string): string => join(server.data, name);

/** Every start of a process so far. */
function starts(): Start[] {
  if (!existsSync(inData("starts"))) return [];
  const lines = readFileSync(inData("starts"), "utf8").trim().split("\n");
  return lines.map((line) => {
    const [run = "", pid, overseer] = line.split(" ");
    return { run, pid: Number(pid), overseer: Number(overseer) };
  });
}

/** Follows the events of the server, and resolves when it tells one of a type. */
async function follow(type: string): Promise<{ readonly told: Promise<void> }> {
  const { body } = await fetch(`${server.url}/events`);
  const read = async (): Promise<void> => {
    let text = "";
    for await (const chunk of body ?? []) {
      text += Buffer.from(chunk).toString("utf8");
      if (text.includes(`event: ${type}\n`)) return;
    }
  };
  return { told: read() };
}

/** Enqueues a job of a template, and kills the server when it has told an event of a type. */
async function killedAt(type: string, template: string, ms = 0): Promise<string> {
  const { told } = await follow(type);
  const id = await enqueue(server, template);
  await told;
  if (ms > 0) await pause(ms);
  await server.kill();
  return id;
}

const hold = (): void => writeFileSync(inData("hold"), "");

async function held(): Promise<string> {
  hold();
  const before = starts().length;
  const id = await enqueue(server, "works");
  await jobBegun(server, id);
  await soon(() => starts().length).toBe(before + 1);
  return id;
}

/** Starts the server again, and returns how a job and those that tried it again ended. */
async function recovered(id: string): Promise<readonly SeenJob[]> {
  rmSync(inData("hold"), { force: true });
  server = await startServer({ data: server.data, until });
  const chain = await chainEnded(server, id);
  const seen = starts();
  expect(new Set(seen.map(({ run }) => run)).size).toBe(seen.length);
  for (const { pid } of seen) expect(isAlive(pid)).toBe(false);
  for (const [at, job] of chain.entries()) {
    expect(job).toMatchObject({ attempt: at + 1, retry_of: chain[at - 1]?.job_id ?? null });
    expect(await runOf(server, job)).toMatchObject({ job_id: job.job_id, attempt: at + 1 });
  }
  expect((await call(server, "getQueue")).body).toMatchObject({ total: 0, running: [] });
  expect(fsck(server.gitDir)).toEqual([]);
  return chain;
}

const startsOf = (job: SeenJob): number => starts().filter(({ run }) => run === job.run_id).length;

/** As it is tried again what was cut short. */
const CUT_SHORT = { status: "failed", error: { code: "interrupted" } };
const DONE = { status: "completed", exit_code: 0, error: null };

test("a job that waits behind another when the server is killed is done after the next start, once", async () => {
  const first = await held();
  const id = await enqueue(server, "works");
  await server.kill();
  expect(await recovered(first)).toMatchObject([CUT_SHORT, DONE]);
  const chain = await chainEnded(server, id);
  expect(chain).toMatchObject([DONE]);
  expect(startsOf(chain[0])).toBe(1);
});

test("a server that is killed while it answers a request for a job leaves one that is done, or none", async () => {
  const template_id = "works";
  const asked = call(server, "createJob", { body: { template_id, title: "asked" } }).catch(() => null);
  await pause(4);
  await server.kill();
  await asked;
  server = await startServer({ data: server.data, until });
  const { items } = (await call(server, "listJobs")).body;
  const known = items.filter(({ title, attempt }: SeenJob) => title === "asked" && attempt === 1);
  expect(known.length).toBeLessThanOrEqual(1);
  for (const { job_id } of known) expect((await chainEnded(server, job_id)).at(-1)).toMatchObject(DONE);
});

test.each(oneIn(2, [0, 5]))(
  "a job whose run was opened %i ms before the server is killed gets a failed run and another attempt",
  async (ms) => {
    hold();
    const id = await killedAt("job.running", "works", ms);
    const chain = await recovered(id);
    expect(chain).toMatchObject([CUT_SHORT, DONE]);
    expect(startsOf(chain[0])).toBeLessThanOrEqual(1);
    expect(startsOf(chain[1])).toBe(1);
  },
);

test("a process at work ends with the server, also with children that hear nothing", async () => {
  const id = await held();
  const { pid = 0 } = starts().at(-1) ?? {};
  await server.kill();
  await soon(() => isAlive(pid)).toBe(false);
  expect(await recovered(id)).toMatchObject([CUT_SHORT, DONE]);
});

test("a process whose overseer was killed with the server is ended by the next start, before its next attempt", async () => {
  const id = await held();
  const { pid = 0, overseer = 0 } = starts().at(-1) ?? {};
  onTestFinished(() => signalGroup(pid, "SIGKILL"));
  process.kill(overseer, "SIGSTOP");
  await server.kill();
  process.kill(overseer, "SIGKILL");
  expect(isAlive(pid)).toBe(true);
  expect(await recovered(id)).toMatchObject([CUT_SHORT, DONE]);
});

test(
  "a server that is killed again while it clears up tries no job more than three times",
  { tags: "trial" },
  async () => {
    const id = await held();
    await server.kill();
    server = await startServer({ data: server.data, until });
    await server.kill();
    const chain = await recovered(id);
    expect(chain.length).toBeLessThanOrEqual(3);
    expect(chain.slice(0, -1)).toMatchObject(chain.slice(1).map(() => CUT_SHORT));
  },
);

test.each([
  ["merging", "works"],
  ["success", "works"],
] as const)("a job whose run is %s when the server is killed is done, and not done again", async (status, template) => {
  const chain = await recovered(await killedAt(`run.${status}`, template));
  expect(chain).toMatchObject([DONE]);
  expect(startsOf(chain[0])).toBe(1);
});

const ENDS = [
  ["fails", "failed", [3]],
  ["fails-again", "failed", [3, 3]],
  ["refused", "rejected", [0]],
] as const;

test.each(oneIn(3, ENDS))(
  "a job that %s and whose run is %s when the server is killed ends as it would have",
  async (template, status, codes) => {
    const chain = await recovered(await killedAt(`run.${status}`, template));
    // The next attempt may have begun, too.
    const own = chain.filter(({ error }, at) => at === 0 || error.code !== "interrupted");
    expect(own.map(({ status: became, exit_code }) => [became, exit_code])).toEqual(
      codes.map((code) => ["failed", code]),
    );
    expect(chain[0].error.code).toBe(status === "rejected" ? "gate_rejected" : "exit_code");
  },
);

test("a job whose run was cancelled when the server is killed stays cancelled", async () => {
  const id = await held();
  const { told } = await follow("run.cancelled");
  void call(server, "cancelJob", { params: { job_id: id }, body: {} }).catch(() => null);
  // Its process hears nothing, so that it takes a while.
  await Promise.race([told, pause(200)]);
  await server.kill();
  const chain = await recovered(id);
  expect(["cancelled", "failed"]).toContain(chain[0].status);
  if (chain[0].status === "cancelled") expect(chain).toHaveLength(1);
});

test.each(oneIn(2, [0, 4]))(
  "a server that is killed %i ms after a process said it had finished loses nothing",
  async (ms) => {
    rmSync(inData("finished"), { force: true });
    const id = await enqueue(server, "works");
    await soon(() => existsSync(inData("finished"))).toBe(true);
    await pause(ms);
    await server.kill();
    const chain = await recovered(id);
    expect(chain.at(-1)).toMatchObject(DONE);
    expect(chain.slice(0, -1)).toMatchObject(chain.slice(1).map(() => CUT_SHORT));
    expect(await jobEnded(server, id)).toEqual(chain[0]);
  },
);
