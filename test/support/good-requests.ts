import type { OperationId } from "../../src/contract/operations.ts";
import { call, type Request } from "./http.ts";
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

/** For each operation what makes a request of it that goes well, on a server with the template that ships. */
export const GOOD: Readonly<Record<OperationId, (server: Server) => Promise<Request>>> = {
  startRun: always({ params: { job_id: "custom" }, body: { metadata: { a: 1 } } }),
  listJobRuns: always({ params: { job_id: "custom" } }),
  listRuns: always(),
  getRun: inOpenRun,
  patchRun: async (server) => ({ ...(await inOpenRun(server)), body: { metadata: { a: 1 } } }),
  runDiff: inOpenRun,
  runCommits: inOpenRun,
  runValidations: inOpenRun,
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
  getJob: always({ params: { job_id: "custom" } }),
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
