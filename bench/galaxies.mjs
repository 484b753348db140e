// Every place where the bench calls what Runtree has for Galaxy from inside, beside `store.mjs`.
import { requestInvocation } from "../dist/actions/request-invocation.js";
import { GalaxyWork } from "../dist/daemon/galaxy-work.js";
import { startGalaxyDemo } from "../dist/galaxy-demo/start.js";
import { GALAXY_LIMITS } from "../dist/galaxy/galaxy-limits.js";
import { GalaxyClient } from "../dist/galaxy/galaxy-client.js";
import { open } from "./store.mjs";

/** The collection whose documents are datasets here. */
export const DATASETS = "sample_set_01";

/** What every invocation of the bench is of. */
export const WORKFLOW = "chain";

/** How many connections a client has to one server. */
export const { connections: CONNECTIONS } = GALAXY_LIMITS;

/** How many invocations are looked at, or jobs asked for, at a time. */
export const IN_FLIGHT = 32;

/** The dataset that everything is invoked for. */
export const DATASET = "sample-0001008";

const TOOLS = 5;
/** How many seconds pass from one of the few things that happen to an invocation to the next. */
const STAGE_SECONDS = 6000;

/** What an input of a workflow is sent. */
export const READS = { src: "hda", id: "0123456789abcdef" };

function workflow() {
  const tool = (from) => ({
    type: "tool",
    tool_id: "cat1",
    input_connections: { input: { id: from, output_name: "output" } },
  });
  const input = { type: "data_input", label: "reads", tool_state: '{"optional": false}' };
  const steps = [input, ...Array.from({ length: TOOLS }, (_, at) => tool(at))];
  return {
    a_galaxy_workflow: "true",
    "format-version": "0.1",
    name: WORKFLOW,
    steps: Object.fromEntries(steps.map((step, id) => [id, { id, ...step }])),
  };
}

/**
 * Starts a stand-in whose clock stands until it is put forward, but that the first so many invocations are made at even
 * distances, all of them within a stage. To each something happens in every stage: its jobs are made, queued, run one after
 * another; the last of them never ends.
 */
export async function startStandIn({ live = 0 } = {}) {
  const ms = STAGE_SECONDS * 1000;
  const begun = Date.now();
  let demo = null;
  const now = () => begun + (live === 0 ? 0 : (Math.min(demo?.traffic.of("invoke") ?? 0, live) * ms) / live);
  const pace = { new: 0, materialize: 0, ready: 2 * ms, queued: ms, running: ms };
  demo = await startGalaxyDemo({ clock: { now }, pace });
  demo.galaxy.workflows.import(workflow(), begun);
  demo.galaxy.outcomes = [{ step: TOOLS, job: "running" }];
  return demo;
}

/** Puts the clock of a stand-in forward by a part of a stage. Returns the moment, and how many requests there were of each kind. */
export async function forward(url, parts) {
  const body = JSON.stringify({ seconds: parts === 0 ? 0 : STAGE_SECONDS / parts });
  const answer = await fetch(`${url}/_demo/forward`, { method: "PUT", body });
  if (!answer.ok) throw new Error(`the stand-in answered ${answer.status}`);
  return answer.json();
}

/** A store with the work on one Galaxy, whose sweeps come only when they are asked for. */
export async function openWork(data, { url, key }) {
  const { store, journal, close } = await open(data, null, { datasets: DATASETS });
  const server = new GalaxyClient({ name: "default", url, key, clock: () => Date.now(), random: Math.random });
  const report = (words) => process.stderr.write(`bench: ${words}\n`);
  const never = () => () => undefined;
  const work = new GalaxyWork({ store, servers: [{ server, workflows: [] }], repeat: never, later: never, report });
  await work.start();
  await work.sweep();
  const author = { principal: "bench", idempotency: null };
  const request = { dataset_id: DATASET, workflow_name: WORKFLOW, parameters: { reads: READS } };
  return {
    sweep: () => work.sweep(),
    /** Has the workflow invoked as a request does, and returns the id of the invocation. */
    invoke: async () => {
      const { run_id: run } = await requestInvocation(store, work, author, request);
      return store.runs.view(run).record.invocation.invocation_id;
    },
    /** How often something was made durable. */
    appends: () => journal().appends,
    close: async () => {
      await work.close();
      await server.close();
      await close();
    },
  };
}
