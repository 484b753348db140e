import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { answerTypes, OPERATIONS, operation, type OperationId } from "../../src/contract/operations.ts";
import { hasCode, httpTransport, RuntreeClient, type RuntreeError } from "../../src/index.ts";
import { checkShape, type ShapeName } from "../../src/schema/shapes.ts";
import { GOOD, startRun } from "../support/good-requests.ts";
import { galaxyEnvironment, startCounting } from "../support/invocations.ts";
import { SCRIPTS } from "../support/jobs.ts";
import { startServerForFile, type TestServer } from "../support/server.ts";

let server: TestServer;
let client: RuntreeClient;
beforeAll(() =>
  startServerForFile(
    (started) => {
      server = started;
      client = new RuntreeClient(httpTransport(server.url));
    },
    [],
    SCRIPTS,
    async (until) => galaxyEnvironment(await startCounting([], until)),
  ),
);

/** An operation by an id that is only known as one of them. */
async function callAny(id: OperationId, given: object): ReturnType<typeof client.call<OperationId>> {
  return (client.call as (id: OperationId, given: object) => ReturnType<typeof client.call<OperationId>>).call(
    client,
    id,
    given,
  );
}

const thrown = async (promise: Promise<unknown>): Promise<RuntreeError> =>
  promise.then(
    () => {
      throw new Error("it went well");
    },
    (error: unknown) => error as RuntreeError,
  );

/** All but the stream of events, which has no end. */
const ANSWERED = (Object.keys(OPERATIONS) as OperationId[]).filter((id) => id !== "followEvents");

test.for(ANSWERED)("%s is answered in its shape", async (id) => {
  const answer = await callAny(id, await GOOD[id](server));
  const known = operation(id);
  expect(answer.status).toBe(known.success);
  expect(checkShape(known.response as ShapeName, answer.body)).toEqual([]);
  if (known.success === 204) return;
  expect(answerTypes(known).map((type) => `${type}; charset=utf-8`)).toContain(answer.headers["content-type"]);
});

test("a JSON Patch is sent as one, and a wish not to wait as a header", async () => {
  const { id } = await startRun(server);
  const { body: run } = await client.call("patchRun", {
    params: { run_id: id },
    body: [{ op: "add", path: "/study_set/st-client", value: { title: "Client" } }],
  });
  expect([run.submissions, run.warnings]).toEqual([1, []]);
  const later = await client.call("patchRun", {
    params: { run_id: id },
    body: { done: true },
    headers: { prefer: "respond-async" },
  });
  expect([later.status, later.headers["preference-applied"]]).toEqual([202, "respond-async"]);
});

test("events are not asked for, but followed", async () => {
  expect((await thrown(client.call("followEvents", { params: {} }))).code).toBe("bad_request");
});

test("an answer that has not changed has no body", async () => {
  const { id } = await startRun(server);
  const first = await client.call("getRun", { params: { run_id: id } });
  const headers = { "if-none-match": first.headers["etag"] ?? "" };
  expect(await client.call("getRun", { params: { run_id: id }, headers })).toMatchObject({ status: 304, body: null });
});

describe("what is refused is thrown with its code and the problem", () => {
  test("of the server", async () => {
    const error = await thrown(client.call("getRun", { params: { run_id: "01arz3ndektsv4rrffq69g5fav" } }));
    expect(hasCode(error, "run_not_found")).toBe(true);
    expect(error.data["problem"]).toMatchObject({ status: 404, code: "run_not_found" });
  });

  test.each(["", ".", ".."])("of a parameter that would lead elsewhere: %o", async (id) => {
    for (const params of [
      { collection: "study_set", id },
      { collection: id, id: "st-1" },
    ])
      expect((await thrown(client.call("getDocument", { params }))).code).toBe("not_found");
  });

  test("of something that is no Runtree, or is not there", async () => {
    const odd = new RuntreeClient(async () => ({
      status: 200,
      headers: { "content-type": "text/html; charset=utf-8" },
      body: "<html></html>",
    }));
    expect((await thrown(odd.call("getHealth"))).code).toBe("unreachable");
    expect((await odd.call("getDocs")).body).toBe("<html></html>");
    const away = new RuntreeClient(httpTransport("http://127.0.0.1:1"));
    expect((await thrown(away.call("getHealth"))).code).toBe("unreachable");
  });
});

test("an address with a path goes before all others", async () => {
  for (const path of ["/api/v2", "/api/v2/", "/"]) {
    const below = new RuntreeClient(httpTransport(`${server.url}${path}`));
    expect((await below.call("listCollections")).status).toBe(200);
  }
});

describe("the items of a list", () => {
  const ids = async (items: AsyncIterable<{ readonly id: string }>): Promise<string[]> => {
    const found: string[] = [];
    for await (const { id } of items) found.push(id);
    return found;
  };

  test("come all, each once, in their order, however many a page has, also while others are added", async () => {
    await client.call("createJob", { body: { executor: "external", job_id: "paged" } });
    const made: string[] = [];
    for (let count = 0; count < 7; count++)
      made.unshift((await client.call("startRun", { params: { job_id: "paged" } })).body.id);
    for (const limit of [1, 2, 3, 7, 500])
      expect(await ids(client.items("listRuns", { query: { job_id: "paged", limit } }))).toEqual(made);
    expect(await ids(client.items("listJobRuns", { params: { job_id: "paged" } }))).toEqual(made);

    const found: string[] = [];
    for await (const { id } of client.items("listRuns", { query: { job_id: "paged", limit: 2 } })) {
      found.push(id);
      await client.call("startRun", { params: { job_id: "paged" } });
    }
    expect(found).toEqual(made);
  });

  test("are those of a query, and none where there are none", async () => {
    const body = { done: true, body: { datasets: { "d/1": { name: "x" }, d2: { name: "y" } } } };
    await client.call("startRun", { params: { job_id: "custom" }, body });
    const collection = { params: { collection: "datasets" }, query: { limit: 1 } };
    const listed = await ids(client.items("listDocuments", collection));
    // The others are those that the invocations above are for.
    expect(listed.filter((id) => !id.startsWith("ds-"))).toEqual(["d/1", "d2"]);
    expect(await ids(client.items("listRuns", { query: { pipeline_name: "none" } }))).toEqual([]);
  });

  test("are not asked for before they are needed", async () => {
    const asked: string[] = [];
    const counting = new RuntreeClient(async (request) => {
      asked.push(request.query["cursor"] ?? "");
      return httpTransport(server.url)(request);
    });
    for await (const run of counting.items("listRuns", { query: { limit: 1 } })) {
      expect(run.id).toBeTruthy();
      break;
    }
    expect(asked).toEqual([""]);
  });

  test("end with an error where a page is refused", async () => {
    const error = await thrown(ids(client.items("listDocuments", { params: { collection: "no_such_set" } })));
    expect(error.code).toBe("collection_not_found");
  });
});

test("the example prints what it found", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ["examples/client.mjs", server.url]);
  expect(stdout).toMatch(
    /^merged [0-9a-f]{40}\n(study_set\/\S+: .*\n)+refused: reference_missing \/associated_studies\/0\n$/,
  );
});
