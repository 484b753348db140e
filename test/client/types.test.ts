import { expectTypeOf, test } from "vitest";
import {
  httpTransport,
  type Arguments,
  type ItemOf,
  type PagedOperationId,
  RuntreeClient,
  type Transport,
  type Wire,
} from "../../src/index.ts";
import type { Json } from "../../src/domain/json.ts";

// Nothing here runs but the names: the compiler is the test (`tsc --project test/tsconfig.json`).

declare const client: RuntreeClient;

type Body<Promised extends (...given: never[]) => Promise<{ readonly body: unknown }>> = Awaited<
  ReturnType<Promised>
>["body"];

test("the transport over HTTP is one", () => {
  expectTypeOf(httpTransport).returns.toEqualTypeOf<Transport>();
  expectTypeOf(RuntreeClient).toBeConstructibleWith(httpTransport("http://127.0.0.1:7400"));
});

test("parameters of the path are those of the path, and needed", () => {
  expectTypeOf<Arguments<"getRun">["params"]>().toEqualTypeOf<{ readonly run_id: string }>();
  expectTypeOf<Arguments<"putSchema">["params"]>().toEqualTypeOf<{ readonly run_id: string; readonly name: string }>();
  const calls = [
    () => client.call("listRuns"),
    () => client.call("getRun", { params: { run_id: "x" } }),
    // @ts-expect-error a run has to be named
    () => client.call("getRun"),
    // @ts-expect-error by its id
    () => client.call("getRun", { params: {} }),
    // @ts-expect-error which is called so
    () => client.call("getRun", { params: { id: "x" } }),
    // @ts-expect-error and is a text
    () => client.call("getRun", { params: { run_id: 1 } }),
    // @ts-expect-error no operation is called so
    () => client.call("getRuns"),
  ];
  expectTypeOf(calls).toBeArray();
});

test("parameters of the query are those of the operation, in their types", () => {
  type Query = NonNullable<Arguments<"listRuns">["query"]>;
  expectTypeOf<Query["limit"]>().toEqualTypeOf<number | undefined>();
  expectTypeOf<Query["has_warnings"]>().toEqualTypeOf<boolean | undefined>();
  expectTypeOf<Query["job_id"]>().toEqualTypeOf<string | undefined>();
  expectTypeOf<Query["status"]>().toEqualTypeOf<Wire<"run#Run">["status"] | undefined>();
  expectTypeOf<NonNullable<Arguments<"patchRun">["query"]>>().toEqualTypeOf<{
    readonly dryRun?: boolean;
    readonly done?: boolean;
  }>();
  const calls = [
    () => client.call("listRuns", { query: { status: "success", limit: 3 } }),
    // @ts-expect-error no status is called so
    () => client.call("listRuns", { query: { status: "done" } }),
    // @ts-expect-error a number is no text
    () => client.call("listRuns", { query: { limit: "3" } }),
    // @ts-expect-error not a parameter
    () => client.call("listRuns", { query: { colour: "red" } }),
  ];
  expectTypeOf(calls).toBeArray();
});

