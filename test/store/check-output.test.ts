import { describe, expect, test } from "vitest";
import { readCheckOutput } from "../../src/store/check-output.ts";

const GIVEN = new Set(["samples/s1", "samples/constructor", "samples/__proto__", "samples/ä b"]);

const line = (more: object = {}): string =>
  JSON.stringify({ collection: "samples", id: "s1", pointer: "/depth", message: "too deep", ...more });

function read(output: string | Buffer): unknown {
  const found = readCheckOutput(Buffer.from(output), GIVEN);
  return typeof found === "string" ? found : Object.fromEntries(found);
}

describe("the output of a check", () => {
  test("may be nothing", () => {
    for (const nothing of ["", "\n", "\n\r\n  \n"]) expect(read(nothing)).toEqual({});
  });

  test("is a violation a line, of any of its documents, with or without an end to the last one", () => {
    const second = line({ id: "ä b", pointer: "", message: "odd" });
    const expected = {
      "samples/s1": [
        { pointer: "/depth", message: "too deep" },
        { pointer: "/a~1b", message: "again" },
      ],
      "samples/ä b": [{ pointer: "", message: "odd" }],
    };
    const output = [line(), second, "", line({ pointer: "/a~1b", message: "again" })];
    expect(read(output.join("\n"))).toEqual(expected);
    expect(read(output.join("\r\n"))).toEqual(expected);
  });

  test("may name documents that are called like parts of JavaScript", () => {
    const found = readCheckOutput(Buffer.from(`${line({ id: "constructor" })}\n${line({ id: "__proto__" })}`), GIVEN);
    expect(found).toBeInstanceOf(Map);
    expect([...(found as Map<string, unknown>).keys()]).toEqual(["samples/constructor", "samples/__proto__"]);
    expect(read(line({ id: "toString" }))).toContain("line 1");
  });

  test("is put on one line, and cut where it is very long", () => {
    const message = `one\ntwo\u001b[31m${"x".repeat(2000)}`;
    const [problem] =
      (readCheckOutput(Buffer.from(line({ message })), GIVEN) as Map<string, { message: string }[]>).get(
        "samples/s1",
      ) ?? [];
    expect(problem?.message).toMatch(/^one two \[31mx+…$/);
    expect(problem?.message.length).toBe(1001);
  });

  test.each([
    ["not JSON", "depth is wrong"],
    ["half a line", line().slice(0, -5)],
    ["two on one line", line() + line()],
    ["a list", `[${line()}]`],
    ["null", "null"],
    ["no pointer", '{"collection": "samples", "id": "s1", "message": "m"}'],
    ["another member", line({ severity: "info" })],
    ["an id that is a number", line({ id: 1 })],
    ["a message that is none", line({ message: null })],
    ["a message of nothing", line({ message: " \n " })],
    ["a pointer that is none", line({ pointer: "depth" })],
    ["a document that it was not given", line({ id: "s2" })],
    ["a collection that it was not given", line({ collection: "studies" })],
    ["a key twice", '{"collection": "samples", "id": "s2", "id": "s1", "pointer": "", "message": "m"}'],
    ["a hostile key", '{"__proto__": "x", "id": "s1", "pointer": "", "message": "m"}'],
    ["half a surrogate pair", line({ message: "\ud800" })],
    ["bytes that are not UTF-8", Buffer.from([0x7b, 0xff, 0x7d])],
    ["bytes that are nothing", Buffer.from([0x80])],
  ])("counts as none of it with %s", (_, output) => {
    expect(read(Buffer.concat([Buffer.from(`${line()}\n\n`), Buffer.from(output)]))).toMatch(/line 3/);
  });
});
