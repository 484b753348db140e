import { describe, expect, test } from "vitest";
import { datedFolder, isRunId, runIdMaker, runIdProblem, runIdTime } from "../../src/domain/run-id.ts";

/** The example of the ULID specification, 2016-07-30T23:54:10.259Z. */
const KNOWN = "01arz3ndektsv4rrffq69g5fav";
const KNOWN_TIME = 1469922850259;
const NOON = Date.UTC(2026, 2, 15, 12);
const HOUR = 3_600_000;

describe("a run id", () => {
  test("is a lower-case ULID and carries its time", () => {
    expect(isRunId(KNOWN)).toBe(true);
    expect(runIdTime(KNOWN)).toBe(KNOWN_TIME);
    expect(runIdProblem(KNOWN, KNOWN_TIME)).toBeNull();
  });

  test.each([
    ["in upper case", KNOWN.toUpperCase()],
    ["in mixed case", `${KNOWN.slice(0, -1)}V`],
    ["too short", KNOWN.slice(1)],
    ["too long", `${KNOWN}0`],
    ["with an i", KNOWN.replace("n", "i")],
    ["with an l", KNOWN.replace("n", "l")],
    ["with an o", KNOWN.replace("n", "o")],
    ["with a u", KNOWN.replace("n", "u")],
    ["beyond 48 bits of time", `8${KNOWN.slice(1)}`],
    ["with a line end", `${KNOWN}\n`],
    ["empty", ""],
    ["a path", "../../../../etc/passwd1234"],
  ])("%s is none", (_, text) => {
    expect(isRunId(text)).toBe(false);
    expect(runIdProblem(text, NOON)).not.toBeNull();
  });

  test("may come from a clock that is a day ahead, and not from one that is two days ahead", () => {
    const make = runIdMaker();
    expect(runIdProblem(make(NOON - 365 * 24 * HOUR), NOON)).toBeNull();
    expect(runIdProblem(make(NOON), NOON)).toBeNull();
    expect(runIdProblem(make(NOON + 24 * HOUR), NOON)).toBeNull();
    expect(runIdProblem(make(NOON + 48 * HOUR), NOON)).not.toBeNull();
  });
});

describe("a maker of run ids", () => {
  test("gives ids of the time it is told, each one different", () => {
    const make = runIdMaker();
    const ids = Array.from({ length: 1000 }, () => make(NOON));
    expect(new Set(ids).size).toBe(1000);
    for (const id of ids) expect([isRunId(id), runIdTime(id)]).toEqual([true, NOON]);
  });

  test("gives ids that grow, within one millisecond and when the clock is set back", () => {
    const make = runIdMaker();
    const ids = [NOON, NOON, NOON + 1, NOON - HOUR, NOON - HOUR, NOON + 2].map(make);
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe("the dated folder of a time", () => {
  test.each([
    ["2026-03-15T12:00:00.000Z", "2026/03-15/12"],
    ["2026-12-31T23:59:59.999Z", "2026/12-31/23"],
    ["1970-01-01T00:00:00.000Z", "1970/01-01/00"],
    ["2028-02-29T05:07:00.000Z", "2028/02-29/05"],
    ["9999-12-31T23:59:59.999Z", "9999/12-31/23"],
  ])("of %s is %s, in UTC", (time, folder) => {
    expect(datedFolder(Date.parse(time))).toBe(folder);
  });
});
