import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../support/folders.ts";
import { call } from "../support/http.ts";
import { enqueue, jobUntil, makeTemplate, SCRIPTS } from "../support/jobs.ts";
import { firstNote, runtree } from "../support/program.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { type Terminal, terminal } from "../support/terminal.ts";

/** A server that starts so many jobs at once, and jobs that wait there. */
async function waiting(count: number, slots = 0): Promise<{ server: TestServer; at: Terminal; ids: string[] }> {
  const server = await startServer({ scripts: SCRIPTS, flags: ["--concurrency", String(slots)] });
  await makeTemplate(server, "hang");
  const ids: string[] = [];
  while (ids.length < count) ids.push(await enqueue(server, "hang", { title: `Job ${ids.length}` }));
  return { server, at: terminal("--url", server.url), ids };
}

/** The jobs of a queue as it is printed, in its order. */
function printed(text: string): (readonly (string | undefined)[])[] {
  const [head, ...lines] = text.trimEnd().split("\n");
  expect(head).toMatch(/^NUMBER +JOB +STATUS +TEMPLATE +PRIORITY +TITLE$/);
  return lines.map((line) => line.split(/ {2,}/)).map(([number, job, status]) => [number, job, status]);
}

const idsOf = (queue: { items: { job_id: string }[] }): string[] => queue.items.map(({ job_id }) => job_id);

test("runtree queue shows what runs, then what waits, by its number, also by its whole name and page by page", async () => {
  const { server, at, ids } = await waiting(3, 1);
  const [first = "", second, third] = ids;
  await jobUntil(server, first, ({ status }) => status === "running");
  const whole = [
    ["-", first, "running"],
    ["1", second, "queued"],
    ["2", third, "queued"],
  ];
  expect(printed(await at.text("queue"))).toEqual(whole);
  expect(await at.text("queue", "list")).toBe(await at.text("queue"));
  const page = await at.text("queue", "--limit", "1", "--offset", "1");
  expect(printed(page)).toEqual([whole[0], whole[2], ["1 of 2 that wait", undefined, undefined]]);
  expect(await at.json("queue")).toMatchObject({ running: [{ job_id: first }], total: 2 });
  const stats = await at.text("queue", "stats");
  for (const row of [/^queued +2$/m, /^have waited +median \d+\.\d s/m, /^running +1$/m, /^have run +median/m])
    expect(stats).toMatch(row);
  expect(await at.json("queue", "stats")).toMatchObject({ queued: 2, running: 1, failed_last_hour: 0 });
});

test("jobs are put first, moved, and given other priorities", async () => {
  const { at, ids } = await waiting(4);
  const [a = "", b = "", c = "", d = ""] = ids;
  expect(idsOf(await at.json("queue", "reorder", d, b))).toEqual([d, b, a, c]);
  expect(await at.json("queue", "move", a, "0")).toMatchObject({ job_id: a, position: 0, queue_position: 1 });
  expect(await at.json("queue", "priority", c, "immediate")).toMatchObject({ priority: 100, queue_position: 1 });
  expect(await at.text("queue", "priority", a, "12.5")).toMatch(/^priority +12\.5 \(low\)$/m);
  expect(idsOf(await at.json("queue"))).toEqual([c, d, b, a]);
});

test("runtree queue --follow prints the queue whenever it changes, until it is told to end", async () => {
  const { server, at, ids } = await waiting(2);
  const [a = "", b = ""] = ids;
  const [people, programs] = [at.start("queue", "--follow"), at.start("queue", "list", "--follow", "--json")];
  await Promise.all([people, programs].map(firstNote));
  await programs.until((line) => line.includes(b));
  // Of a job, and none of the queue's.
  await call(server, "startRun", { params: { job_id: "custom" }, body: {} });
  await at.text("queue", "reorder", b, a);
  const isReordered = (line: string): boolean => idsOf(JSON.parse(line) as Parameters<typeof idsOf>[0])[0] === b;
  await Promise.all([programs.until(isReordered), people.until((line) => line.startsWith(`1       ${b}`))]);
  for (const each of [people, programs]) each.process.kill("SIGINT");
  expect((await programs.ended).code).toBe(0);
  expect(programs.lines).toHaveLength(2);
  const { code, out } = await people.ended;
  expect([code, out.split("\n\n").map((text) => printed(text).map(([, job]) => job))]).toEqual([
    0,
    [
      [a, b],
      [b, a],
    ],
  ]);
});

test("what is followed ends with 7 when the server does, and with 0 when nobody reads any more", async () => {
  const { server, at, ids } = await waiting(1);
  const [left, closed] = [at.start("queue", "--follow"), at.start("queue", "--follow")];
  await Promise.all([left, closed].map(async (each) => each.until((line) => line.includes(ids[0] ?? ""))));
  closed.process.stdout?.destroy();
  await enqueue(server, "hang");
  expect((await closed.ended).code).toBe(0);
  await server.stop();
  expect((await left.ended).code).toBe(7);
});

describe("without a server", () => {
  test("the queue is read and put in order, and not followed", async () => {
    const { server, ids } = await waiting(2);
    await server.stop();
    const [a = "", b = ""] = ids;
    const here = terminal("--data", server.data);
    expect(idsOf(await here.json("queue", "reorder", b))).toEqual([b, a]);
    expect(printed(await here.text("queue"))).toEqual([
      ["1", b, "queued"],
      ["2", a, "queued"],
    ]);
    expect(await here.refusal("queue", "--follow")).toEqual([2, "bad_request"]);
  });

  test("an empty queue is said to be empty", async () => {
    const data = temporaryFolder();
    await runtree(["init", "--data", data]);
    expect(await terminal("--data", data).text("queue")).toBe("the queue is empty\n");
  });
});

test("what is no place, no priority or no job of the queue is refused", async () => {
  const { at, ids } = await waiting(1);
  const [id = ""] = ids;
  for (const [args, exit, code] of [
    [["reorder"], 2, "bad_request"],
    [["reorder", "nope"], 6, "job_not_found"],
    [["reorder", "custom"], 4, "job_not_queued"],
    [["move", id, "first"], 2, "bad_request"],
    [["move", id, "-1"], 3, "validation_failed"],
    [["priority", id, "urgent"], 2, "bad_request"],
  ] as const)
    expect([args, ...(await at.refusal("queue", ...args))]).toEqual([args, exit, code]);
});
