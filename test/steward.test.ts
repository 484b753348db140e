import { readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { isRunId } from "../src/domain/run-id.ts";
import { runtreeGit } from "./support/clones.ts";
import { temporaryFolder } from "./support/folders.ts";
import { fsck, git } from "./support/git.ts";
import { oneIn } from "./support/sample.ts";
import { startServer } from "./support/server.ts";
import { expectKept, fencedBlocks, readersShell, runScript } from "./support/walkthrough.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const BLOCKS = fencedBlocks(readFileSync(join(ROOT, "docs/steward.md"), "utf8"), "sh");
const ADDRESS = "http://127.0.0.1:7400/git/repo.git";

const CLONES = [
  ["with stock git", ""],
  ["with the tools set up before", "\nruntree git setup > /dev/null"],
] as const;

test.each(oneIn(2, CLONES))(
  "every line of docs/steward.md works as written and prints what it promises, %s",
  { timeout: 120_000 },
  async (_, before) => {
    const cwd = temporaryFolder();
    for (const name of ["dist", "examples"]) symlinkSync(join(ROOT, name), join(cwd, name));
    const server = await startServer({ data: join(cwd, "data") });
    const script = BLOCKS.join("\n")
      .replace("cd record", `cd record${before}`)
      .replaceAll(ADDRESS, `${server.url}/git/repo.git`);
    const steps = await runScript(script, readersShell(cwd, server.url));
    expectKept(steps);
    expect(steps.flatMap(({ promised }) => promised).length).toBeGreaterThan(10);

    const clone = join(cwd, "record");
    const second = git(server.gitDir, "rev-list", "--first-parent", "--reverse", "main").split("\n")[2];
    expect(steps.flatMap(({ printed }) => printed)).toContain(`${second} is the first bad commit`);

    // Each branch that the page makes is one that the gate would take, but for the last, which is meant to fail.
    const branches = git(clone, "for-each-ref", "--format=%(refname) %(objectname)", "refs/heads/runs")
      .trim()
      .split("\n");
    expect(branches).toHaveLength(5);
    const outcomes: string[] = [];
    for (const line of branches) {
      const [ref = "", oid = ""] = line.split(" ");
      expect([ref, isRunId(ref.slice("refs/heads/runs/".length))]).toEqual([ref, true]);
      const pushed = `${ref} ${oid} ${ref} ${"0".repeat(40)}\n`;
      const { out } = await runtreeGit(clone, ["pre-push", "origin", "--json"], pushed);
      const [{ found }] = JSON.parse(out) as [
        { found: { done: boolean; violations: unknown[]; conflicts: unknown[] } },
      ];
      outcomes.push(`${found.done} ${found.violations.length} ${found.conflicts.length}`);
    }
    expect(outcomes.toSorted()).toEqual(["true 0 0", "true 0 0", "true 0 0", "true 0 0", "true 1 0"]);
    expect(fsck(server.gitDir)).toEqual([]);
    expect(await server.stop()).toBe(0);
  },
);

test("the page clones from one address", () => {
  expect(BLOCKS.join("\n").split(ADDRESS)).toHaveLength(2);
});
