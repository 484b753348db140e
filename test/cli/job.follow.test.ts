import { writeFileSync } from "node:fs";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { call } from "../support/http.ts";
import { enqueue, jobEnded, jobUntil, makeTemplate, SCRIPTS } from "../support/jobs.ts";
import { firstNote } from "../support/program.ts";
import { startServer, startServerForFile, type TestServer } from "../support/server.ts";
import { type Terminal, terminal } from "../support/terminal.ts";

const COMMANDS = {
  ...SCRIPTS,
  speaks: 'echo begun; while test ! -e go; do sleep 0.05; done; printf "a\\tb\\n\\033[31mred\\nno end"',
  silent: "exit 0",
};

let server: TestServer;
let at: Terminal;
beforeAll(() =>
  startServerForFile(
    async (started) => {
      server = started;
      at = terminal("--url", server.url);
      for (const name of Object.keys(COMMANDS)) await makeTemplate(server, name);
    },
    ["--concurrency", "4"],
    COMMANDS,
  ),
);

describe("runtree job log", () => {
  test("--follow waits for the process, prints as it prints, and ends with it; without, what there is", async () => {
    const id = await enqueue(server, "speaks");
    const [people, programs] = [[], ["--json"]].map((more) => at.start("job", "log", id, "--follow", ...more));
    await Promise.all([people?.until((line) => line === "begun"), programs?.until((line) => line.includes("begun"))]);
    expect(await at.text("job", "log", id)).toBe("begun\n");
    writeFileSync(`${server.data}/go`, "");
    const whole = "begun\na\tb\n\\u001b[31mred\nno end";
    expect(await people?.ended).toEqual({ code: 0, out: whole, err: "" });
    const { code, out } = (await programs?.ended) ?? { code: null, out: "" };
    const lines = out.trimEnd().split("\n");
    const printed = ["begun", "a\tb", "\u001b[31mred", "no end"];
    expect([code, lines.map((line) => JSON.parse(line) as unknown)]).toEqual([0, printed.map((line) => ({ line }))]);
    const { run_id } = await jobEnded(server, id);
    expect(await at.json("job", "log", id)).toEqual({ run_id, log: printed.join("\n") });
    expect(await at.text("run", "log", run_id)).toBe(whole);
    expect(await at.text("run", "log", run_id, "--follow")).toBe(whole);
  });

  test("--follow of a job that is queued waits for it to begin, and ends with 7 when the server does", async () => {
    const goesOn = "echo said; exec sleep 600";
    const busy = await startServer({ scripts: { hang: "exec sleep 600", says: "echo said", goesOn } });
    for (const name of ["hang", "says", "goesOn"]) await makeTemplate(busy, name);
    const holder = await enqueue(busy, "hang");
    const log = terminal("--url", busy.url).start("job", "log", await enqueue(busy, "says"), "--follow");
    const metrics = async (): Promise<string> => (await fetch(`${busy.url}/metrics`)).text();
    await vi.waitFor(async () => expect(await metrics()).toContain('operation="getJob"'), 10_000);
    await call(busy, "cancelJob", { params: { job_id: holder }, body: {} });
    expect(await log.ended).toEqual({ code: 0, out: "said\n", err: "" });
    const cut = terminal("--url", busy.url).start("job", "log", await enqueue(busy, "goesOn"), "--follow");
    await cut.until((line) => line === "said");
    await busy.stop();
    expect(await cut.ended).toEqual({ code: 7, out: "said\n", err: expect.stringMatching(/^runtree: /) });
  });

  test("of a process that printed nothing is empty", async () => {
    const id = await enqueue(server, "silent");
    await jobEnded(server, id);
    expect(await at.text("job", "log", id)).toBe("");
  });

  test("is refused where no process works", async () => {
    await call(server, "createJob", { body: { executor: "external", job_id: "j-silent" } });
    for (const more of [[], ["--follow"]])
      expect(await at.refusal("job", "log", "j-silent", ...more)).toEqual([6, "not_found"]);
  });
});

describe("following jobs", () => {
  test.each([
    ["a line each for people", [], (line: string) => line.split(/ +/).slice(1, 3)],
    [
      "an object each for programs",
      ["--json"],
      (line: string) => {
        const { job_id, status } = JSON.parse(line) as { job_id: string; status: string };
        return [job_id, status];
      },
    ],
  ])("job list --follow prints %s, of those that are asked for, until it is told to end", async (_, more, read) => {
    const list = at.start("job", "list", "--follow", "--template", "brings", ...more);
    expect(await firstNote(list)).toContain("following");
    await jobEnded(server, await enqueue(server, "noop"));
    const id = await enqueue(server, "brings");
    await list.until((line) => read(line)[1] === "completed");
    list.process.kill("SIGINT");
    expect((await list.ended).code).toBe(0);
    // What follows at once is told once.
    const told = list.lines.map(read);
    expect(new Set(told.map(([job]) => job))).toEqual(new Set([id]));
    expect(told.at(-1)).toEqual([id, "completed"]);
  });

  test("job list --follow tells that a job is gone", async () => {
    const { job_id } = await at.json("job", "create", "--external", "--id", "j-gone");
    const list = at.start("job", "list", "--follow", "--executor", "external");
    await firstNote(list);
    await at.text("job", "delete", job_id);
    await list.until((line) => /j-gone +deleted/.test(line));
    list.process.kill("SIGTERM");
    expect((await list.ended).code).toBe(0);
    expect(await at.refusal("job", "show", job_id)).toEqual([6, "job_not_found"]);
  });

  test("job show --follow prints a job anew whenever it changes, and ends with it", async () => {
    const id = await enqueue(server, "hang");
    await jobUntil(server, id, ({ status }) => status === "running");
    const shown = at.start("job", "show", id, "--follow", "--json");
    await shown.until((line) => line.includes('"running"'));
    await at.text("job", "cancel", id);
    expect(await shown.ended).toMatchObject({ code: 0, err: "" });
    expect((JSON.parse(shown.lines.at(-1) ?? "") as { status: string }).status).toBe("cancelled");
  });
});
