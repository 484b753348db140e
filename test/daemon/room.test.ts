import { spawnSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createTemplate } from "../../src/actions/change-template.ts";
import { createJob } from "../../src/actions/create-job.ts";
import { dispatchJob } from "../../src/actions/dispatch-job.ts";
import { endJob, type JobOutcome } from "../../src/actions/end-job.ts";
import { Executor } from "../../src/daemon/executor.ts";
import { FOUND_RUNNING, outcomeOf } from "../../src/daemon/job-outcome.ts";
import type { JobProcessEnd } from "../../src/daemon/job-process.ts";
import { RuntreeError } from "../../src/domain/errors.ts";
import { shellCommand } from "../support/commands.ts";
import { soon } from "../support/processes.ts";
import { openTestStore, TESTER, type TestStore } from "../support/store.ts";

const NO_PROCESS = { code: null, signal: null, stopped: null, leftOpen: false };
const UNKNOWN = { pid: null, stopped: null };
const NOTHING = { output: null, files: [] };

/** A store with a template, and the ids of two jobs of it that wait. */
async function queued(): Promise<TestStore & { ids: readonly string[] }> {
  const open = await openTestStore({ commands: new Map([["noop", shellCommand("noop", "exit 0")]]) });
  await createTemplate(open.store, TESTER, { template_id: "t", executor: "process", command: "noop" });
  const jobs = [await createJob(open.store, TESTER, { template_id: "t" })];
  jobs.push(await createJob(open.store, TESTER, { template_id: "t" }));
  return { ...open, ids: jobs.map(({ id }) => id) };
}

/** Has an executor work on a store; returns what it told the operator so far. */
async function working({ store, data }: TestStore, requireFree: () => void = () => undefined): Promise<string[]> {
  const told: string[] = [];
  const report = (words: string): void => void told.push(words);
  const executor = new Executor({ store, slots: 1, folder: data, maxBody: 1000, report, requireFree });
  store.listen((news) => executor.tell(news));
  await executor.start("http://127.0.0.1:1");
  onTestFinished(async () => executor.close());
  return told;
}

test("jobs wait while the disk is full, or no folder or log can be made; the operator hears of it once, and all is done later", async () => {
  const open = await queued();
  const { store, data, ids } = open;
  let [looks, isFull] = [0, true];
  const [work, logs] = [join(data, "work"), join(data, "logs")];
  for (const path of [work, logs]) writeFileSync(path, "no folder");
  const told = await working(open, () => {
    looks++;
    if (isFull) throw new RuntreeError("disk_full", "full");
  });
  for (const mend of [() => (isFull = false), () => rmSync(work), () => rmSync(logs)]) {
    const before = looks;
    await soon(() => looks).toBeGreaterThan(before);
    expect(store.jobs.queue.map(({ id }) => id)).toEqual(ids);
    expect(told).toHaveLength(1);
    mend();
  }
  const done = (id: string): boolean => store.jobs.find(id)?.ended?.status === "completed";
  await soon(() => ids.every(done)).toBe(true);
  expect(store.jobs.queue).toEqual([]);
  expect(told).toHaveLength(2);
});

const NOT_STARTED = { words: "no room", isLack: true };

const NEVER_BEGAN: readonly (JobProcessEnd | null)[] = [
  { group: { ...NO_PROCESS, notStarted: NOT_STARTED }, pid: null, harvest: NOTHING },
  // Nothing could be told, not even by what begins jobs.
  null,
];

test("a job that the machine could not begin is tried again, and that does not count", async () => {
  const { store, ids } = await queued();
  let id = ids[0];
  const ended = async (outcomeIn: (runId: string) => JobOutcome): Promise<number | undefined> => {
    const dispatched = await dispatchJob(store, id ?? "");
    const { ended: how } = await endJob(store, id ?? "", outcomeIn(dispatched?.run.record.id ?? ""));
    expect(how).toMatchObject({ status: "failed", error: { code: "interrupted" } });
    const next = store.jobs.queue.find(({ retryOf }) => retryOf === id);
    id = next?.id;
    return next?.attempt;
  };
  for (const attempt of [2, 3]) expect(await ended(() => FOUND_RUNNING)).toBe(attempt);
  for (const end of NEVER_BEGAN) expect(await ended((runId) => outcomeOf({ runId, ...UNKNOWN }, end, null))).toBe(3);
  expect(await ended(() => FOUND_RUNNING)).toBeUndefined();
  // What had begun counts, as it may be why.
  expect(outcomeOf({ runId: "r", pid: 2, stopped: null }, null, null).neverBegan).toBeUndefined();
});

test("a job that was told to end did so for that reason, also where nobody could tell how", () => {
  const stopped = { kind: "cancelled", words: "enough" } as const;
  for (const end of NEVER_BEGAN)
    expect(outcomeOf({ runId: "r", pid: null, stopped }, end, null)).toMatchObject({ status: "cancelled" });
});

test("what a machine lacks is told apart from what is wrong with a command", () => {
  const { cwd } = shellCommand("c", "exec sleep 60");
  const url = new URL("../../dist/daemon/job-process.js", import.meta.url).href;
  const program = `
    const { startJob } = await import(${JSON.stringify(url)});
    const cwd = ${JSON.stringify(cwd)};
    const limits = { outputBytes: 1, artifactBytes: 1, logBytes: 1 };
    const isLack = (number, program) => new Promise((resolve) => {
      const [folder, log] = ["work", "logs"].map((room) => [cwd, room, number].join("/"));
      const command = { name: "c", argv: [program], cwd, env: {}, timeout_s: 20 };
      const job = { number, run: "r" + number, command, folder, log, params: "{}", seconds: 20, limits };
      startJob(job, (report) => resolve(report.end?.group.notStarted?.isLack), () => undefined);
    });
    const wrong = await isLack(0, "/nonexistent");
    let lack;
    for (let number = 1; number < 100 && lack === undefined; number++) lack = await isLack(number, "./script");
    console.log(JSON.stringify([wrong, lack]));
    process.exit();
  `;
  // Few files may be open at once, so that one of the processes gets no pipes.
  const limited = ["-c", 'ulimit -n 64; exec "$@"', "sh", process.execPath, "--input-type=module", "-e", program];
  const { stdout, stderr } = spawnSync("sh", limited, { encoding: "utf8" });
  expect([stdout.trim(), stderr]).toEqual(["[false,true]", ""]);
  expect(existsSync(join(cwd, "work/0"))).toBe(false);
});
