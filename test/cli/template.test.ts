import { writeFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../support/folders.ts";
import { NO_WORKFLOW } from "../support/invocations.ts";
import { makeTemplate } from "../support/jobs.ts";
import { runtree } from "../support/program.ts";
import { startServerForFile, type TestServer } from "../support/server.ts";
import { type Terminal, terminal } from "../support/terminal.ts";

let server: TestServer;
let at: Terminal;
beforeAll(() =>
  startServerForFile(
    (started) => {
      server = started;
      at = terminal("--url", server.url);
    },
    ["--concurrency", "0"],
    { noop: "exit 0" },
  ),
);

function file(value: unknown): string {
  const path = `${temporaryFolder()}/file.json`;
  writeFileSync(path, JSON.stringify(value));
  return path;
}

/** Arguments of a command, where an object stands for a file that holds it. */
const written = (args: readonly unknown[]): string[] =>
  args.map((word) => (typeof word === "string" ? word : file(word)));

const SCHEMA = { type: "object", properties: { n: { type: "integer" } } };

test("a template has what the flags say, each of which can be changed and taken away", async () => {
  const texts = ["--title", "T", "--narrative", "N", "--template-version", "2"];
  const numbers = ["--retries", "1", "--timeout", "1.5", "--skip-exit-code", "75"];
  const params = ["--params", file({ n: 1, m: 2 }), "--param", "n=3", "--params-schema", file(SCHEMA)];
  const made = await at.json("template", "create", "t-all", "--command", "noop", ...texts, ...numbers, ...params);
  expect(made).toEqual({
    template_id: "t-all",
    title: "T",
    narrative: "N",
    version: "2",
    executor: "process",
    default_params: { n: 3, m: 2 },
    params_schema: SCHEMA,
    retries: 1,
    timeout_s: 1.5,
    skip_exit_code: 75,
    command: "noop",
    status: "active",
    ...NO_WORKFLOW,
  });
  expect(await at.json("template", "show", "t-all")).toEqual(made);
  expect(await at.text("template", "show", "t-all")).toMatch(/^timeout +1\.5 s\nskipped by +exit code 75$/m);
  const changed = await at.json(
    "template",
    "edit",
    "t-all",
    "--param",
    "m=null",
    "--without",
    "title",
    "--retries",
    "0",
  );
  expect(changed).toEqual({ ...made, title: null, retries: 0, default_params: { n: 3 } });
  const names = ["narrative", "template-version", "timeout", "skip-exit-code", "params", "params-schema"];
  const without = names.flatMap((name) => ["--without", name]);
  expect(await at.json("template", "edit", "t-all", ...without)).toEqual({
    ...changed,
    narrative: null,
    version: null,
    timeout_s: null,
    skip_exit_code: null,
    default_params: {},
    params_schema: null,
  });
});

test("a file has members as the API has them, flags go over it, and standard input will do", async () => {
  const body = file({ title: "Of the file", executor: "external", narrative: "N" });
  expect(await at.json("template", "create", "t-file", "--body", body, "--title", "Of the flag")).toMatchObject({
    executor: "external",
    title: "Of the flag",
    narrative: "N",
  });
  const input = JSON.stringify({ title: "Of the input" });
  const url = at.run("template", "edit", "t-file", "--body", file({}), "--json");
  expect((await url).code).toBe(2);
  const data = temporaryFolder();
  await runtree(["init", "--data", data]);
  const { out } = await runtree(["template", "create", "t", "--external", "--body", "-", "--data", data], { input });
  expect(out).toMatch(/^title +Of the input$/m);
});

test("archived templates make no jobs, until they are active again", async () => {
  await at.text("template", "create", "t-old", "--external", "--title", "Old");
  const { job_id: ended } = await at.json("job", "create", "t-old");
  await at.text("job", "cancel", ended);
  expect((await at.run("job", "delete", ended)).err).toContain("retention");
  expect(await at.text("template", "archive", "t-old")).toMatch(/^status +archived$/m);
  expect(await at.refusal("job", "create", "t-old")).toEqual([3, "validation_failed"]);
  expect(await at.refusal("job", "retry", ended)).toEqual([3, "validation_failed"]);
  expect(await at.text("template", "list", "--status", "archived")).toMatch(/^t-old +archived +external +- +Old$/m);
  expect(await at.text("template", "list", "--status", "active")).not.toContain("t-old");
  expect(await at.json("template", "edit", "t-old", "--status", "active")).toMatchObject({ status: "active" });
  expect(await at.json("job", "create", "t-old")).toMatchObject({ template_id: "t-old", executor: "external" });
  const { items, total } = await at.json("template", "list", "--limit", "1", "--executor", "external");
  expect([items.length, total]).toEqual([1, expect.any(Number)]);
});

describe("what to do next is told", () => {
  beforeAll(async () => {
    await makeTemplate(server, "t-told", { command: "noop", params_schema: SCHEMA });
    await at.text("template", "create", "t-gone", "--external");
    await at.text("template", "archive", "t-gone");
  });

  test.each([
    ["a name like another", ["template", "show", "t-tolt"], "Did you mean t-told?"],
    ["a name like none", ["job", "create", "elephants"], "`runtree template list`"],
    ["a job that is none", ["job", "show", "nope"], "`runtree job list`"],
    ["an archived template", ["job", "create", "t-gone"], "`runtree template edit t-gone --status active`"],
    ["a template that is there", ["template", "create", "t-told", "--external"], "`runtree template edit t-told`"],
    ["params that do not fit", ["job", "create", "t-told", "--param", "n=x"], "--param n=VALUE"],
    ["params on the command line", ["job", "create", "t-told", "--params", '{"n": 1}'], "--param NAME=VALUE"],
    ["defaults that do not fit", ["template", "edit", "t-told", "--param", "n=x"], "--params-schema"],
    ["a schema that is none", ["template", "edit", "t-told", "--params-schema", { type: 1 }], "--params-schema /"],
  ])("%s", async (_, args, words) => {
    const { code, out, err } = await at.run(...written(args));
    expect([code, out]).toEqual([expect.any(Number), ""]);
    expect(code).toBeGreaterThan(0);
    expect(err).toContain(words);
  });
});

describe("refused", () => {
  test.each([
    ["a template without a command", ["create", "r-1"], 2, "bad_request"],
    [
      "a file of another template",
      ["create", "r-1", "--body", { template_id: "r-2", executor: "external" }],
      2,
      "bad_request",
    ],
    ["a param given twice", ["create", "r-1", "--external", "--param", "id=a", "--param", "id=b"], 2, "bad_request"],
    ["giving and taking away at once", ["edit", "r-1", "--title", "a", "--without", "title"], 2, "bad_request"],
    ["the same with params", ["edit", "r-1", "--param", "a=1", "--without", "params"], 2, "bad_request"],
    ["both executors", ["create", "r-1", "--external", "--command", "noop"], 2, "bad_request"],
    ["a command that the server has not", ["create", "r-1", "--command", "rm"], 3, "command_not_allowed"],
    ["too many retries", ["create", "r-1", "--command", "noop", "--retries", "3"], 3, "validation_failed"],
    ["a number that is none", ["create", "r-1", "--command", "noop", "--timeout", "long"], 2, "bad_request"],
    ["a schema that is not there", ["create", "r-1", "--params-schema", "/nonexistent.json"], 6, "not_found"],
    ["a member that is not to be taken away", ["edit", "r-1", "--without", "status"], 2, "bad_request"],
    ["taking away by another way", ["edit", "r-1", "--no-title"], 2, "bad_request"],
    ["a change of nothing", ["edit", "r-1"], 2, "bad_request"],
    ["a template that is none", ["show", "r-1"], 6, "template_not_found"],
    ["what is done to none", ["archive", "r-1"], 6, "template_not_found"],
    ["nothing to do", [], 2, "bad_request"],
  ])("%s", async (_, args, exit, code) => {
    expect(await at.refusal("template", ...written(args))).toEqual([exit, code]);
  });
});