test("a body is of the operation's shape, needed but for a POST that needs none of it, and never where there is none", () => {
  type Patch = Arguments<"patchRun">["body"];
  expectTypeOf<Patch>().toEqualTypeOf<Wire<"run#PatchRun"> | Wire<"run#JsonPatch">>();
  expectTypeOf<Arguments<"startRun">["body"]>().toEqualTypeOf<Wire<"run#StartRun"> | undefined>();
  expectTypeOf<Arguments<"resolveRun">["body"]>().toEqualTypeOf<Wire<"run#ResolveRun">>();
  expectTypeOf<Arguments<"getRun">["body"]>().toEqualTypeOf<undefined>();
  expectTypeOf<Arguments<"putSchema">["body"]>().toExtend<Json>();
  const params = { run_id: "x" };
  const calls = [
    () => client.call("startRun", { params: { job_id: "custom" } }),
    () => client.call("patchRun", { params, body: { done: true, body: { study_set: { a: { title: "x" } } } } }),
    () => client.call("patchRun", { params, body: [{ op: "add", path: "/a/b", value: {} }], query: { done: true } }),
    // @ts-expect-error a patch has a body
    () => client.call("patchRun", { params }),
    // @ts-expect-error no member is called so
    () => client.call("patchRun", { params, body: { dnoe: true } }),
    // @ts-expect-error nobody moves a run to success
    () => client.call("patchRun", { params, body: { status: "success" } }),
    // @ts-expect-error no operation is called so
    () => client.call("patchRun", { params, body: [{ op: "put", path: "/a/b", value: {} }] }),
    // @ts-expect-error an add has a value
    () => client.call("patchRun", { params, body: [{ op: "add", path: "/a/b" }] }),
    // @ts-expect-error a settlement has resolutions
    () => client.call("resolveRun", { params, body: {} }),
    // @ts-expect-error a read has no body
    () => client.call("getRun", { params, body: {} }),
  ];
  expectTypeOf(calls).toBeArray();
});

test("an answer is of the operation's shape", () => {
  const calls = {
    getRun: () => client.call("getRun", { params: { run_id: "x" } }),
    listRuns: () => client.call("listRuns"),
    getDocument: () => client.call("getDocument", { params: { collection: "a", id: "b" } }),
    getDocs: () => client.call("getDocs"),
    getHealth: () => client.call("getHealth"),
  };
  expectTypeOf<Body<typeof calls.getRun>>().toEqualTypeOf<Wire<"run#Run">>();
  expectTypeOf<Body<typeof calls.getRun>["status"]>().toEqualTypeOf<
    "waiting" | "running" | "merging" | "rejected" | "success" | "failed" | "cancelled" | "skipped"
  >();
  expectTypeOf<Body<typeof calls.listRuns>["items"]>().toEqualTypeOf<readonly Wire<"run#Run">[]>();
  expectTypeOf<Body<typeof calls.getDocument>>().toExtend<object>();
  expectTypeOf<Body<typeof calls.getDocs>>().toEqualTypeOf<string>();
  expectTypeOf<Body<typeof calls.getHealth>>().toEqualTypeOf<{ readonly status: "ok" }>();
  expectTypeOf<Awaited<ReturnType<typeof calls.getRun>>["status"]>().toEqualTypeOf<number>();
  // @ts-expect-error what was read is not for writing
  const writes = (run: Wire<"run#Run">): unknown => (run.status = "success");
  expectTypeOf(writes).toBeFunction();
});

test("items are of lists by cursor, without what asks for a page", () => {
  expectTypeOf<PagedOperationId>().toEqualTypeOf<
    "listJobRuns" | "listJobs" | "listRuns" | "listDocuments" | "listTemplates" | "listInvocations"
  >();
  expectTypeOf<ItemOf<"listRuns">>().toEqualTypeOf<Wire<"run#Run">>();
  expectTypeOf<ItemOf<"listInvocations">>().toEqualTypeOf<Wire<"invocation#Invocation">>();
  expectTypeOf<ItemOf<"listDocuments">["etag"]>().toEqualTypeOf<string>();
  const calls = [
    () => client.items("listRuns"),
    () => client.items("listRuns", { query: { limit: 500, status: "rejected" } }),
    () => client.items("listDocuments", { params: { collection: "a" } }),
    // @ts-expect-error a collection has to be named
    () => client.items("listDocuments"),
    // @ts-expect-error it goes by cursor itself
    () => client.items("listRuns", { query: { cursor: "x" } }),
    // @ts-expect-error and to the end
    () => client.items("listRuns", { query: { page: 2 } }),
    // @ts-expect-error a run is no list
    () => client.items("getRun", { params: { run_id: "x" } }),
  ];
  expectTypeOf(calls).toBeArray();
});
