import { onTestFinished } from "vitest";
import type { Json } from "../../src/domain/json.ts";
import type { DemoOptions } from "../../src/galaxy-demo/start.ts";
import type { Until } from "./folders.ts";
import { chainFile, DATASET, type LiveGalaxy, startGalaxy } from "./galaxy.ts";
import { call } from "./http.ts";
import type { SeenJob } from "./jobs.ts";
import type { TestServer } from "./server.ts";

type Server = Pick<TestServer, "url">;

/** A workflow of one input, `reads`, that each Galaxy here has. */
export const COUNT = "Count reads";

/** Starts a stand-in with the workflow `COUNT` and others; its clock stands until it is moved, unless told otherwise. */
export async function startCounting(
  more: readonly Json[] = [],
  until: Until = onTestFinished,
  options: Partial<DemoOptions> = {},
): Promise<LiveGalaxy> {
  const galaxy = await startGalaxy({ until, ...options });
  for (const file of [chainFile(COUNT), ...more]) galaxy.galaxy.workflows.import(file, galaxy.galaxy.now());
  return galaxy;
}

/** What a server is told of a Galaxy in its environment; it sweeps every second. */
export function galaxyEnvironment({ url, key }: Pick<LiveGalaxy, "url" | "key">): Record<string, string> {
  return { RUNTREE_GALAXY_URL: url, RUNTREE_GALAXY_KEY: key, RUNTREE_POLL: "* * * * * *" };
}

/** The same for several: the member `galaxy` of a configuration, and the environment that holds the keys. */
export function galaxiesByName(galaxies: Readonly<Record<string, LiveGalaxy>>): {
  readonly galaxy: Readonly<Record<string, object>>;
  readonly env: Readonly<Record<string, string>>;
} {
  const all = Object.entries(galaxies).map(([name, { url, key }]) => ({ name, url, key, key_env: `KEY_OF_${name}` }));
  return {
    galaxy: Object.fromEntries(all.map(({ name, url, key_env }) => [name, { url, key_env }])),
    env: { RUNTREE_POLL: "* * * * * *", ...Object.fromEntries(all.map(({ key_env, key }) => [key_env, key])) },
  };
}

/** The members that only templates of Galaxy workflows have, as others have them. */
export const NO_WORKFLOW = {
  workflow_name: null,
  workflow_id: null,
  inputs: null,
  history_name: null,
  mapping: null,
  server: null,
} as const;

let datasets = 0;

/** Brings a dataset into `main` whose `reads` are in Galaxy, and returns its id. */
export async function addDataset(
  server: Server,
  more: object = { galaxy_inputs: { reads: DATASET } },
): Promise<string> {
  const id = `ds-${++datasets}`;
  const body = { done: true, body: { datasets: { [id]: { title: `Dataset ${datasets}`, ...more } } } };
  const answer = await call(server, "startRun", { params: { job_id: "custom" }, body });
  if (answer.body.status !== "success") throw new Error(JSON.stringify(answer.body));
  return id;
}

/** Has a workflow invoked for a dataset, `COUNT` for one of its own unless told, and returns the job. */
export async function invoke(server: Server, more: object = {}): Promise<SeenJob> {
  const dataset_id = "dataset_id" in more ? more.dataset_id : await addDataset(server);
  const asked = "workflow_id" in more ? {} : { workflow_name: COUNT };
  const { status, body } = await call(server, "createJob", { body: { ...asked, ...more, dataset_id } });
  if (status !== 201) throw new Error(JSON.stringify(body));
  return body;
}
