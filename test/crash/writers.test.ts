import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { runRef } from "../../src/domain/layout.ts";
import { temporaryFolder } from "../support/folders.ts";
import { git } from "../support/git.ts";
import { call } from "../support/http.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { refsByGit } from "../git/repositories.ts";
import { randomOf, SEED } from "../support/sample.ts";
import { Ledger, work } from "./clients.ts";
import { verify } from "./verification.ts";

const CLIENTS = 8;
const TASKS = 12;
const STRANGERS = 3;

/** A push does not hand its settings on to who receives it. */
const RECEIVE_PACK = "--receive-pack=git -c core.hooksPath=/dev/null receive-pack";

const run = promisify(execFile);

/** Runs stock git in a folder with the hook taken away, beside everything else. */
async function stranger(folder: string, ...args: readonly string[]): Promise<string> {
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: folder,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_COUNT: "1",
    GIT_CONFIG_KEY_0: "core.hooksPath",
    GIT_CONFIG_VALUE_0: "/dev/null",
    GIT_AUTHOR_NAME: "stranger",
    GIT_AUTHOR_EMAIL: "stranger@example.org",
    GIT_COMMITTER_NAME: "stranger",
    GIT_COMMITTER_EMAIL: "stranger@example.org",
  };
  return (await run("git", [...args], { cwd: folder, env })).stdout.trim();
}

/** Moves a branch of its own and pushes to one below `runs/` that nobody else has, until told to stop. Returns where it left them. */
async function moveBranches(server: TestServer, name: string, isOver: () => boolean): Promise<Map<string, string>> {
  const clone = temporaryFolder();
  await stranger(clone, "clone", "--quiet", "--single-branch", server.gitDir, "work");
  const folder = `${clone}/work`;
  const [own, pushed] = [`refs/heads/${name}`, runRef(name)];
  const left = new Map<string, string>();
  while (!isOver()) {
    await stranger(folder, "commit", "--quiet", "--allow-empty", "-m", `By ${name}`);
    const tip = await stranger(folder, "rev-parse", "HEAD");
    await stranger(folder, "push", "--quiet", RECEIVE_PACK, server.gitDir, `HEAD:${pushed}`);
    left.set(pushed, tip);
    await stranger(server.gitDir, "update-ref", own, tip, left.get(own) ?? "0".repeat(40));
    left.set(own, tip);
  }
  return left;
}

/** Packs refs and objects, as a person at a terminal would. */
async function tidyUp({ gitDir }: TestServer, isOver: () => boolean): Promise<number> {
  let times = 0;
  for (; !isOver(); times++) {
    await stranger(gitDir, "pack-refs", "--all");
    await stranger(gitDir, "repack", "-d", "--quiet");
    await stranger(gitDir, "rev-list", "--count", "--all");
  }
  return times;
}

test(
  `${CLIENTS} clients, and stock git beside them: each submission that was acknowledged is on main once, and git's branches are git's (RUNTREE_TEST_SEED=${SEED})`,
  { timeout: 120_000 },
  async () => {
    const random = randomOf(SEED);
    const server = await startServer();
    const ledger = new Ledger();
    let over = false;
    const isOver = (): boolean => over;
    const strangers = Array.from({ length: STRANGERS }, async (_, index) =>
      moveBranches(server, `stranger-${index}`, isOver),
    );
    const tidying = tidyUp(server, isOver);
    const clients = Array.from({ length: CLIENTS }, async (_, index) =>
      work(server, ledger, `w-${index}`, randomOf(Math.floor(random() * 2 ** 32)), TASKS),
    );
    const [times, branches] = await Promise.all([
      tidying,
      Promise.all(strangers),
      Promise.all(clients).finally(() => (over = true)),
    ]);
    const left = branches.flatMap((refs) => [...refs]);
    expect(left).toHaveLength(2 * STRANGERS);
    expect(times).toBeGreaterThan(0);
    expect(ledger.answers).toBeGreaterThanOrEqual(CLIENTS * TASKS);
    const check = async (now: TestServer): Promise<void> => {
      await verify(now, ledger, /^stranger-/);
      const refs = refsByGit(now.gitDir);
      expect(left.map(([ref]) => [ref, refs.get(ref)])).toEqual(left);
      expect([...refs.keys()].filter((ref) => ref.startsWith("refs/runtree/lost/"))).toEqual([]);
      expect((await call(now, "getReadiness")).body.status).toBe("ready");
    };
    await check(server);
    expect(await server.stop()).toBe(0);
    const again = await startServer({ data: server.data });
    await check(again);
    expect(git(again.gitDir, "count-objects", "-v")).toContain("garbage: 0");
  },
);
