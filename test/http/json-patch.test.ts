import { beforeAll, describe, expect, test } from "vitest";
import { git } from "../support/git.ts";
import { type Answer, call } from "../support/http.ts";
import { startServerForFile, type TestServer } from "../support/server.ts";

let server: TestServer;
beforeAll(() => startServerForFile((started) => void (server = started)));

const JSON_PATCH = { "content-type": "application/json-patch+json" };
const start = async (body: object = {}): Promise<{ id: string; head: string }> =>
  (await call(server, "startRun", { params: { job_id: "custom" }, body })).body;
const patch = (
  id: string,
  operations: unknown,
  query: Record<string, string> = {},
  headers: Record<string, string> = {},
): Promise<Answer> =>
  call(server, "patchRun", {
    params: { run_id: id },
    body: operations,
    query,
    headers: { ...JSON_PATCH, ...headers },
  });
const read = async (path: string, at: string): Promise<unknown> => {
  const [collection = "", id = ""] = path.split("/");
  return (await call(server, "getDocument", { params: { collection, id }, query: { at } })).body;
};
const treeOf = (commit: string): string => git(server.gitDir, "rev-parse", `${commit}:metadata`).trim();
const commits = (): string => git(server.gitDir, "rev-list", "--all", "--count").trim();

let count = 0;
const fresh = (): string => `st-patch-${++count}`;

test("a JSON Patch is a submission: one commit, with the warnings of what it leaves behind", async () => {
  const [one, two] = [fresh(), fresh()];
  const run = await start({ body: { study_set: { [one]: { title: "Cores", websites: ["https://a.example"] } } } });
  const before = Number(commits());
  const { body } = await patch(run.id, [
    { op: "test", path: `/study_set/${one}/title`, value: "Cores" },
    { op: "add", path: `/study_set/${one}/websites/0`, value: "https://b.example" },
    { op: "copy", from: `/study_set/${one}`, path: `/study_set/${two}` },
    { op: "replace", path: `/study_set/${two}/id`, value: two },
    { op: "remove", path: `/study_set/${two}/title`, comment: "members that RFC 6902 does not name are passed over" },
  ]);
  expect(Number(commits())).toBe(before + 1);
  expect([body.status, body.submissions, body.warnings.length]).toEqual(["waiting", 2, 1]);
  expect(body.warnings[0]).toMatchObject({ code: "schema", collection: "study_set", id: two, pointer: "/title" });
  expect(await read(`study_set/${one}`, `run:${run.id}`)).toEqual({
    id: one,
    title: "Cores",
    websites: ["https://b.example", "https://a.example"],
  });

  const mended = await patch(run.id, [{ op: "add", path: `/study_set/${two}/title`, value: "More" }], { done: "true" });
  expect([mended.body.status, mended.body.merge.verdict.outcome]).toEqual(["success", "merged"]);
  expect((await call(server, "patchRun", { params: { run_id: run.id }, body: { done: true } })).status).toBe(200);
});

test("it leaves the same documents as a merge patch that says the same", async () => {
  const [one, two] = [fresh(), fresh()];
  await start({
    done: true,
    body: { study_set: { [one]: { title: "A", doi: "10.1234/x" }, [two]: { title: "B", description: "F" } } },
  });
  const [merge, patched] = [await start(), await start()];
  const body = { study_set: { [one]: null, [two]: { title: "C", doi: "10.1234/x", description: null } } };
  const left = await call(server, "patchRun", { params: { run_id: merge.id }, body: { body } });
  const right = await patch(patched.id, [
    { op: "move", from: `/study_set/${one}/doi`, path: `/study_set/${two}/doi` },
    { op: "remove", path: `/study_set/${one}` },
    { op: "replace", path: `/study_set/${two}/title`, value: "C" },
    { op: "remove", path: `/study_set/${two}/description` },
  ]);
  expect(treeOf(right.body.head)).toBe(treeOf(left.body.head));
  const messages = [left, right].map(({ body: { id, head } }) =>
    git(server.gitDir, "log", "-1", "--format=%B", head).replaceAll(id, "ID").split("\n").toSorted(),
  );
  expect(messages[1]).toEqual(messages[0]);
});

test("a whole document that keeps another's id is a warning before done and refused then", async () => {
  const [one, two] = [fresh(), fresh()];
  const run = await start({ body: { study_set: { [one]: { title: "A" } } } });
  const move = [{ op: "move", from: `/study_set/${one}`, path: `/study_set/${two}` }];
  const { body } = await patch(run.id, move);
  expect(body.warnings).toMatchObject([{ code: "id_mismatch", id: two }]);
  const refused = await patch(run.id, [], { done: "true" });
  expect([refused.status, refused.body.errors[0].code]).toEqual([422, "id_mismatch"]);
});

