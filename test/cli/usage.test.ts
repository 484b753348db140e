import { describe, expect, test } from "vitest";
import { nearest } from "../../src/domain/nearest.ts";
import { temporaryFolder } from "../support/folders.ts";
import { runtree } from "../support/program.ts";

const NOWHERE = ["--url", "http://127.0.0.1:1"];

describe("a command line that is not understood", () => {
  test.each([
    ["nothing", [], "Say what to do. `runtree --help` lists the commands."],
    ["no command of a group", ["run"], "Say what to do with a run. `runtree run --help` lists the commands."],
    ["a command that is none", ["nonsense"], "There is no command `runtree nonsense`. `runtree --help` lists"],
    ["a command with a slip", ["statsu"], "There is no command `runtree statsu`; did you mean status? "],
    ["a command that is cut off", ["val", "x.json"], "There is no command `runtree val`; did you mean validate? "],
    ["a slip in a group", ["run", "submti", "x"], "There is no command `runtree run submti`; did you mean submit? "],
    ["a flag that is none", ["status", "--colour"], "There is no flag --colour. `runtree status --help` tells how"],
    [
      "two words that are wrong",
      ["status", "--colour", "--dta", "x", "y"],
      "There is no flag --colour. `runtree status",
    ],
    ["a flag with a slip", ["fsck", "--dta", "x"], "There is no flag --dta; did you mean --data? "],
    ["a missing argument", ["run", "submit", "--body", "x"], "`runtree run submit` needs <run>. `runtree run submit"],
    ["missing files", ["validate"], "`runtree validate` needs <files>. "],
    ["a missing flag", ["run", "resolve", "x"], "`runtree run resolve` needs --resolutions. "],
    ["a word too many", ["show", "a/b", "c/d"], '"c/d" is one word more than `runtree show` takes. '],
    ["both targets", ["status", "--url", "x", "--data", "y"], "--url and --data do not go together; give one of them."],
    ["an argument of nothing", ["show", ""], "<what> needs a value. "],
    ["a flag without its value", ["run", "start", "--body", "--done"], "--body needs a value. "],
    ["a number that is none", ["run", "list", "--limit", "many"], "--limit needs a number. "],
  ])("%s is told in words that help, and with --json in a line that programs read", async (_, args, words) => {
    const told = await runtree(args, { env: { LANG: "de_DE.UTF-8" } });
    expect([told.code, told.out]).toEqual([2, ""]);
    expect(told.err).toContain(`runtree: ${words}`);
    expect(told.err.trimEnd().split("\n")).toHaveLength(1);
    expect(told.err).toContain("--help` ");
    const read = await runtree([...args, "--json"]);
    expect([read.code, read.out]).toEqual([2, ""]);
    expect(JSON.parse(read.err)).toEqual({ error: { code: "bad_request", detail: expect.stringContaining(words) } });
  });

  test("the nearest known word is the one with the fewest letters changed, if it is near at all", () => {
    const known = ["status", "show", "serve", "submit"];
    expect(nearest("sttaus", known)).toBe("status");
    expect(nearest("shwo", known)).toBe("show");
    expect(nearest("sub", known)).toBe("submit");
    expect(nearest("elephant", known)).toBeNull();
    expect(nearest("", [])).toBeNull();
  });
});

describe("an error with --json is one line on stderr", () => {
  test.each([
    ["no server", ["status", ...NOWHERE], 7, "unreachable"],
    ["no repository", ["status", "--data", "/nonexistent/data"], 6, "repository_not_ours"],
    ["no file", ["validate", "/nonexistent.json", ...NOWHERE], 6, "not_found"],
    ["no name of a document", ["show", "s1", ...NOWHERE], 2, "bad_request"],
    ["no port", ["serve", "--port", "many"], 2, "bad_configuration"],
  ])("%s", async (_, args, code, word) => {
    const told = await runtree([...args, "--json"]);
    expect([told.code, told.out]).toEqual([code, ""]);
    expect(told.err.trimEnd().split("\n")).toHaveLength(1);
    expect(JSON.parse(told.err)).toEqual({ error: { code: word, detail: expect.any(String) } });
    expect((await runtree([...args, "--json=false"])).err).toMatch(/^runtree: /);
  });

  test("a refused merge brings its violations and the run", async () => {
    const data = `${temporaryFolder()}/data`;
    await runtree(["init", "--data", data]);
    const input = JSON.stringify({ study_set: { s1: { title: 5 } } });
    const { code, out, err } = await runtree(["run", "start", "--done", "--body", "-", "--data", data, "--json"], {
      input,
    });
    expect([code, out]).toEqual([3, ""]);
    const { error } = JSON.parse(err) as { error: Record<string, unknown> };
    expect(Object.keys(error)).toEqual(["code", "detail", "errors", "run"]);
    expect(error).toMatchObject({
      code: "validation_failed",
      errors: [{ code: "schema", id: "s1", pointer: "/title" }],
      run: { status: "rejected" },
    });
  });
});

describe("a submission is read as the door reads it", () => {
  test.each([
    ["an integer that would lose digits", '{"s": {"a": {"n": 9007199254740993}}}', "bad_number", "/s/a/n"],
    ["a key that stands twice", '{"s": 1, "s": 2}', "malformed_json", "/s"],
    ["a hostile key", '{"s": {"__proto__": 1}}', "hostile_key", "/s/__proto__"],
  ])("%s is refused, not changed on the way", async (_, input, code, pointer) => {
    const told = await runtree(["validate", "-", ...NOWHERE, "--json"], { input });
    expect([told.code, told.out]).toEqual([3, ""]);
    expect(JSON.parse(told.err)).toMatchObject({ error: { errors: [{ code, pointer }] } });
  });

  test("a decimal that a double cannot repeat is told, and sent as the nearest", async () => {
    const data = `${temporaryFolder()}/data`;
    await runtree(["init", "--data", data]);
    const input = '{"n": 0.1000000000000000055}';
    const start = ["run", "start", "--metadata", "-", "--data", data];
    const told = await runtree(start, { input });
    expect([told.code, told.err]).toEqual([0, expect.stringContaining("/n: 0.1000000000000000055 is kept as 0.1")]);
    const read = await runtree([...start, "--json"], { input });
    expect(JSON.parse(read.err)).toEqual({ note: expect.stringContaining("/n: 0.1000000000000000055 is kept as 0.1") });
    expect(JSON.parse(read.out)).toMatchObject({ metadata: { n: 0.1 } });
  });
});
