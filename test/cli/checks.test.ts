import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { describe, expect, test, vi } from "vitest";
import type { Json } from "../../src/domain/json.ts";
import { checksFor, DEPTHS } from "../support/commands.ts";
import { temporaryFolder } from "../support/folders.ts";
import { call } from "../support/http.ts";
import { isAlive, pidIn, soon } from "../support/processes.ts";
import { type Ended, startProgram } from "../support/program.ts";
import { startServer } from "../support/server.ts";
import { CONFIGURATION, SCHEMAS } from "../support/situations.ts";
import { templateFolder } from "../support/store.ts";

vi.setConfig({ testTimeout: 60_000 });

const TEMPLATE = { ...CONFIGURATION, ...checksFor(["samples"], "depths") };

async function runtree(...args: string[]): Promise<Ended> {
  return startProgram(args).ended;
}

/** A data directory whose operator has these commands; scripts lie in it. */
function dataWith(commands: unknown, scripts: Readonly<Record<string, string>> = {}): string {
  const data = `${temporaryFolder()}/data`;
  mkdirSync(data);
  writeFileSync(`${data}/runtree.config.json`, JSON.stringify({ commands }));
  const reading =
    'const lines = fs.readFileSync(0, "utf8").split("\\n").filter(Boolean).map((line) => JSON.parse(line));';
  for (const [name, script] of Object.entries(scripts))
    writeFileSync(`${data}/${name}`, `const fs = require("node:fs");\n${reading}\n${script}\n`);
  return data;
}

const depthsCommand = { depths: { argv: [process.execPath, "depths.cjs"], timeout_s: 20 } };

async function initialised(template: string = templateFolder(TEMPLATE, SCHEMAS)): Promise<string> {
  const data = dataWith(depthsCommand, { "depths.cjs": DEPTHS });
  expect(await runtree("init", "--data", data, "--template", template)).toMatchObject({ code: 0, err: "" });
  return data;
}

function body(samples: Json): string {
  const path = `${temporaryFolder()}/body.json`;
  writeFileSync(path, JSON.stringify({ samples }));
  return path;
}

describe("checks by commands of runtree.config.json", () => {
  test("over HTTP are warnings first, and refuse the merge at done", async () => {
    const data = await initialised();
    const server = await startServer({ data });
    const start = { params: { job_id: "custom" }, body: { body: { samples: { s1: { depth: -1 } } } } };
    const { status, body: run } = await call(server, "startRun", start);
    expect([status, run.warnings]).toMatchObject([
      201,
      [{ code: "check", collection: "samples", id: "s1", pointer: "/depth", detail: { check: "check-depths" } }],
    ]);
    const of = { params: { run_id: run.id } };
    expect((await call(server, "previewRun", of)).body).toMatchObject({ mergeable: false, violation_count: 1 });
    const refused = await call(server, "patchRun", { ...of, body: { done: true } });
    expect([refused.status, refused.body]).toMatchObject([
      422,
      { code: "validation_failed", errors: [{ code: "check" }] },
    ]);
    const mend = { done: true, body: { samples: { s1: { depth: 1 } } } };
    expect((await call(server, "patchRun", { ...of, body: mend })).body.status).toBe("success");
    expect(await server.stop()).toBe(0);
  });

  test("are made on a repository without a server, too, and say so where they cannot be", async () => {
    const data = await initialised();
    const [bad, good] = [body({ s1: { depth: -1 } }), body({ s1: { depth: 1 } })];
    const judged = await runtree("validate", bad, "--data", data);
    expect([judged.code, judged.out]).toEqual([3, expect.stringContaining("check samples/s1 /depth: is above")]);
    expect((await runtree("run", "start", "--done", "--body", good, "--data", data)).code).toBe(0);

    rmSync(`${data}/runtree.config.json`);
    const other = body({ s2: { depth: 1 } });
    const warned = await runtree("run", "start", "--body", other, "--data", data, "--json");
    expect([warned.code, JSON.parse(warned.out)]).toMatchObject([0, { warnings: [{ code: "check_unavailable" }] }]);
    const refused = await runtree("run", "done", JSON.parse(warned.out).id, "--data", data);
    expect([refused.code, refused.err]).toEqual([
      3,
      expect.stringContaining(
        "check_unavailable $config/runtree.json /checks/0: Not checked here: the check check-depths asks the command depths",
      ),
    ]);
    // The commands are no part of the record, so they have no say in whether it is whole.
    expect(await runtree("fsck", "--data", data)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^clean: 1 document, 2 commits of main/),
    });
  });

  test("that fail tell the person at the terminal what the command said", async () => {
    const data = await initialised();
    writeFileSync(`${data}/depths.cjs`, 'throw new Error("no vocabulary");');
    const { code, err } = await runtree("run", "start", "--done", "--body", body({ s1: {} }), "--data", data);
    expect(code).toBe(3);
    expect(err).toMatch(/runtree: the command depths of a check ended with exit code 1: .*no vocabulary/);
    expect(err).toContain("The check check-depths could not be made: its command depths ended with exit code 1.");
  });

  test("are needed to make a repository from a template that has them", async () => {
    const template = templateFolder(TEMPLATE, SCHEMAS);
    const { code, err } = await runtree("init", "--data", dataWith({}), "--template", template);
    expect([code, err]).toEqual([3, expect.stringContaining("Not checked here")]);
  });

  test("come from the data directory only", async () => {
    const template = templateFolder(TEMPLATE, { ...SCHEMAS, "runtree.config.json": { commands: depthsCommand } });
    expect((await runtree("init", "--data", `${temporaryFolder()}/data`, "--template", template)).code).toBe(3);
  });
});

