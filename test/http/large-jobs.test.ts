import { beforeAll, expect, test } from "vitest";
import type { OperationId } from "../../src/contract/operations.ts";
import { type Answer, call } from "../support/http.ts";
import { enqueue, makeTemplate, SCRIPTS } from "../support/jobs.ts";
import { startServerForFile, type TestServer } from "../support/server.ts";

/** So many jobs of nearly a quarter of a MiB are more than an answer has room for. */
const MANY = 70;
const MOST = 17_000_000;
const LARGE = { text: "x".repeat(255_000) };
const WIDE = { list: Array.from({ length: 37_000 }, (_, index) => index % 10) };

/** Those that wait, and those that agents are at work on; the newest first. */
const queued: string[] = [];
const running: string[] = [];
let server: TestServer;
beforeAll(() =>
  startServerForFile(
    async (started) => {
      server = started;
      await makeTemplate(server, "noop", { default_params: LARGE });
      const agents = { template_id: "agents", executor: "external", default_params: LARGE };
      await call(server, "createTemplate", { body: agents });
      await Promise.all(Array.from({ length: MANY }, async (__, n) => enqueue(server, "noop", { params: { n } })));
      const start = async (): Promise<unknown> =>
        call(server, "startRun", { params: { job_id: await enqueue(server, "agents") }, body: {} });
      await Promise.all(Array.from({ length: MANY }, start));
      for (const [ids, query] of [
        [queued, { status: "queued" }],
        [running, { status: "running" }],
      ] as const) {
        for (const offset of ["0", "35"])
          ids.push(...idsOf(await call(server, "listJobs", { query: { ...query, limit: "35", offset } })));
      }
    },
    ["--concurrency", "0"],
    SCRIPTS,
  ),
);

const idsOf = ({ body }: Answer): string[] => body.items.map(({ job_id }: { job_id: string }) => job_id);
const sizeOf = ({ body }: Answer): number => JSON.stringify(body.items).length;

/** The query that the next page is asked for by; null behind the last. */
function nextOf({ headers }: Answer): Record<string, string> | null {
  const [, search] = /<[^>?]*\?([^>]*)>; rel="next"/.exec(headers.get("link") ?? "") ?? [];
  return search === undefined ? null : Object.fromEntries(new URLSearchParams(search));
}

/** All pages of a list, each as large as an answer may be. */
async function pagesOf(list: OperationId, first: Record<string, string>): Promise<string[][]> {
  const pages: string[][] = [];
  for (let query: Record<string, string> | null = first; query !== null;) {
    const answer = await call(server, list, { query });
    expect(sizeOf(answer)).toBeLessThan(MOST);
    pages.push(idsOf(answer));
    query = nextOf(answer);
  }
  return pages;
}

test.each<[string, OperationId, Record<string, string>, () => string[]]>([
  ["by limit and offset", "listJobs", { limit: "500" }, () => [...running, ...queued]],
  ["by cursor", "listJobs", { limit: "500", cursor: "" }, () => [...running, ...queued]],
  ["in the order of dispatch", "getQueue", { limit: "500" }, () => queued.toReversed()],
])("a page of large jobs ends early, and the next goes on from there: %s", async (_, list, query, all) => {
  const pages = await pagesOf(list, query);
  expect(pages.length).toBeGreaterThan(1);
  expect(pages.flat()).toEqual(all());
});

test("a page by number that would end early is refused, and one that need not is given", async () => {
  const refused = await call(server, "listJobs", { query: { page_size: "500" } });
  expect([refused.status, refused.body.code]).toEqual([400, "bad_request"]);
  const second = await call(server, "listJobs", { query: { page: "2", page_size: "40" } });
  expect(idsOf(second)).toEqual([...running, ...queued].slice(40, 80));
});

test("the answer to a reorder, and what is running, end early as well", async () => {
  const [last = ""] = queued;
  const reordered = await call(server, "reorderQueue", { body: { job_ids: [last] } });
  expect([idsOf(reordered)[0], reordered.body.total]).toEqual([last, MANY]);
  await call(server, "moveJob", { params: { job_id: last }, body: { position: MANY } });
  const monitored = await call(server, "monitorJobs");
  expect(sizeOf(monitored)).toBeLessThan(MOST);
  const rest = await pagesOf("listJobs", nextOf(monitored) ?? {});
  expect([...idsOf(monitored), ...rest.flat()]).toEqual(running);
});

test("a comparison with jobs of many parts is soon over, and one with the same is found behind them", async () => {
  await call(server, "createTemplate", { body: { template_id: "wide", executor: "external", default_params: WIDE } });
  const wide = async (n: number): Promise<string> => enqueue(server, "wide", { params: { n } });
  const first = await wide(0);
  for (let n = 1; n < 30; n++) await wide(n);
  const check = async (job_id: string): Promise<Answer> => call(server, "dedupCheck", { params: { job_id } });
  const since = performance.now();
  const { signal, similarity_score } = (await check(first)).body;
  expect(performance.now() - since).toBeLessThan(1000);
  expect([signal, similarity_score]).toEqual(["MEDIUM", expect.closeTo(1, 3)]);
  expect((await check(await wide(0))).body).toMatchObject({ signal: "HIGH", duplicate_of: { job_id: first } });
});
