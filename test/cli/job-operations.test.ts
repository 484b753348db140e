import { writeFileSync } from "node:fs";
import { expect, test, vi } from "vitest";
import { JOB_OPERATIONS } from "../../src/contract/job-operations.ts";
import { QUEUE_OPERATIONS } from "../../src/contract/queue-operations.ts";
import { TEMPLATE_OPERATIONS } from "../../src/contract/template-operations.ts";
import { temporaryFolder } from "../support/folders.ts";
import { runtree } from "../support/program.ts";
import { startServer } from "../support/server.ts";
import { terminal } from "../support/terminal.ts";

// These are some thirty commands, each a process.
vi.setConfig({ testTimeout: 120_000 });

const OPERATIONS = Object.keys({ ...JOB_OPERATIONS, ...QUEUE_OPERATIONS, ...TEMPLATE_OPERATIONS });

/** Commands in an order in which all go well while nobody works on the queue; `$1` and so on are the jobs that they made. */
const COMMANDS = `
template create t --command noop
template edit t --title T
template show t
template list
job create t
job create t
job create t
queue
queue stats
queue reorder $3 $2
queue move $1 0
queue priority $2 high
job edit $1 --title T
job show $1
job list
job monitor
job monitor $1
job check $1
job runs $1
job cancel $1 --reason enough
job retry $1
job delete $2
template archive t
`;

test("every operation of jobs, the queue and templates has a command", async () => {
  const server = await startServer({ scripts: { noop: "exit 0" }, flags: ["--concurrency", "0"] });
  const at = terminal("--url", server.url);
  const jobs: string[] = [];
  for (const line of COMMANDS.trim().split("\n")) {
    const args = line.split(" ").map((word) => word.replace(/^\$(\d)$/, (_, number) => jobs[Number(number) - 1] ?? ""));
    const value = await at.json(...args);
    if (line.startsWith("job create")) jobs.push(value.job_id);
  }
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  // The same as the other, for programs that cannot GET.
  const wanted = OPERATIONS.filter((id) => id !== "postDedupCheck");
  expect(wanted.filter((id) => !metrics.includes(`operation="${id}"`))).toEqual([]);
});

test("without a server jobs wait for one, and nothing can be followed", { tags: "trial" }, async () => {
  const data = temporaryFolder();
  const here = terminal("--data", data);
  await runtree(["init", "--data", data]);
  writeFileSync(`${data}/runtree.config.json`, '{"commands": {"noop": {"argv": ["true"]}}}');
  await here.text("template", "create", "noop", "--command", "noop");
  const doctor = async (): Promise<string> => (await here.run("doctor")).out;
  expect(await doctor()).toMatch(/^ok +template noop +runs the command noop$/m);
  const { code, out, err } = await here.run("job", "create", "noop", "--title", "T", "--json");
  expect([code, JSON.parse(err)]).toEqual([0, { note: expect.stringContaining("no server") }]);
  const { job_id: id } = JSON.parse(out) as { job_id: string };
  expect(await here.json("job", "edit", id, "--without", "title", "--param", "a=1")).toMatchObject({
    title: null,
    params: { a: 1 },
  });
  const waited = await here.run("job", "wait", id, "--timeout", "0");
  expect([waited.code, waited.err]).toEqual([1, expect.stringContaining(`nobody works on ${data}`)]);
  for (const args of [["list"], ["log", id]])
    expect(await here.refusal("job", ...args, "--follow")).toEqual([2, "bad_request"]);
  expect(await here.refusal("job", "log", id)).toEqual([6, "not_found"]);
  expect(await here.json("job", "cancel", id)).toMatchObject({ status: "cancelled" });
  const { out: again } = await here.run("job", "retry", id, "--json");
  const { job_id: second } = JSON.parse(again) as { job_id: string };
  expect(await here.json("queue", "priority", second, "high")).toMatchObject({ priority: 75 });
  expect(await here.text("job", "delete", second)).toBe(`deleted ${second}\n`);
  expect(await here.text("job", "list", "--status", "queued")).toBe("no jobs\n");
  writeFileSync(`${data}/runtree.config.json`, '{"aliases": {"old": "noop"}, "retention": {"logs_days": 2}}');
  const found = await doctor();
  expect(found).toMatch(/^FAULT +template noop +.*runtree template archive noop/m);
  for (const row of [
    /^retention.jobs_days +30 +from default$/m,
    /^retention.logs_days +2 +from runtree/m,
    /^aliases.old +noop/m,
  ])
    expect(found).toMatch(row);
});
