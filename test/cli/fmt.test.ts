import { chmodSync, lstatSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../support/folders.ts";
import { runtree } from "../support/program.ts";

const MESSY = '{"b": [1.0, 2e1],\t"a": {}}';
const NEAT = '{\n  "a": {},\n  "b": [\n    1,\n    20\n  ]\n}\n';

/** A folder with these files. */
function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = temporaryFolder();
  for (const [name, text] of Object.entries(files)) writeFileSync(`${folder}/${name}`, text);
  return folder;
}

describe("runtree fmt", () => {
  test("puts files into canonical form, keeps their mode and links, and says which it changed", async () => {
    const cwd = folderWith({ "messy.json": MESSY, "neat.json": NEAT, "target.json": MESSY });
    chmodSync(`${cwd}/messy.json`, 0o664);
    symlinkSync("target.json", `${cwd}/link.json`);
    const { code, out, err } = await runtree(["fmt", "messy.json", "neat.json", "link.json"], { cwd });
    expect([code, out]).toEqual([0, ""]);
    expect(err).toBe("runtree: messy.json is in canonical form now\nruntree: link.json is in canonical form now\n");
    for (const name of ["messy.json", "neat.json", "target.json"])
      expect(readFileSync(`${cwd}/${name}`, "utf8")).toBe(NEAT);
    expect(statSync(`${cwd}/messy.json`).mode & 0o777).toBe(0o664);
    expect(lstatSync(`${cwd}/link.json`).isSymbolicLink()).toBe(true);
    expect(readdirSync(cwd)).toHaveLength(4);
    expect(await runtree(["fmt", "messy.json"], { cwd })).toEqual({ code: 0, out: "", err: "" });
  });

  test("--check writes nothing and names what differs", async () => {
    const cwd = folderWith({ "messy.json": MESSY, "neat.json": NEAT });
    const told = await runtree(["fmt", "--check", "messy.json", "neat.json"], { cwd });
    expect(told).toEqual({ code: 3, out: "messy.json\n", err: "" });
    const read = await runtree(["fmt", "--check", "--json", "messy.json", "neat.json"], { cwd });
    expect([read.code, JSON.parse(read.out)]).toEqual([
      3,
      [
        { file: "messy.json", changed: true },
        { file: "neat.json", changed: false },
      ],
    ]);
    expect(readFileSync(`${cwd}/messy.json`, "utf8")).toBe(MESSY);
    expect((await runtree(["fmt", "--check", "neat.json"], { cwd })).code).toBe(0);
  });

  test("- is standard input, which is printed", async () => {
    expect(await runtree(["fmt", "-"], { input: MESSY })).toEqual({ code: 0, out: NEAT, err: "" });
    expect(await runtree(["fmt", "-", "--check"], { input: MESSY })).toEqual({
      code: 3,
      out: "standard input\n",
      err: "",
    });
    const read = await runtree(["fmt", "-", "--json"], { input: MESSY });
    expect(JSON.parse(read.out)).toEqual([{ file: "standard input", changed: true, text: NEAT }]);
  });

  test.each([
    ["a key that stands twice", '{"a": {"b": 1, "b": 2}}', "malformed_json", "/a/b"],
    ["an integer that would lose digits", '{"a": [9007199254740993]}', "bad_number", "/a/0"],
    ["a number that is too large", '{"a": 1e400}', "bad_number", "/a"],
    ["a hostile key", '{"constructor": 1}', "hostile_key", "/constructor"],
    ["half of a pair", '["\\ud800"]', "malformed_json", "/0"],
    ["what ends early", "{", "malformed_json", '""'],
    ["a byte order mark", "\ufeff{}", "malformed_json", '""'],
    ["nothing", "", "malformed_json", '""'],
  ])("%s is refused with its place, and left alone, while others are done", async (_, text, code, pointer) => {
    const cwd = folderWith({ "bad.json": text, "messy.json": MESSY });
    const told = await runtree(["fmt", "bad.json", "messy.json"], { cwd });
    expect([told.code, told.out]).toEqual([3, ""]);
    expect(told.err).toContain(`bad.json is left alone:\n  ${code} request ${pointer}: `);
    expect(readFileSync(`${cwd}/bad.json`, "utf8")).toBe(text);
    expect(readFileSync(`${cwd}/messy.json`, "utf8")).toBe(NEAT);
    const read = await runtree(["fmt", "--json", "bad.json"], { cwd });
    expect([read.code, read.err]).toEqual([3, ""]);
    expect(JSON.parse(read.out)).toMatchObject([{ changed: false, refused: { errors: [{ code }] } }]);
  });

  test("a decimal that a double cannot repeat is told", async () => {
    const { out, err } = await runtree(["fmt", "-"], { input: "[0.1000000000000000055]" });
    expect([out, err]).toEqual(["[\n  0.1\n]\n", expect.stringContaining("/0: 0.1000000000000000055 is kept as 0.1")]);
  });

  test("writes nothing at all when a file is not there", async () => {
    const cwd = folderWith({ "messy.json": MESSY });
    for (const missing of ["none.json", "."]) {
      const { code, err } = await runtree(["fmt", "messy.json", missing], { cwd });
      expect([code, err]).toEqual([6, expect.stringContaining(`${missing} cannot be read: `)]);
    }
    expect(readFileSync(`${cwd}/messy.json`, "utf8")).toBe(MESSY);
  });
});
