import { beforeAll, describe, expect, test } from "vitest";
import type { OperationId } from "../../src/contract/operations.ts";
import { type Answer, call } from "../support/http.ts";
import { startServerForFile, type TestServer } from "../support/server.ts";

let server: TestServer;
const ids: string[] = [];
const params = { job_id: "custom", collection: "datasets" };

beforeAll(() =>
  startServerForFile(async (started) => {
    server = started;
    for (let number = 0; number < 5; number++) {
      const body = { done: true, body: { datasets: { [`d-${number}`]: { title: "A dataset" } } } };
      ids.unshift((await call(server, "startRun", { params, body })).body.id);
    }
  }),
);

const LISTS: [OperationId, () => string[]][] = [
  ["listRuns", () => ids],
  ["listJobRuns", () => ids],
  ["listDocuments", () => ["d-0", "d-1", "d-2", "d-3", "d-4"]],
];

const page = async (list: OperationId, query: Record<string, string>): Promise<Answer> =>
  call(server, list, { params, query });
const idsOf = ({ body }: Answer): string[] => body.items.map(({ id }: { id: string }) => id);
const cursorOf = (name: string): string => Buffer.from(name).toString("base64url");

/** Where a `Link` leads, by relation. */
function linksOf({ headers }: Answer): Record<string, string> {
  const links = (headers.get("link") ?? "").matchAll(/<([^>]*)>; rel="(\w+)"/g);
  return Object.fromEntries(Array.from(links, ([, url = "", relation = ""]) => [relation, url]));
}

/** Follows the links of a relation to the end and returns the ids of every page. */
async function follow(answer: Answer, relation: string): Promise<string[][]> {
  const pages = [idsOf(answer)];
  for (let next = linksOf(answer)[relation]; next !== undefined;) {
    const reply = await fetch(server.url + next);
    const found: Answer = { status: reply.status, headers: reply.headers, body: await reply.json() };
    pages.push(idsOf(found));
    next = linksOf(found)[relation];
  }
  return pages;
}

describe.each(LISTS)("%s", (list, all) => {
  const inPairs = (): string[][] => [all().slice(0, 2), all().slice(2, 4), all().slice(4)];

  test("is read by limit and offset", async () => {
    const first = await page(list, { limit: "2" });
    expect(first.body).toMatchObject({ total: 5, limit: 2, offset: 0 });
    expect(await follow(first, "next")).toEqual(inPairs());
    const middle = await page(list, { limit: "2", offset: "2" });
    expect(Object.keys(linksOf(middle))).toEqual(["first", "prev", "next", "last"]);
    expect(linksOf(await page(list, {}))).toEqual({});
  });

  test("is read by page and page_size", async () => {
    const first = await page(list, { page_size: "2" });
    expect(first.body).toMatchObject({ total: 5, page: 1, page_size: 2 });
    expect(first.body).not.toHaveProperty("limit");
    expect(await follow(first, "next")).toEqual(inPairs());
    const last = await page(list, { page_size: "2", page: "3" });
    expect(last.body).toMatchObject({ page: 3, total: 5 });
    expect((await follow(last, "prev")).reverse()).toEqual(inPairs());
    expect((await page(list, { page: "1" })).body).toMatchObject({ page: 1, page_size: 50 });
    expect(idsOf(await page(list, { page: "9", page_size: "2" }))).toEqual([]);
  });

  test("is read by cursor", async () => {
    const first = await page(list, { cursor: "", limit: "2" });
    expect(Object.keys(first.body).filter((name) => name !== "runs")).toEqual(["items", "next_cursor"]);
    expect(await follow(first, "next")).toEqual(inPairs());
    const last = await page(list, { cursor: "" });
    expect(last.body.next_cursor).toBeNull();
    expect(linksOf(last)).toEqual({});
  });

  test.each<[Record<string, string>, string]>([
    [{ cursor: "", offset: "1" }, "/offset"],
    [{ cursor: "", page: "1" }, "/page"],
    [{ cursor: "", page_size: "1" }, "/page_size"],
    [{ page: "1", limit: "2" }, "/limit"],
    [{ page_size: "1", offset: "2" }, "/offset"],
    [{ cursor: "*" }, "/cursor"],
    [{ page: "0" }, "/page"],
    [{ limit: "501" }, "/limit"],
    [{ page_size: "0" }, "/page_size"],
    [{ offset: "-1" }, "/offset"],
    [{ limit: "two" }, "/limit"],
  ])("is refused when the ways are mixed or a value is none: %j", async (query, pointer) => {
    const { status, body } = await page(list, query);
    expect([status, body.code, body.errors[0].pointer]).toEqual([400, "bad_request", pointer]);
  });
});

test("a cursor of a run that is none is refused", async () => {
  expect((await page("listRuns", { cursor: cursorOf("0".repeat(26)) })).body.code).toBe("bad_request");
});

test("a cursor passes by what comes in between", async () => {
  const first = await page("listRuns", { cursor: "", limit: "2" });
  const { body: newer } = await call(server, "startRun", { params, body: {} });
  const rest = (await follow(first, "next")).flat();
  expect(rest).toEqual(ids);
  await call(server, "cancelRun", { params: { run_id: newer.id }, body: {} });
});

test("a cursor of a document that is gone, or never was, goes on behind where it would be", async () => {
  await call(server, "startRun", { params, body: { done: true, body: { datasets: { "d-2": null } } } });
  expect(idsOf(await page("listDocuments", { cursor: cursorOf("d-2") }))).toEqual(["d-3", "d-4"]);
  expect(idsOf(await page("listDocuments", { cursor: cursorOf("d-1~") }))).toEqual(["d-3", "d-4"]);
});

test("an earlier commit is read by cursor, too", async () => {
  const { body } = await call(server, "getRun", { params: { run_id: ids[2] ?? "" } });
  const first = await page("listDocuments", { at: body.merge.commit, cursor: "", limit: "2" });
  expect(await follow(first, "next")).toEqual([["d-0", "d-1"], ["d-2"]]);
});
