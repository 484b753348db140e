import { expect, test } from "vitest";
import { call } from "../support/http.ts";
import { enqueue, jobBegun, jobEnded, makeTemplate, SCRIPTS } from "../support/jobs.ts";
import { startServer } from "../support/server.ts";

/** The samples of an answer of `/metrics`, by name with labels. */
function samples(text: string): Map<string, number> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.split(" ").at(-1))]));
}

test("requests, merges, the journal, the index and git are counted", async () => {
  const server = await startServer();
  const start = async (title: unknown): Promise<unknown> =>
    call(server, "startRun", {
      params: { job_id: "custom" },
      body: { done: true, body: { study_set: { s: { title } } } },
    });
  await start("A study");
  await start(7);
  await call(server, "startRun", { params: { job_id: "custom" }, body: {} });
  await fetch(`${server.url}/nowhere`);
  const { body } = await call(server, "getMetrics");
  const found = samples(body);
  expect(found.get('runtree_http_requests_total{operation="startRun",status="201"}')).toBe(2);
  expect(found.get('runtree_http_requests_total{operation="startRun",status="422"}')).toBe(1);
  expect(found.get('runtree_http_requests_total{operation="none",status="404"}')).toBe(1);
  expect(found.get('runtree_http_request_seconds_count{operation="startRun"}')).toBe(3);
  expect(found.get('runtree_merges_total{outcome="merged"}')).toBe(1);
  expect(found.get('runtree_merges_total{outcome="rejected"}')).toBe(1);
  expect(found.get("runtree_merge_seconds_count")).toBe(2);
  // Two commits for each run that was judged, one for the last.
  expect(found.get("runtree_journal_groups_total")).toBe(5);
  expect(found.get("runtree_journal_appends_total")).toBeGreaterThan(0);
  expect(found.get("runtree_journal_bytes_total")).toBeGreaterThan(1000);
  expect(found.get("runtree_index_documents")).toBe(1);
  expect(found.get("runtree_index_runs")).toBe(3);
  expect(found.get("runtree_open_runs")).toBe(2);
  expect(found.get("runtree_git_processes_total")).toBeGreaterThan(0);
  expect(found.get("process_resident_memory_bytes")).toBeGreaterThan(1e6);
  const again = samples((await call(server, "getMetrics")).body);
  expect(again.get("runtree_journal_groups_total")).toBe(5);
});

test("jobs that wait, run and ended are counted and logged", async () => {
  const server = await startServer({ scripts: SCRIPTS });
  await makeTemplate(server, "noop");
  await makeTemplate(server, "hang");
  await jobEnded(server, await enqueue(server, "noop"));
  await jobBegun(server, await enqueue(server, "hang"));
  await enqueue(server, "noop");
  const found = samples((await call(server, "getMetrics")).body);
  expect(found.get("runtree_running_jobs")).toBe(1);
  expect(found.get("runtree_queued_jobs")).toBe(1);
  expect(found.get('runtree_jobs_total{status="completed"}')).toBe(1);
  // The log has them, too.
  const logged = server
    .log()
    .split("\n")
    .filter((line) => line.includes('"msg":"job"'));
  const statuses = logged.map((line) => (JSON.parse(line) as { status: string }).status);
  expect(statuses).toEqual(["queued", "running", "completed", "queued", "running", "queued"]);
});
