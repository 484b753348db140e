import { beforeAll, describe, expect, test } from "vitest";
import type { OperationId } from "../../src/contract/operations.ts";
import { type Answer, call, type Request } from "../support/http.ts";
import { startServerForFile, type TestServer } from "../support/server.ts";

let server: TestServer;
let run: string;
beforeAll(() =>
  startServerForFile(
    async (started) => {
      server = started;
      run = (await call(server, "startRun", { params: { job_id: "custom" }, body: {} })).body.id;
    },
    ["--max-body", "100000"],
  ),
);

const start = (body: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
  call(server, "startRun", { params: { job_id: "custom" }, body, headers });
const state = async (): Promise<unknown[]> => [
  (await call(server, "getReadiness")).body,
  (await call(server, "getRun", { params: { run_id: run } })).body.head,
];
const nested = (depth: number): string => `${"[".repeat(depth)}${"]".repeat(depth)}`;

describe("refused at the door, with nothing written", () => {
  test.each<[string, unknown, number, string, string, string]>([
    ["not JSON", "{", 400, "malformed_json", "malformed_json", ""],
    ["nothing but white space", " ", 400, "malformed_json", "malformed_json", ""],
    ["a key twice", '{"body": {"c": {"a": {}, "a": {}}}}', 400, "malformed_json", "malformed_json", "/body/c/a"],
    ["half a surrogate pair", '{"metadata": {"a": "\\ud800"}}', 400, "malformed_json", "malformed_json", "/metadata/a"],
    ["not UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), 400, "malformed_json", "malformed_json", ""],
    [
      "65 levels",
      `{"metadata": {"a": ${nested(63)}}}`,
      422,
      "validation_failed",
      "too_large",
      `/metadata/a${"/0".repeat(62)}`,
    ],
    ["a hostile key", '{"metadata": {"__proto__": 1}}', 422, "validation_failed", "hostile_key", "/metadata/__proto__"],
    [
      "a hostile key in a document",
      '{"body": {"study_set": {"s": {"constructor": 1}}}}',
      422,
      "validation_failed",
      "hostile_key",
      "/body/study_set/s/constructor",
    ],
    [
      "an integer that loses digits",
      '{"metadata": {"n": 9007199254740993}}',
      422,
      "validation_failed",
      "bad_number",
      "/metadata/n",
    ],
    ["a number without end", '{"metadata": {"n": 1e400}}', 422, "validation_failed", "bad_number", "/metadata/n"],
    ["a member that is not known", { boddy: {} }, 422, "validation_failed", "schema", "/boddy"],
    ["a member of the wrong type", { done: "yes" }, 422, "validation_failed", "schema", "/done"],
    ["not an object", [], 422, "validation_failed", "schema", ""],
    ["a body that is not an object", { body: [] }, 422, "validation_failed", "schema", "/body"],
    ["a collection that is null", { body: { study_set: null } }, 422, "validation_failed", "schema", "/body/study_set"],
    ["a bad collection name", { body: { "../x": {} } }, 422, "validation_failed", "bad_id", "/body/..~1x"],
    [
      "a document that is a number",
      { body: { study_set: { a: 1 } } },
      422,
      "validation_failed",
      "schema",
      "/body/study_set/a",
    ],
    [
      "an array member without id",
      { body: { study_set: [{ title: "x" }] } },
      422,
      "validation_failed",
      "schema",
      "/body/study_set/0/id",
    ],
    [
      "an id twice in an array",
      { body: { study_set: [{ id: "a" }, { id: "a" }] } },
      422,
      "validation_failed",
      "bad_id",
      "/body/study_set/1/id",
    ],
    ["an empty id", { body: { study_set: { "": {} } } }, 422, "validation_failed", "bad_id", "/body/study_set/"],
    ["an id of dots", { body: { study_set: { "..": {} } } }, 422, "validation_failed", "bad_id", "/body/study_set/.."],
    [
      "an id that git would take for a lock",
      { body: { study_set: { "a.lock": {} } } },
      422,
      "validation_failed",
      "bad_id",
      "/body/study_set/a.lock",
    ],
    [
      "an id that is too long",
      { body: { study_set: { ["é".repeat(30)]: {} } } },
      422,
      "validation_failed",
      "bad_id",
      `/body/study_set/${"é".repeat(30)}`,
    ],
    [
      "a run id that is not one",
      { run_id: "01ARZ3NDEKTSV4RRFFQ69G5FAV" },
      422,
      "validation_failed",
      "bad_id",
      "/run_id",
    ],
    [
      "a run id from the future",
      { run_id: "7zzzzzzzzz0000000000000000" },
      422,
      "validation_failed",
      "bad_id",
      "/run_id",
    ],
    ["a base that is not of main", { base: "0".repeat(40) }, 422, "validation_failed", "schema", "/base"],
    ["a base that looks like an option", { base: "--all" }, 422, "validation_failed", "schema", "/base"],
  ])("%s", async (_, body, status, code, violation, pointer) => {
    const before = await state();
    const answer = await start(body);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(answer.body.errors[0]).toMatchObject({ code: violation, pointer, collection: null, id: null });
    expect(await state()).toEqual(before);
  });

  test("a body that is too large, though it is read on to let the client hear it", async () => {
    const before = await state();
    const answer = await start({ metadata: { text: "x".repeat(2_000_000) } });
    expect([answer.status, answer.body.code]).toEqual([413, "too_large"]);
    expect(await state()).toEqual(before);
  });

  test.each([
    ["another content type", "text/plain"],
    ["no content type", ""],
    ["another character set", "application/json; charset=latin1"],
    ["a merge patch to a route that has none", "application/merge-patch+json"],
  ])("%s", async (_, type) => {
    const answer = await start("{}", { "content-type": type });
    expect([answer.status, answer.body.code]).toEqual([415, "unsupported_media_type"]);
  });

  test("another patch format, and which ones are taken", async () => {
    const answer = await call(server, "patchRun", {
      params: { run_id: run },
      body: "[]",
      headers: { "content-type": "text/x-patch" },
    });
    expect(answer.status).toBe(415);
    expect(answer.headers.get("accept-patch")).toContain("application/merge-patch+json");
  });

  test("a compressed body", async () => {
    expect((await start("{}", { "content-encoding": "gzip" })).status).toBe(415);
  });
});

test("a decimal that a double cannot repeat is kept as the nearest, with a notice", async () => {
  const { body } = await start('{"metadata": {"n": 0.12345678901234567890123}, "body": {}}');
  expect(body.metadata.n).toBe(0.12345678901234568);
  expect(body.notices).toMatchObject([{ code: "number_rounded", severity: "info" }]);
});

test("a merge patch may be called one", async () => {
  const headers = { "content-type": "application/merge-patch+json; charset=UTF-8" };
  const answer = await call(server, "patchRun", { params: { run_id: run }, body: "{}", headers });
  expect(answer.status).toBe(200);
});

describe("what does not exist", () => {
  const none = "01arz3ndektsv4rrffq69g5fav";
  test.each<[OperationId, Request, string]>([
    ["startRun", { params: { job_id: "nope" }, body: {} }, "job_not_found"],
    ["listJobRuns", { params: { job_id: "nope" } }, "job_not_found"],
    ["getJob", { params: { job_id: "nope" } }, "job_not_found"],
    ["getRun", { params: { run_id: none } }, "run_not_found"],
    ["getRun", { params: { run_id: "../../etc/passwd" } }, "run_not_found"],
    ["patchRun", { params: { run_id: none }, body: {} }, "run_not_found"],
    ["runDiff", { params: { run_id: none } }, "run_not_found"],
    ["runCommits", { params: { run_id: none } }, "run_not_found"],
    ["runValidations", { params: { run_id: none } }, "run_not_found"],
    ["previewRun", { params: { run_id: none } }, "run_not_found"],
    ["resolveRun", { params: { run_id: none }, body: { resolutions: [] } }, "run_not_found"],
    ["cancelRun", { params: { run_id: none } }, "run_not_found"],
    ["putSchema", { params: { run_id: none, name: "study" }, body: {} }, "run_not_found"],
    ["putConfiguration", { params: { run_id: none }, body: {} }, "run_not_found"],
    ["listDocuments", { params: { collection: "nope" } }, "collection_not_found"],
    ["getDocument", { params: { collection: "nope", id: "x" } }, "collection_not_found"],
    ["getDocument", { params: { collection: "study_set", id: "x" } }, "document_not_found"],
    ["getDocument", { params: { collection: "study_set", id: "../../runtree" } }, "document_not_found"],
  ])("%s %o", async (id, request, code) => {
    const { status, body } = await call(server, id, request);
    expect([status, body.code]).toEqual([404, code]);
  });

  test("a route", async () => {
    const reply = await fetch(`${server.url}/nowhere`);
    expect(reply.headers.get("content-type")).toContain("application/problem+json");
    expect(await reply.json()).toMatchObject({ status: 404, code: "not_found" });
  });

  test("a method on a route", async () => {
    const reply = await fetch(`${server.url}/runs/${run}`, { method: "DELETE" });
    expect(reply.headers.get("allow")).toBe("HEAD, GET, PATCH");
    expect(await reply.json()).toMatchObject({ status: 405, code: "method_not_allowed" });
  });

  test("a path that cannot be decoded", async () => {
    const reply = await fetch(`${server.url}/runs/%ff`);
    expect(reply.headers.get("content-type")).toContain("application/problem+json");
    expect([400, 404]).toContain(reply.status);
  });
});

describe("a query that cannot be understood", () => {
  test.each([
    ["a parameter that is not known", { colour: "red" }, "/colour"],
    ["a limit of nothing", { limit: "0" }, "/limit"],
    ["a limit that is too high", { limit: "501" }, "/limit"],
    ["an offset below nothing", { offset: "-1" }, "/offset"],
    ["a word for a number", { limit: "ten" }, "/limit"],
    ["a status that is none", { status: "done" }, "/status"],
    ["a date that is none", { start_date: "yesterday" }, "/start_date"],
    ["a boolean that is none", { has_warnings: "maybe" }, "/has_warnings"],
  ])("%s", async (_, query, pointer) => {
    const { status, body } = await call(server, "listRuns", { query: query as unknown as Record<string, string> });
    expect([status, body.code, body.errors[0].pointer]).toEqual([400, "bad_request", pointer]);
  });

  test("a parameter twice", async () => {
    const reply = await fetch(`${server.url}/runs?limit=1&limit=2`);
    expect(await reply.json()).toMatchObject({ status: 400, code: "bad_request" });
  });
});

test("a settlement without a body lacks its resolutions", async () => {
  const answer = await call(server, "resolveRun", { params: { run_id: run } });
  expect([answer.status, answer.body.errors[0].pointer]).toEqual([422, "/resolutions"]);
});

describe("jobs", () => {
  test.each([
    ["of no kind", {}, "ambiguous_job"],
    ["of two kinds", { template_id: "t", executor: "external" }, "ambiguous_job"],
    ["with a reserved id", { executor: "external", job_id: "custom" }, "validation_failed"],
    ["with a bad id", { executor: "external", job_id: ".." }, "validation_failed"],
    ["with an id of two lines", { executor: "external", job_id: "a\nRun-Id: b" }, "validation_failed"],
  ])("%s", async (_, body, code) => {
    const answer = await call(server, "createJob", { body });
    expect([answer.status, answer.body.code]).toEqual([422, code]);
  });

  test("with an id that is taken", async () => {
    await call(server, "createJob", { body: { executor: "external", job_id: "mine" } });
    const again = await call(server, "createJob", { body: { executor: "external", job_id: "mine" } });
    expect(again.body.errors).toMatchObject([{ code: "duplicate", pointer: "/job_id" }]);
  });

  test("with members that are not known are warned of them", async () => {
    const { body } = await call(server, "createJob", { body: { executor: "external", colour: "red" } });
    expect(body.warnings).toEqual(["The member colour is not known and was ignored."]);
  });
});

describe("settings", () => {
  test.each([
    ["a schema that is no object", "putSchema", [], ""],
    ["a configuration of the wrong shape", "putConfiguration", { format: 1 }, "/collections"],
    [
      "a configuration with a member that is not known",
      "putConfiguration",
      { format: 1, collections: {}, extra: 1 },
      "/extra",
    ],
    ["a configuration of another format", "putConfiguration", { format: 2, collections: {} }, "/format"],
    [
      "a schema outside schemas/",
      "putConfiguration",
      { format: 1, collections: { a: { schema: "../x.json" } } },
      "/collections/a/schema",
    ],
  ] as const)("%s", async (_, id, body, pointer) => {
    const answer = await call(server, id, { params: { run_id: run, name: "study" }, body });
    expect([answer.status, answer.body.errors[0].pointer]).toEqual([422, pointer]);
  });

  test("a schema of a bad name", async () => {
    for (const name of ["../../x", "study.schema.json", "con"]) {
      const answer = await call(server, "putSchema", { params: { run_id: run, name }, body: {} });
      expect([answer.status, answer.body.errors[0].code]).toEqual([422, "bad_id"]);
    }
  });
});

test("a run id that is taken", async () => {
  const id = run;
  expect((await start({ run_id: id })).body).toMatchObject({ status: 409, code: "run_exists" });
});
