import { readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { temporaryFolder } from "./support/folders.ts";
import { fsck } from "./support/git.ts";
import { startServer } from "./support/server.ts";
import { expectKept, fencedBlocks, readersShell, runScript } from "./support/walkthrough.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const BLOCKS = fencedBlocks(readFileSync(join(ROOT, "docs/jobs.md"), "utf8"), "sh");

test("every line of docs/jobs.md works as written and prints what it promises", { timeout: 60_000 }, async () => {
  const cwd = temporaryFolder();
  symlinkSync(join(ROOT, "dist"), join(cwd, "dist"));
  // The program and the configuration come before the server starts.
  const [program = "", configuration = "", ...rest] = BLOCKS;
  await runScript(`${program}\n${configuration}`, readersShell(cwd, ""));
  const server = await startServer({ data: join(cwd, "data") });
  const steps = await runScript(
    rest.join("\n").replaceAll("http://127.0.0.1:7400", server.url),
    readersShell(cwd, server.url),
  );
  expectKept(steps);
  expect(steps.flatMap(({ promised }) => promised).length).toBeGreaterThan(6);
  expect(fsck(server.gitDir)).toEqual([]);
  expect(await server.stop()).toBe(0);
});
