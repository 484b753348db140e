import { expect, test } from "vitest";
import { everyTime } from "../../src/daemon/cron.ts";

test.each(["* * * * * *", "*/30 * * * * *", "0 6 * * 1-5", " 0 0 1 JAN,JUL ? ", "@hourly"])("%j is a rule", (rule) => {
  expect(() => everyTime(rule)).not.toThrow();
});

test.each([
  "",
  "*",
  "1",
  "2030",
  "2030-01-01",
  "2030-01-01T00:00:00Z",
  "1 Jan 2030 10:00 UTC",
  "Jan 1, 2030",
  "tomorrow",
])("%j, by which something would be called once or never, is none", (rule) => {
  expect(() => everyTime(rule)).toThrow(expect.objectContaining({ code: "bad_configuration" }));
});

test.each(["60 * * * * *", "0 0 31 2 *", "* * * * * * *", "*/0 * * * * *"])(
  "%j, which never comes, is none",
  (rule) => {
    expect(() => everyTime(rule)).toThrow(expect.objectContaining({ code: "bad_configuration" }));
  },
);
