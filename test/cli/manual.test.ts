import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { manual } from "../../src/cli/manual.ts";
import { EXIT } from "../../src/cli/exit.ts";

test("docs/cli.md is what the commands say of themselves; `npm run cli-docs` writes it anew", async () => {
  const page = await manual();
  expect(readFileSync("docs/cli.md", "utf8")).toBe(page);
  const told = [...page.matchAll(/^\| (\d) \|/gm)].map(([, code]) => Number(code));
  expect(told).toEqual(Object.values(EXIT));
  for (const command of ["run wait", "diff", "fmt", "completion"]) expect(page).toContain(`\n## runtree ${command}\n`);
  // Nothing of the machine that it was written on.
  expect(page).not.toContain(process.cwd());
});
