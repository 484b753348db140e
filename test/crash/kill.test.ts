import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { runRecordPath, RUNS } from "../../src/domain/layout.ts";
import { linesOf, locksIn } from "../git/repositories.ts";
import { fsck, git } from "../support/git.ts";
import { call } from "../support/http.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { Ledger, randomOf, work } from "./clients.ts";

const ROUNDS = 6;
const CLIENTS = 8;
const SEED = Number(process.env["RUNTREE_TEST_SEED"] ?? Date.now() % 1_000_000);

/** Everything that clients were told is so: over HTTP and in Git. */
async function verify(server: TestServer, ledger: Ledger): Promise<void> {
  expect(ledger.unanswered).toEqual([]);
  const asTold = [...ledger.runs.values()].map(async ({ documents: _, ...told }) => {
    const { body } = await call(server, "getRun", { params: { run_id: told.id } });
    expect(body).toMatchObject(told);
  });
  await Promise.all(asTold);
  const merged = ledger.in("success");
  const agreed = merged.flatMap(({ documents }) => documents);
  const { body } = await call(server, "listCollections");
  expect(body.items.find(({ name }: { name: string }) => name === "study_set").documents).toBe(agreed.length);

  const { gitDir } = server;
  const added = linesOf(
    git(
      gitDir,
      "log",
      "--first-parent",
      "-m",
      "--diff-filter=A",
      "--name-only",
      "--format=",
      "main",
      "--",
      "metadata/study_set",
    ),
  );
  expect(added.map((path) => path.slice(path.lastIndexOf("/") + 1, -".json".length)).sort()).toEqual(agreed.sort());
  expect(
    linesOf(
      git(
        gitDir,
        "log",
        "--first-parent",
        "--name-only",
        "--diff-filter=MD",
        "--format=",
        "-m",
        "main",
        "--",
        "metadata",
        "runs",
      ),
    ),
  ).toEqual([]);

  const merges = linesOf(
    git(gitDir, "log", "--first-parent", "--merges", "--format=%(trailers:key=Run-Id,valueonly,separator=) %P", "main"),
  );
  expect(
    merges
      .map((line) => line.split(" "))
      .map(([id, , tip]) => `${id} ${tip}`)
      .sort(),
  ).toEqual(merged.map(({ id, head }) => `${id} ${head}`).sort());

  const branches = linesOf(git(gitDir, "for-each-ref", "--format=%(refname) %(objectname)", RUNS));
  expect(branches.sort()).toEqual(
    ledger
      .in("waiting", "rejected")
      .map(({ id, head }) => `${RUNS}${id} ${head}`)
      .sort(),
  );
  const cancelled = ledger.in("cancelled").map(({ id }) => runRecordPath(id));
  const attic =
    cancelled.length === 0 ? [] : linesOf(git(gitDir, "ls-tree", "-r", "--name-only", "refs/runtree/attic"));
  expect(attic.sort()).toEqual(cancelled.sort());

  expect(fsck(gitDir).filter((line) => !line.startsWith("dangling "))).toEqual([]);
  expect(locksIn(gitDir)).toEqual([]);
}

test(
  `whatever ${CLIENTS} clients were told is true after kill -9 and a restart, ${ROUNDS} times over (RUNTREE_TEST_SEED=${SEED})`,
  { timeout: 60_000 },
  async () => {
    const random = randomOf(SEED);
    const ledger = new Ledger();
    let server = await startServer();
    for (let round = 0; round < ROUNDS; round++) {
      const enough = ledger.answers + 1 + Math.floor(random() * 24);
      const clients = Array.from({ length: CLIENTS }, async (_, index) => {
        await work(server, ledger, `s-${round}-${index}`, randomOf(Math.floor(random() * 2 ** 32)));
      });
      const all = Promise.all(clients);
      while (ledger.answers < enough) await Promise.race([pause(2), all]);
      await pause(random() * 30);
      await server.kill();
      await all;
      expect(ledger.unanswered.length).toBeGreaterThan(0);
      server = await startServer({ data: server.data });
      await ledger.repeat(server);
      await verify(server, ledger);
    }
    expect(await server.stop()).toBe(0);
  },
);