describe("a command that goes on", () => {
  const script = "trap '' TERM HUP; sleep 1000 & echo $! > child; echo $$ > self; wait; wait";
  const waits = { depths: { argv: ["sh", "-c", script], timeout_s: 100 } };

  /** Waits until the command is at work. Returns whether it, or what it started, still is. */
  async function atWork(data: string): Promise<() => boolean> {
    await soon(() => pidIn(`${data}/self`)).toBeGreaterThan(0);
    const pids = [pidIn(`${data}/self`), pidIn(`${data}/child`)];
    return () => pids.some(isAlive);
  }

  test.each(["SIGTERM", "SIGINT", "SIGHUP", "SIGKILL"] as const)(
    "ends with the program that %s ends",
    async (signal) => {
      const data = await initialised();
      writeFileSync(`${data}/runtree.config.json`, JSON.stringify({ commands: waits }));
      const { process: child, ended } = startProgram(["validate", body({ s1: {} }), "--data", data]);
      const isAtWork = await atWork(data);
      child.kill(signal);
      expect(await ended).toMatchObject({ code: null, err: "" });
      await soon(isAtWork).toBe(false);
    },
  );

  test("is waited for by a server that is told to stop, and a second word ends it", async () => {
    const data = await initialised();
    writeFileSync(`${data}/runtree.config.json`, JSON.stringify({ commands: waits }));
    const server = await startServer({ data });
    const asked = fetch(`${server.url}/jobs/custom/runs`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ body: { samples: { s1: {} } } }),
    }).catch((error: unknown) => error);
    const isAtWork = await atWork(data);
    server.process.kill("SIGTERM");
    await new Promise((resolve) => setTimeout(resolve, 1200));
    expect([server.process.exitCode, isAtWork()]).toEqual([null, true]);
    expect(await server.stop()).toBe(1);
    await soon(isAtWork).toBe(false);
    expect(await asked).toBeInstanceOf(Error);
  });
});

describe("the configuration of commands", () => {
  test.each([
    ["a list", [], "commands must be"],
    ["a command without argv", { depths: {} }, "commands.depths.argv must be"],
    ["a line for a shell", { depths: { argv: "rm -rf /" } }, "commands.depths.argv must be"],
    ["a member that is not known", { depths: { argv: ["x"], shell: true } }, "commands.depths.shell is not known"],
    ["a time-out that is none", { depths: { argv: ["x"], timeout_s: -1 } }, "commands.depths.timeout_s must be"],
  ])("%s is refused with the file and the member", async (_, commands, words) => {
    const data = dataWith(commands);
    for (const command of ["doctor", "init", "fsck"]) {
      const { code, err } = await runtree(command, "--data", data);
      expect([code, err]).toEqual([2, expect.stringContaining(`${data}/runtree.config.json: ${words}`)]);
    }
  });

  test("is shown by doctor, with what cannot be run and what checks of main miss", async () => {
    const data = await initialised();
    const well = await runtree("doctor", "--data", data);
    expect(well.code).toBe(0);
    expect(well.out).toMatch(new RegExp(`ok +command depths +${process.execPath}\n`));
    expect(well.out).toMatch(/ok +check check-depths +depths, for samples\n/);

    const commands = {
      units: { argv: ["./units"] },
      folder: { argv: ["true"], cwd: "none" },
      directory: { argv: ["./repo.git"] },
      own: { argv: ["units"], env: { PATH: data } },
    };
    writeFileSync(`${data}/runtree.config.json`, JSON.stringify({ commands }));
    writeFileSync(`${data}/units`, "#!/bin/sh\n", { mode: 0o644 });
    const { code, out } = await runtree("doctor", "--data", data, "--json");
    const { findings } = JSON.parse(out) as { findings: { what: string; ok: boolean; words: string }[] };
    expect(code).toBe(1);
    expect(findings.filter(({ what }) => /^(command|check) /.test(what))).toEqual([
      { what: "command units", ok: false, words: "./units cannot be run; see commands.units in runtree.config.json." },
      {
        what: "command folder",
        ok: false,
        words: `there is no folder ${data}/none; see commands.folder in runtree.config.json.`,
      },
      { what: "command directory", ok: false, words: expect.stringContaining("./repo.git cannot be run") },
      { what: "command own", ok: false, words: expect.stringContaining("units cannot be run") },
      { what: "check check-depths", ok: false, words: expect.stringContaining("asks the command depths; add it") },
    ]);
  });
});