test("it can be rehearsed, repeated and held to a tip", async () => {
  const one = fresh();
  const run = await start({ body: { study_set: { [one]: { title: "A" } } } });
  const add = [{ op: "add", path: `/study_set/${one}/websites`, value: ["https://x.example"] }];
  const before = commits();
  expect((await patch(run.id, add, { dryRun: "true", done: "true" })).body.status).toBe("success");
  expect((await patch(run.id, add, {}, { "if-match": `"${"0".repeat(40)}"` })).status).toBe(412);
  expect(commits()).toBe(before);

  const append = [{ op: "add", path: `/study_set/${one}/websites/-`, value: "https://y.example" }];
  const key = { "idempotency-key": `key-${one}` };
  expect((await patch(run.id, add, {}, { "if-match": `"${run.head}"` })).status).toBe(200);
  const first = await patch(run.id, append, {}, key);
  const again = await patch(run.id, append, {}, key);
  expect(again.body.head).toBe(first.body.head);
  expect(await read(`study_set/${one}`, `run:${run.id}`)).toMatchObject({
    websites: ["https://x.example", "https://y.example"],
  });
  const otherwise = await patch(run.id, append, { done: "true" }, key);
  expect([otherwise.status, otherwise.body.code]).toEqual([422, "idempotency_key_reused"]);
});

describe("refused, with a pointer and nothing written", () => {
  const id = "st-refused";
  let run: string;
  beforeAll(async () => {
    run = (await start({ body: { study_set: { [id]: { title: "A", list: [1] } } } })).id;
  });
  const fine = { op: "add", path: `/study_set/${id}/title`, value: "B" };

  test.each<[string, unknown, string, string]>([
    ["no array", { op: "add" }, "schema", ""],
    ["an operation that is none", [fine, 1], "schema", "/1"],
    ["an operation without op", [fine, { path: "/a/b" }], "schema", "/1/op"],
    ["a wrong op", [fine, { op: "patch", path: "/a/b" }], "schema", "/1/op"],
    ["an op that every object inherits", [fine, { op: "toString", path: "/a/b" }], "schema", "/1/op"],
    ["an operation without path", [fine, { op: "remove" }], "schema", "/1/path"],
    ["a path that is a number", [fine, { op: "remove", path: 1 }], "schema", "/1/path"],
    ["an add without value", [fine, { op: "add", path: `/study_set/${id}/x` }], "schema", "/1/value"],
    ["a test without value", [fine, { op: "test", path: `/study_set/${id}/x` }], "schema", "/1/value"],
    ["a copy without from", [fine, { op: "copy", path: `/study_set/${id}/x` }], "schema", "/1/from"],
    ["the root", [fine, fine, { op: "replace", path: "", value: {} }], "schema", "/2/path"],
    ["a whole collection", [fine, fine, { op: "remove", path: "/study_set" }], "schema", "/2/path"],
    ["a test of a whole collection", [{ op: "test", path: "/study_set", value: {} }], "schema", "/0/path"],
    ["a collection to move from", [{ op: "move", from: "/study_set", path: "/other/x" }], "schema", "/0/from"],
    ["a hostile key", [fine, { op: "add", path: `/study_set/${id}/__proto__/x`, value: 1 }], "hostile_key", "/1/path"],
    [
      "a hostile key in a value",
      `[{"op":"add","path":"/study_set/x","value":{"__proto__":1}}]`,
      "hostile_key",
      "/0/value/__proto__",
    ],
    ["a bad id", [{ op: "remove", path: "/study_set/.." }], "bad_id", "/0/path"],
    ["a failed test", [fine, { op: "test", path: `/study_set/${id}/title`, value: "A" }], "schema", "/1"],
    ["a missing path", [fine, { op: "remove", path: `/study_set/${id}/x` }], "schema", "/1/path"],
    ["a missing document", [fine, { op: "remove", path: "/study_set/st-none" }], "schema", "/1/path"],
    ["a missing collection", [fine, { op: "add", path: "/no_such_set/x/y", value: 1 }], "schema", "/1/path"],
    [
      "growth",
      Array.from({ length: 40 }, () => ({
        op: "copy",
        from: `/study_set/${id}/list`,
        path: `/study_set/${id}/list/-`,
      })),
      "too_large",
      "/",
    ],
  ])("%s", async (_, operations, code, pointer) => {
    const before = commits();
    const { status, body } = await patch(run, operations, { done: "true" });
    expect([status, body.code]).toEqual([422, "validation_failed"]);
    expect(body.errors[0]).toMatchObject({ code, collection: null, id: null });
    if (pointer === "/") expect(body.errors[0].pointer).toMatch(/^\/\d+\//);
    else expect(body.errors[0].pointer).toBe(pointer);
    expect(commits()).toBe(before);
  });

  test("done in the query, where the body has a member for it", async () => {
    for (const type of ["application/json", "application/merge-patch+json"]) {
      const { status, body } = await patch(run, {}, { done: "true" }, { "content-type": type });
      expect([status, body.code, body.errors[0].pointer]).toEqual([400, "bad_request", "/done"]);
    }
  });

  test("a value that the query cannot have, and a run that is not there or closed", async () => {
    expect((await patch(run, [], { done: "perhaps" })).body.errors[0].pointer).toBe("/done");
    expect((await patch("01arz3ndektsv4rrffq69g5fav", [{ op: "remove", path: "" }])).status).toBe(404);
    const { id: closed } = await start({ done: true });
    expect((await patch(closed, [], { done: "true" })).body.code).toBe("run_closed");
    expect((await patch(closed, [fine])).body.code).toBe("run_closed");
  });
});

test("the types that a run can be patched by are named where another is sent", async () => {
  const { id } = await start();
  const answer = await patch(id, [], {}, { "content-type": "text/x-patch" });
  expect(answer.status).toBe(415);
  expect(answer.headers.get("accept-patch")).toBe(
    "application/json, application/merge-patch+json, application/json-patch+json",
  );
});
