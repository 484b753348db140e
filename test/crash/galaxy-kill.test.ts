import { expect, test } from "vitest";
import type { FaultName } from "../../src/galaxy-demo/faults.ts";
import type { OperationName } from "../../src/galaxy-demo/operations.ts";
import { chainFile, DATASET, type LiveGalaxy, startGalaxy } from "../support/galaxy.ts";
import { fsck } from "../support/git.ts";
import { call } from "../support/http.ts";
import { jobEnded, jobUntil, type SeenJob } from "../support/jobs.ts";
import { oneIn } from "../support/sample.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { ALL } from "./points.ts";

type Asker = "a request" | "a job";
type Moment = readonly [OperationName, FaultName, Asker];

/** The moments to kill a server at: while it waits for an answer. The last takes the minute that a lost request has. */
const MOMENTS: readonly Moment[] = [
  ["create_history", "timeout_before"] as const,
  ["create_history", "timeout_after"] as const,
  ["invoke", "timeout_after"] as const,
  ["show", "timeout_after"] as const,
  ["summary", "timeout_after"] as const,
  ["invoke", "timeout_before"] as const,
].flatMap(([operation, fault]) => (["a request", "a job"] as const).map((asker) => [operation, fault, asker] as const));

/** Half of these on every change. */
const SAMPLE: readonly Moment[] = [
  ["create_history", "timeout_after", "a request"],
  ["invoke", "timeout_after", "a request"],
  ["invoke", "timeout_after", "a job"],
  ["summary", "timeout_after", "a job"],
];

async function serverOf(demo: LiveGalaxy, data?: string): Promise<TestServer> {
  const env = { RUNTREE_GALAXY_URL: demo.url, RUNTREE_GALAXY_KEY: demo.key, RUNTREE_POLL: "* * * * * *" };
  return startServer({ env, ...(data === undefined ? {} : { data }) });
}

async function post(server: TestServer, path: string, body: object): Promise<SeenJob> {
  const headers = { "Content-Type": "application/json" };
  return (await fetch(server.url + path, { method: "POST", headers, body: JSON.stringify(body) })).json();
}

test.each(ALL ? MOMENTS : oneIn(2, SAMPLE))(
  "a server that is killed at %s (%s) has one invocation for %s in the end",
  { timeout: 120_000 },
  async (operation, fault, asker) => {
    const demo = await startGalaxy({ seconds: 50 });
    demo.galaxy.workflows.import(chainFile("Count reads"), demo.clock.now());
    let server = await serverOf(demo);
    const dataset = { title: "Reads", galaxy_inputs: { reads: DATASET } };
    await post(server, "/jobs/custom/runs", { done: true, body: { datasets: { "ds-1": dataset } } });
    await post(server, "/templates", { template_id: "count", executor: "galaxy", workflow_name: "Count reads" });
    demo.faults.add({ operation, fault });
    const asked = { dataset_id: "ds-1" };
    const body =
      asker === "a job" ? { template_id: "count", params: asked } : { ...asked, workflow_name: "Count reads" };
    const answered = post(server, "/jobs", body).catch(() => null);
    if (operation === "summary") {
      // Nobody asks for it before the invocation has begun.
      await demo.traffic.reach("show", 1);
      demo.clock.pass(15);
    }
    await demo.traffic.reach(operation, 1);
    await server.kill();
    await answered;
    server = await serverOf(demo, server.data);
    const { items } = (await call(server, "listJobs", { query: { executor: "galaxy" } })).body;
    expect(items).toHaveLength(1);
    const [{ job_id: id }] = items;
    const { invocation_id } = await jobUntil(server, id, (job) => job.invocation_id !== null);
    demo.clock.pass(100);
    expect(await jobEnded(server, id)).toMatchObject({ status: "completed", invocation_id });
    const all = { historyId: null, workflowId: null, nested: false, ended: true };
    expect(demo.galaxy.invocations.list(all, demo.clock.now()).map((each) => each.id)).toEqual([invocation_id]);
    expect(await server.stop()).toBe(0);
    expect(fsck(server.gitDir)).toEqual([]);
  },
);
