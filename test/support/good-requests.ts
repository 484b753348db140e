import type { OperationId } from "../../src/contract/operations.ts";
import { call, type Request } from "./http.ts";
import { invoke } from "./invocations.ts";
import { enqueue, jobBegun, jobEnded, makeTemplate } from "./jobs.ts";
import type { TestServer } from "./server.ts";

type Server = Pick<TestServer, "url">;
type Run = { readonly id: string; readonly head: string };

/** A study that `openRun` and `mergedRun` speak of. */
export const STUDY = "st-good";

/** Starts a run with whatever is sent. */
export async function startRun(server: Server, body: object = {}): Promise<Run> {
  return (await call(server, "startRun", { params: { job_id: "custom" }, body })).body;
}

/** A run that is merged, and gave the study this title. */
export async function mergedRun(server: Server, title = "A study"): Promise<Run> {
  return startRun(server, { done: true, body: { study_set: { [STUDY]: { title } } } });
}

const inOpenRun = async (server: Server): Promise<Request> => ({ params: { run_id: (await startRun(server)).id } });
const always =
  (request: Request = {}) =>
  async (): Promise<Request> =>
    request;
const ofStudy = async (server: Server): Promise<Request> => {
  await mergedRun(server);
  return { params: { collection: "study_set", id: STUDY } };
};

/** A job that was brought to its end, its run, and a queue that stands still behind a process that hangs; once for each server. */
const QUEUES = new Map<string, Promise<{ readonly ended: string; readonly run: string; readonly hangs: string }>>();

function queueOf(server: Server): NonNullable<ReturnType<typeof QUEUES.get>> {
  const make = async (): Promise<{ ended: string; run: string; hangs: string }> => {
    for (const name of ["brings", "hang", "noop"]) await makeTemplate(server, name);
    const ended = await jobEnded(server, await enqueue(server, "brings"));
    const hangs = await jobBegun(server, await enqueue(server, "hang"));
    return { ended: ended.job_id, run: ended.run_id, hangs: hangs.job_id };
  };
  const known = QUEUES.get(server.url) ?? make();
  QUEUES.set(server.url, known);
  return known;
}

/** A job that stays in the queue. */
const queuedJob = async (server: Server): Promise<string> => {
  await queueOf(server);
  return enqueue(server, "noop");
};
const ofQueued = async (server: Server): Promise<Request> => ({ params: { job_id: await queuedJob(server) } });
const ofEndedRun = async (server: Server): Promise<Request> => ({ params: { run_id: (await queueOf(server)).run } });

let templates = 0;
const freshTemplate = async (server: Server): Promise<string> => {
  const template_id = `template-${++templates}`;
  await call(server, "createTemplate", { body: { template_id, executor: "external" } });
  return template_id;
};

const ofInvocation = async (server: Server): Promise<Request> => ({
  params: { invocation_id: (await invoke(server)).invocation_id },
});

/**
 * For each operation what makes a request of it that goes well, on a server with the template that ships, the commands of
 * `SCRIPTS`, and a Galaxy of `startCounting` where invocations are asked for.
 */
export const GOOD: Readonly<Record<OperationId, (server: Server) => Promise<Request>>> = {
  startRun: always({ params: { job_id: "custom" }, body: { metadata: { a: 1 } } }),
  listJobRuns: always({ params: { job_id: "custom" } }),
  listRuns: always(),
  getRun: inOpenRun,
  patchRun: async (server) => ({ ...(await inOpenRun(server)), body: { metadata: { a: 1 } } }),
  runDiff: inOpenRun,
  runCommits: inOpenRun,
  runValidations: inOpenRun,
  getRunLog: ofEndedRun,
  listRunArtifacts: ofEndedRun,
  getRunArtifact: async (server) => ({ params: { run_id: (await queueOf(server)).run, path: "art.txt" } }),
  previewRun: inOpenRun,
  resolveRun: async (server) => {
    const request = await inOpenRun(server);
    await mergedRun(server, "Another title");
    return { ...request, body: { resolutions: [] } };
  },
  cancelRun: async (server) => ({ ...(await inOpenRun(server)), body: { reason: "enough" } }),
  revertRun: async (server) => ({ params: { run_id: (await mergedRun(server)).id }, body: {} }),
  putSchema: async (server) => ({
    params: { run_id: (await startRun(server)).id, name: "study" },
    body: { type: "object" },
  }),
  putConfiguration: async (server) => ({ ...(await inOpenRun(server)), body: { format: 1, collections: {} } }),
  createJob: always({ body: { executor: "external", title: "A job" } }),
  listJobs: always(),
  getJob: always({ params: { job_id: "custom" } }),
  patchJob: async (server) => ({ ...(await ofQueued(server)), body: { title: "Another title" } }),
  deleteJob: ofQueued,
  cancelJob: async (server) => ({ ...(await ofQueued(server)), body: { reason: "enough" } }),
  retryJob: async (server) => ({ params: { job_id: (await queueOf(server)).ended }, body: {} }),
  monitorJob: ofQueued,
  monitorJobs: always(),
  dedupCheck: ofQueued,
  postDedupCheck: ofQueued,
  getQueue: always(),
  getQueueStats: always(),
  reorderQueue: async (server) => ({ body: { job_ids: [await queuedJob(server)] } }),
  prioritizeJob: async (server) => ({ ...(await ofQueued(server)), body: { priority: "high" } }),
  moveJob: async (server) => ({ ...(await ofQueued(server)), body: { position: 0 } }),
  listInvocations: always(),
  getInvocation: ofInvocation,
  cancelInvocation: async (server) => ({ ...(await ofInvocation(server)), body: { reason: "enough" } }),
  createTemplate: async () => ({ body: { template_id: `template-${++templates}`, executor: "external" } }),
  listTemplates: always(),
  getTemplate: async (server) => ({ params: { template_id: await freshTemplate(server) } }),
  patchTemplate: async (server) => ({
    params: { template_id: await freshTemplate(server) },
    body: { title: "Another title" },
  }),
  archiveTemplate: async (server) => ({ params: { template_id: await freshTemplate(server) } }),
  listCollections: always(),
  listDocuments: always({ params: { collection: "study_set" } }),
  getDocument: ofStudy,
  documentHistory: ofStudy,
  documentBlame: ofStudy,
  listSchemas: always(),
  getSchema: always({ params: { name: "study" } }),
  getState: always(),
  getOpenApi: always(),
  getDocs: always(),
  getDocsAsset: always({ params: { asset: "start.js" } }),
  followEvents: always(),
  getMetrics: always(),
  getHealth: always(),
  getReadiness: always(),
  getVersion: always(),
};
