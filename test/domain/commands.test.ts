import { expect, test } from "vitest";
import { readCommands } from "../../src/domain/commands.ts";
import { RuntreeError } from "../../src/domain/errors.ts";

const SURROUNDINGS = {
  file: "/data/runtree.config.json",
  folderOf: (cwd: string | undefined): string => `/data/${cwd ?? ""}`,
  environment: { PATH: "/bin" },
};

test("a command has its whole surroundings, and no more than these", () => {
  const read = readCommands(
    {
      units: { argv: ["./units", "--strict"], cwd: "checks", env: { UNITS: "si" }, timeout_s: 0.5 },
      plain: { argv: ["true"] },
    },
    SURROUNDINGS,
  );
  expect([...read.values()]).toEqual([
    {
      name: "units",
      argv: ["./units", "--strict"],
      cwd: "/data/checks",
      env: { PATH: "/bin", UNITS: "si" },
      timeout_s: 0.5,
    },
    { name: "plain", argv: ["true"], cwd: "/data/", env: { PATH: "/bin" }, timeout_s: null },
  ]);
  expect(readCommands({ own: { argv: ["x"], env: { PATH: "/own" } } }, SURROUNDINGS).get("own")?.env).toEqual({
    PATH: "/own",
  });
  expect(readCommands(undefined, SURROUNDINGS).size).toBe(0);
  expect(readCommands({ constructor: { argv: ["x"] } }, SURROUNDINGS).get("toString")).toBeUndefined();
});

test.each([
  ["commands", []],
  ["commands", "units"],
  ["commands.", { "": { argv: ["x"] } }],
  ["commands.-x", { "-x": { argv: ["x"] } }],
  ["commands.__proto__", JSON.parse('{"__proto__": {"argv": ["x"]}}')],
  ["commands.c", { c: null }],
  ["commands.c", { c: ["x"] }],
  ["commands.c.shell", { c: { argv: ["x"], shell: true } }],
  ["commands.c.argv", { c: {} }],
  ["commands.c.argv", { c: { argv: "rm -rf" } }],
  ["commands.c.argv", { c: { argv: [] } }],
  ["commands.c.argv", { c: { argv: [""] } }],
  ["commands.c.argv", { c: { argv: ["x", 1] } }],
  ["commands.c.argv", { c: { argv: ["x\0"] } }],
  ["commands.c.cwd", { c: { argv: ["x"], cwd: "" } }],
  ["commands.c.cwd", { c: { argv: ["x"], cwd: null } }],
  ["commands.c.env", { c: { argv: ["x"], env: { A: 1 } } }],
  ["commands.c.env", { c: { argv: ["x"], env: { "A=B": "" } } }],
  ["commands.c.env", { c: { argv: ["x"], env: { A: "\0" } } }],
  ["commands.c.env", { c: { argv: ["x"], env: ["A"] } }],
  ["commands.c.timeout_s", { c: { argv: ["x"], timeout_s: 0 } }],
  ["commands.c.timeout_s", { c: { argv: ["x"], timeout_s: "30" } }],
  ["commands.c.timeout_s", { c: { argv: ["x"], timeout_s: 1e9 } }],
])("%s: %j is refused with its file and its member", (member, value) => {
  let thrown: unknown;
  try {
    readCommands(value, SURROUNDINGS);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(RuntreeError);
  expect(thrown).toMatchObject({ code: "bad_configuration", data: { path: SURROUNDINGS.file, member } });
  expect((thrown as RuntreeError).message).toContain(`${SURROUNDINGS.file}: ${member} `);
});
