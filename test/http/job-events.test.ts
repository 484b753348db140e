import { beforeAll, expect, test } from "vitest";
import { call } from "../support/http.ts";
import { type EventClient, follow } from "../support/events.ts";
import { enqueue, makeTemplate, SCRIPTS } from "../support/jobs.ts";
import { startServerForFile, type TestServer } from "../support/server.ts";

let server: TestServer;
beforeAll(() =>
  startServerForFile(
    async (started) => {
      server = started;
      for (const name of ["noop", "fails", "hang"]) await makeTemplate(server, name);
      await makeTemplate(server, "skips", { skip_exit_code: 75 });
    },
    [],
    SCRIPTS,
  ),
);

/** What was told of a job, by types, when one of them was told. */
async function toldUntil(client: EventClient, id: string, last: string): Promise<string[]> {
  const told = (): string[] =>
    client.seen.filter(({ type, data }) => type.startsWith("job.") && data["job_id"] === id).map(({ type }) => type);
  while (!told().includes(last)) await client.until(client.seen.length + 1);
  return told();
}

test.each([
  ["noop", "job.completed"],
  ["fails", "job.failed"],
  ["skips", "job.skipped"],
])("followers hear how a job of %s ended: %s, once", async (template, last) => {
  const client = await follow(server.url);
  const id = await enqueue(server, template);
  expect(await toldUntil(client, id, last)).toEqual(["job.created", "job.running", last]);
});

test("followers hear that a job at work was cancelled, once", async () => {
  const client = await follow(server.url);
  const id = await enqueue(server, "hang");
  await toldUntil(client, id, "job.running");
  await call(server, "cancelJob", { params: { job_id: id } });
  expect(await toldUntil(client, id, "job.cancelled")).toEqual(["job.created", "job.running", "job.cancelled"]);
});
