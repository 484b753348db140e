import { beforeAll, describe, expect, test } from "vitest";
import { git } from "../support/git.ts";
import { call } from "../support/http.ts";
import { startServerForFile, type TestServer } from "../support/server.ts";

let server: TestServer;
let first: string;
let second: string;
let open: string;
let between: string;

beforeAll(() =>
  startServerForFile(async (started) => {
    server = started;
    const merge = async (description: string): Promise<string> => {
      const body = { done: true, body: { study_set: { "nmdc:sty-1": { title: "A study", description } } } };
      return (await call(server, "startRun", { params: { job_id: "custom" }, body })).body.merge.commit;
    };
    first = await merge("first");
    between = new Date().toISOString();
    await new Promise((resolve) => setTimeout(resolve, 5));
    second = await merge("second");
    const body = { body: { study_set: { "nmdc:sty-1": { description: "proposed" } } } };
    open = (await call(server, "startRun", { params: { job_id: "custom" }, body })).body.id;
  }),
);

const params = { collection: "study_set", id: "nmdc:sty-1" };
const at = async (text: string): Promise<{ status: number; text: string; commit: string | null }> => {
  const { status, body, headers } = await call(server, "getDocument", { params, query: { at: text } });
  return { status, text: status === 200 ? body.description : body.code, commit: headers.get("runtree-commit") };
};

describe("a document", () => {
  test("is read with its blob as entity tag and the commit it was read at", async () => {
    const { body, headers } = await call(server, "getDocument", { params });
    expect(body).toEqual({ id: "nmdc:sty-1", title: "A study", description: "second" });
    expect(headers.get("runtree-commit")).toBe(second);
    const path = git(server.gitDir, "ls-tree", "-r", "--name-only", "main", "metadata/").trim();
    expect(path).toMatch(/^metadata\/study_set\/[0-9a-f]{2}\/nmdc%3Asty-1\.json$/);
    const blob = git(server.gitDir, "rev-parse", `main:${path}`).trim();
    expect(headers.get("etag")).toBe(`"${blob}"`);
    const again = await call(server, "getDocument", { params, headers: { "if-none-match": `W/"x", "${blob}"` } });
    expect([again.status, again.body]).toEqual([304, null]);
  });

  test("is read as it was: at a commit, a tag, a time, or in a run", async () => {
    git(server.gitDir, "-c", "core.hooksPath=/dev/null", "tag", "-a", "v1", "-m", "one", first);
    expect(await at(first)).toEqual({ status: 200, text: "first", commit: first });
    expect(await at("v1")).toEqual({ status: 200, text: "first", commit: first });
    expect(await at(between)).toEqual({ status: 200, text: "first", commit: first });
    expect(await at("2999-01-01T00:00:00Z")).toMatchObject({ text: "second", commit: second });
    expect(await at("2999-06-30T23:59:60Z")).toMatchObject({ text: "second", commit: second });
    expect(await at(first.slice(0, 8))).toEqual({ status: 200, text: "first", commit: first });
    expect(await at(`run:${open}`)).toMatchObject({ text: "proposed" });
  });

  test.each([
    ["a time before everything", "1999-01-01T00:00:00Z", 404],
    ["a commit that is not there", "0".repeat(40), 404],
    ["a tag that is not there", "v9", 404],
    ["a run that is not there", "run:none", 404],
    ["a branch", "main", 404],
    ["an option", "--all", 400],
    ["a range", "main..v1", 400],
    ["a peeled name", "v1^{tree}", 400],
  ])("at %s is refused", async (_, text, status) => {
    expect((await at(text)).status).toBe(status);
  });
});

describe("lists", () => {
  test("of documents, a page at a time, at any commit", async () => {
    const many = Object.fromEntries(Array.from({ length: 5 }, (_, index) => [`d${index}`, { name: `file ${index}` }]));
    const { body: run } = await call(server, "startRun", {
      params: { job_id: "custom" },
      body: { done: true, body: { data_object_set: many } },
    });
    const list = { params: { collection: "data_object_set" } };
    const whole = (await call(server, "listDocuments", list)).body;
    expect(whole).toMatchObject({ total: 5, limit: 50, offset: 0 });
    const page = await call(server, "listDocuments", { ...list, query: { limit: "2", offset: "2" } });
    expect(page.body.items).toEqual(whole.items.slice(2, 4));
    expect(page.headers.get("runtree-commit")).toBe(run.merge.commit);
    const single = await call(server, "getDocument", {
      params: { collection: "data_object_set", id: whole.items[0].id },
    });
    expect(single.headers.get("etag")).toBe(`"${whole.items[0].etag}"`);
    expect(single.body).toEqual(whole.items[0].document);
    expect((await call(server, "listDocuments", { ...list, query: { at: first } })).body.total).toBe(0);
  });

  test("of collections, with how many documents each has", async () => {
    const { body } = await call(server, "listCollections");
    expect(body.items.find(({ name }: { name: string }) => name === "study_set")).toEqual({
      name: "study_set",
      schema: "schemas/study.schema.json",
      shards: 1,
      documents: 1,
    });
  });
});

test("a configuration can be put on a run and merged", async () => {
  const { body: run } = await call(server, "startRun", { params: { job_id: "custom" }, body: {} });
  const configuration = JSON.parse(git(server.gitDir, "show", "main:runtree.json"));
  configuration.collections.readings = { shards: 0 };
  await call(server, "putConfiguration", { params: { run_id: run.id }, body: configuration });
  const done = await call(server, "patchRun", {
    params: { run_id: run.id },
    body: { done: true, body: { readings: { r1: { value: 1 } } } },
  });
  expect(done.body.status).toBe("success");
  expect((await call(server, "getDocument", { params: { collection: "readings", id: "r1" } })).body).toEqual({
    id: "r1",
    value: 1,
  });
  expect(git(server.gitDir, "ls-tree", "-r", "--name-only", "main", "metadata/readings").trim()).toBe(
    "metadata/readings/r1.json",
  );
});

test("the service says how it is", async () => {
  expect((await call(server, "getHealth")).body).toEqual({ status: "ok" });
  expect((await call(server, "getReadiness")).body).toMatchObject({ status: "ready" });
  expect((await call(server, "getVersion")).body).toMatchObject({ name: "runtree", format: 1 });
});

describe("schemas", () => {
  test("are listed with the collections they rule, and read as they were written", async () => {
    const { body } = await call(server, "listSchemas");
    expect(body.items).toContainEqual({ name: "study", collections: ["study_set"] });
    expect(body.items.map(({ name }: { name: string }) => name)).toEqual(
      git(server.gitDir, "ls-tree", "--name-only", "main:schemas")
        .trim()
        .split("\n")
        .map((name) => name.replace(".schema.json", ""))
        .sort(),
    );
    const study = await call(server, "getSchema", { params: { name: "study" } });
    expect(study.body).toEqual(JSON.parse(git(server.gitDir, "show", "main:schemas/study.schema.json")));
    const blob = git(server.gitDir, "rev-parse", "main:schemas/study.schema.json").trim();
    expect(study.headers.get("etag")).toBe(`"${blob}"`);
    const again = await call(server, "getSchema", {
      params: { name: "study" },
      headers: { "if-none-match": `"${blob}"` },
    });
    expect(again.status).toBe(304);
  });

  test.each(["nothing", "../runtree", "study.schema.json"])("called %j are not found", async (name) => {
    expect((await call(server, "getSchema", { params: { name } })).body.code).toBe("not_found");
  });
});
