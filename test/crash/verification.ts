import { expect } from "vitest";
import { runRecordPath, RUNS } from "../../src/domain/layout.ts";
import { linesOf, locksIn } from "../git/repositories.ts";
import { fsck, git } from "../support/git.ts";
import { call } from "../support/http.ts";
import type { TestServer } from "../support/server.ts";
import type { Ledger } from "./clients.ts";

/** Everything that clients were told is so: over HTTP and in Git. Branches of `strangers` are not the clients'. */
export async function verify(server: TestServer, ledger: Ledger, strangers = /^$/): Promise<void> {
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

  const branches = linesOf(git(gitDir, "for-each-ref", "--format=%(refname) %(objectname)", RUNS)).filter(
    (line) => !strangers.test(line.slice(RUNS.length)),
  );
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
