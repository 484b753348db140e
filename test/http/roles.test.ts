import { beforeAll, describe, expect, test } from "vitest";
import { OPERATIONS, type OperationId } from "../../src/contract/operations.ts";
import type { Role } from "../../src/domain/roles.ts";
import { makeKey } from "../support/keys.ts";
import { type Answer, call, type Request } from "../support/http.ts";
import { startServerForFile, type TestServer } from "../support/server.ts";

/** Who may do it: WIRE §2, written here once more on purpose. `own` is what agents may do to runs of their own only. */
type Needs = "nothing" | "reader" | "agent" | "own" | "steward";
const NEEDS: Readonly<Record<OperationId, Needs>> = {
  startRun: "agent",
  listJobRuns: "reader",
  listRuns: "reader",
  getRun: "reader",
  patchRun: "own",
  runDiff: "reader",
  runCommits: "reader",
  runValidations: "reader",
  previewRun: "agent",
  resolveRun: "own",
  cancelRun: "own",
  revertRun: "agent",
  putSchema: "steward",
  putConfiguration: "steward",
  getRunLog: "reader",
  listRunArtifacts: "reader",
  getRunArtifact: "reader",
  createJob: "agent",
  listJobs: "reader",
  getJob: "reader",
  patchJob: "steward",
  deleteJob: "steward",
  cancelJob: "steward",
  retryJob: "agent",
  monitorJob: "agent",
  monitorJobs: "agent",
  dedupCheck: "reader",
  postDedupCheck: "agent",
  getQueue: "reader",
  getQueueStats: "reader",
  reorderQueue: "steward",
  prioritizeJob: "steward",
  moveJob: "steward",
  listInvocations: "reader",
  getInvocation: "reader",
  cancelInvocation: "steward",
  createTemplate: "steward",
  listTemplates: "reader",
  getTemplate: "reader",
  patchTemplate: "steward",
  archiveTemplate: "steward",
  listCollections: "reader",
  listDocuments: "reader",
  getDocument: "reader",
  documentHistory: "reader",
  documentBlame: "reader",
  listSchemas: "reader",
  getSchema: "reader",
  getState: "reader",
  getOpenApi: "nothing",
  getDocs: "nothing",
  getDocsAsset: "nothing",
  followEvents: "reader",
  getMetrics: "reader",
  getHealth: "nothing",
  getReadiness: "nothing",
  getVersion: "nothing",
};

/** Bodies of operations that need one. */
const BODIES: Partial<Record<OperationId, unknown>> = {
  startRun: {},
  patchRun: { metadata: { a: 1 } },
  resolveRun: { resolutions: [] },
  cancelRun: {},
  revertRun: {},
  putSchema: { type: "object" },
  putConfiguration: { format: 1, collections: {} },
  createJob: { executor: "external" },
  patchJob: {},
  cancelJob: {},
  reorderQueue: { job_ids: ["none"] },
  prioritizeJob: { priority: 1 },
  moveJob: { position: 0 },
  cancelInvocation: {},
  createTemplate: { template_id: "a", executor: "external" },
  patchTemplate: {},
};

const WHO = ["nobody", "stranger", "reader", "agent", "other agent", "steward", "admin"] as const;
type Who = (typeof WHO)[number];

let server: TestServer;
let keys: Record<Who, Record<string, string>>;
/** The id of a merged run of the agent's. */
let merged: string;

beforeAll(() =>
  startServerForFile(async (started) => {
    server = started;
    const header = (key: string): Record<string, string> => ({ "x-api-key": key });
    const made = (role: Role, name: string = role): Record<string, string> => header(makeKey(server.data, role, name));
    keys = {
      nobody: {},
      stranger: header(`runtree_${"0".repeat(12)}_${"A".repeat(43)}`),
      reader: made("reader"),
      agent: made("agent"),
      "other agent": made("agent", "other"),
      steward: made("steward"),
      admin: made("admin"),
    };
    const body = { done: true, body: { study_set: { s: { title: "A study" } } } };
    merged = (await as("agent", "startRun", { params: { job_id: "custom" }, body })).body.id;
  }),
);

const as = (who: Who, id: OperationId, { headers, ...request }: Request): Promise<Answer> =>
  call(server, id, { ...request, headers: { ...keys[who], ...headers } });

/** A run of the agent's, open for each that is asked for. */
async function agentsRun(): Promise<string> {
  return (await as("agent", "startRun", { params: { job_id: "custom" }, body: {} })).body.id;
}

/** What becomes of a request, as far as keys are concerned. */
function expected(needs: Needs, who: Who): "passes" | "unauthorized" | "forbidden" {
  if (needs === "nothing") return "passes";
  if (who === "nobody" || who === "stranger") return "unauthorized";
  if (needs === "reader" || who === "steward" || who === "admin") return "passes";
  if (who === "reader" || needs === "steward") return "forbidden";
  return needs === "own" && who === "other agent" ? "forbidden" : "passes";
}

describe.each(Object.keys(OPERATIONS) as OperationId[])("%s", (id) => {
  test.each(WHO)("by %s", async (who) => {
    const run_id = id === "revertRun" ? merged : await agentsRun();
    const params = {
      run_id,
      job_id: "custom",
      collection: "study_set",
      id: "s",
      name: "study",
      template_id: "none",
      invocation_id: "none",
      path: "none",
      asset: "swagger-ui.css",
    };
    const head = async (): Promise<string> => (await as("reader", "getRun", { params })).body.head;
    const before = await head();
    const body = BODIES[id];
    const { status, body: answer, headers } = await as(who, id, { params, ...(body === undefined ? {} : { body }) });
    const outcome = expected(NEEDS[id], who);
    if (outcome === "passes") {
      expect([401, 403]).not.toContain(status);
      return;
    }
    expect([status, answer.code]).toEqual([outcome === "forbidden" ? 403 : 401, outcome]);
    if (outcome === "unauthorized") expect(headers.get("www-authenticate")).toBe('Bearer realm="runtree"');
    expect(await head()).toBe(before);
  });
});

test("a steward finishes another's run; the run stays its maker's, the merge is the steward's", async () => {
  const run_id = await agentsRun();
  const { body } = await as("steward", "patchRun", { params: { run_id }, body: { done: true } });
  expect(body).toMatchObject({ status: "success", created_by: "agent" });
});
