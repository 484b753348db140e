import { readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import type { Json } from "../src/domain/json.ts";
import { startGalaxyDemo } from "../src/galaxy-demo/start.ts";
import { temporaryFolder } from "./support/folders.ts";
import { fsck } from "./support/git.ts";
import { startServer } from "./support/server.ts";
import { expectKept, fencedBlocks, readersShell, runScript } from "./support/walkthrough.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const BLOCKS = fencedBlocks(readFileSync(join(ROOT, "docs/galaxy.md"), "utf8"), "sh");

test("every line of docs/galaxy.md works as written and prints what it promises", { timeout: 60_000 }, async () => {
  const cwd = temporaryFolder();
  symlinkSync(join(ROOT, "dist"), join(cwd, "dist"));
  // The workflow comes before both servers start.
  const [workflow = "", ...rest] = BLOCKS;
  await runScript(workflow, readersShell(cwd, ""));
  const demo = await startGalaxyDemo({ clock: Date, seconds: 1 });
  onTestFinished(() => demo.close());
  demo.galaxy.workflows.import(
    JSON.parse(readFileSync(join(cwd, "my-workflows/count.ga"), "utf8")) as Json,
    demo.galaxy.now(),
  );
  const server = await startServer({
    data: join(cwd, "data"),
    env: { RUNTREE_GALAXY_URL: demo.url, RUNTREE_GALAXY_KEY: demo.key, RUNTREE_POLL: "* * * * * *" },
  });
  const steps = await runScript(
    rest.join("\n").replaceAll("http://127.0.0.1:7400", server.url),
    readersShell(cwd, server.url),
  );
  expectKept(steps);
  expect(steps.flatMap(({ promised }) => promised).length).toBeGreaterThan(10);
  expect(fsck(server.gitDir)).toEqual([]);
  expect(await server.stop()).toBe(0);
});
