import fs, { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { putConfiguration, putSchema, type SentSettings } from "../../src/actions/change-settings.ts";
import type { Json } from "../../src/domain/json.ts";
import { ATTIC, LOST, MAIN, runRef } from "../../src/domain/layout.ts";
import type { RunRecord } from "../../src/domain/run.ts";
import { readCommit } from "../../src/git/commit.ts";
import { Journal } from "../../src/git/journal.ts";
import { encodeRecord } from "../../src/git/journal-record.ts";
import { moveRefs, readRef } from "../../src/git/refs.ts";
import { commitOnBranch, runTrailers } from "../../src/store/branch.ts";
import { lockMaintenance } from "../../src/store/data-lock.ts";
import { findRun, type RunView } from "../../src/store/run-view.ts";
import type { Store } from "../../src/store/store.ts";
import { linesOf, locksIn, pipeGit } from "../git/repositories.ts";
import { fsck, git } from "../support/git.ts";
import { call } from "../support/http.ts";
import { startServer } from "../support/server.ts";
import { finish, merged, open, patch } from "../support/situations.ts";
import { openTestStore, type TestStore, TESTER } from "../support/store.ts";

const study = (id: string, title = "A study"): { study_set: Record<string, { title: string }> } => ({
  study_set: { [id]: { title } },
});

/** The run as the store knows it; it must be in its list of runs as it is in Git. */
function runOf({ store }: TestStore, { record }: RunView): RunView | null {
  const view = findRun(store.repository, record.id);
  expect(store.runs.view(record.id)).toEqual(view);
  return view;
}

/** The store takes work, git finds the repository clean, no lock is left, and only these runs have a branch. */
async function expectSound({ store, gitDir }: TestStore, open: readonly RunView[] = []): Promise<void> {
  await store.repository.settle();
  expect(branchesIn(gitDir)).toEqual(open.map(({ record }) => runRef(record.id)).sort());
  expect((await merged(store, study("sound"))).record.status).toBe("success");
  await store.repository.settle();
  expectClean(gitDir);
}

function branchesIn(gitDir: string): string[] {
  return linesOf(git(gitDir, "for-each-ref", "--format=%(refname)", "refs/heads/runs")).sort();
}

function expectClean(gitDir: string): void {
  expect(fsck(gitDir).filter((line) => !line.startsWith("dangling "))).toEqual([]);
  expect(locksIn(gitDir)).toEqual([]);
  // git, too, writes its packed refs there first, and would refuse to while the file is there.
  expect(fs.existsSync(`${gitDir}/packed-refs.new`)).toBe(false);
}

function mergesIn(gitDir: string): string[] {
  return linesOf(git(gitDir, "log", "--first-parent", "--merges", "--format=%H", "main"));
}

function writeFile(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** A branch that points where it did before the run was closed. */
function leaveBranch(gitDir: string, { record, head }: RunView): void {
  writeFile(`${gitDir}/${runRef(record.id)}`, `${head}\n`);
}

/** The same, after somebody packed the refs. */
function leavePackedBranch(gitDir: string, { record, head }: RunView): void {
  writeFile(`${gitDir}/packed-refs`, `# pack-refs with: peeled fully-peeled sorted \n${head} ${runRef(record.id)}\n`);
}

/** Locks on everything that we ever lock. */
function leaveLocks(gitDir: string, { record }: RunView): void {
  for (const name of [MAIN, ATTIC, runRef(record.id), "packed-refs"]) writeFile(`${gitDir}/${name}.lock`, "");
  writeFile(`${gitDir}/packed-refs.new`, "half a ref");
}

/** Says that a run is done, and nothing more: as if the process died before its gate was at work. */
async function leaveMerging(store: Store, { record, head }: RunView): Promise<RunView> {
  const merging: RunRecord = { ...record, status: "merging" };
  return commitOnBranch(store, TESTER, {
    from: { head },
    parents: [head],
    tree: readCommit(store.reader(), head).tree,
    record: merging,
    text: { subject: `Mark run ${record.id} done`, trailers: runTrailers(merging) },
  });
}

test("a server that was killed in the middle of everything starts without help", async () => {
  const first = await openTestStore();
  const { store, data, gitDir } = first;
  const closed = await merged(store, study("s-1"));
  const merging = await leaveMerging(store, await open(store, study("s-2")));
  const waiting = await open(store, study("s-3"));
  await first.close();
  leaveBranch(gitDir, closed);
  leaveLocks(gitDir, waiting);
  const killed = await startServer({ data });
  await killed.kill();
  leaveLocks(gitDir, waiting);

  const server = await startServer({ data });
  const statuses = [closed, merging, waiting].map(async ({ record }) => {
    const { body } = await call(server, "getRun", { params: { run_id: record.id } });
    return [body.status, body.head];
  });
  const expected = [
    ["success", closed.head],
    ["success", merging.head],
    ["waiting", waiting.head],
  ];
  expect(await Promise.all(statuses)).toEqual(expected);
  expect(branchesIn(gitDir)).toEqual([runRef(waiting.record.id)]);
  const { body } = await call(server, "patchRun", { params: { run_id: waiting.record.id }, body: { done: true } });
  expect(body.status).toBe("success");
  expect(mergesIn(gitDir)).toHaveLength(3);
  expectClean(gitDir);
  expect(await server.stop()).toBe(0);
});

describe("a branch that is left although its run is closed", () => {
  test.each([
    ["loose", leaveBranch],
    ["packed", leavePackedBranch],
  ])("is removed at start; a merged run stays merged, once (%s)", async (_, leave) => {
    const { store, data, gitDir, close } = await openTestStore();
    const view = await merged(store, study("s-1"));
    await close();
    const main = readRef(fs, gitDir, MAIN);
    leave(gitDir, view);
    const again = await openTestStore({ data });
    expect(runOf(again, view)).toEqual(view);
    expect(readRef(fs, gitDir, MAIN)).toBe(main);
    await expectSound(again);
  });

  test("is removed at start; a cancelled run stays in the attic, once", async () => {
    const { store, data, gitDir, close } = await openTestStore();
    const before = await open(store, study("s-1"));
    const cancelled = await patch(store, before, { status: "cancelled" });
    await close();
    const attic = readRef(fs, gitDir, ATTIC);
    leaveBranch(gitDir, before);
    const again = await openTestStore({ data });
    expect(runOf(again, cancelled)).toEqual(cancelled);
    expect(readRef(fs, gitDir, ATTIC)).toBe(attic);
    await expectSound(again);
  });
});

describe("a run that is left merging", () => {
  test("is judged at start: merged when it is right", async () => {
    const { store, data, close } = await openTestStore();
    const view = await leaveMerging(store, await open(store, study("s-1")));
    await close();
    const again = await openTestStore({ data });
    expect(runOf(again, view)).toMatchObject({
      head: view.head,
      place: "merged",
      record: { status: "success", merge: { verdict: { outcome: "merged" } } },
    });
    await expectSound(again);
  });

  test("is judged at start: rejected with its branch kept when it is wrong, and can be mended", async () => {
    const { store, data, close } = await openTestStore();
    const view = await leaveMerging(store, await open(store, { study_set: { "s-1": { title: 5 } } }));
    await close();
    const again = await openTestStore({ data });
    const rejected = runOf(again, view);
    expect(rejected).toMatchObject({
      place: "open",
      record: { status: "rejected", merge: { verdict: { outcome: "rejected" } } },
    });
    await expectSound(again, [view]);
    const mended = await patch(again.store, view, { done: true, body: study("s-1", "Mended") });
    expect(mended.record.status).toBe("success");
  });

  test("and takes long is judged beside requests, which a start does not keep waiting", { tags: "trial" }, async () => {
    const { store, data, close } = await openTestStore();
    const settings = await open(store);
    const sent = (value: unknown): SentSettings => ({
      value: value as Json,
      notices: [],
      precondition: () => undefined,
    });
    const { configuration } = store.main.rules;
    const collections = { ...configuration.collections, slow: { schema: "schemas/slow.schema.json" } };
    await putSchema(store, TESTER, settings.record.id, "slow", sent({ properties: { v: { pattern: "^(a+)+$" } } }));
    await putConfiguration(store, TESTER, settings.record.id, sent({ ...configuration, collections }));
    await finish(store, settings);
    const view = await leaveMerging(store, await open(store, { slow: { s: { v: `${"a".repeat(40)}!` } } }));
    await close();
    const again = await openTestStore({ data });
    expect(runOf(again, view)?.record.status).toBe("merging");
    await again.store.turns.take(`run ${view.record.id}`, async () => undefined);
    expect(runOf(again, view)?.record.status).toBe("rejected");
  });

  test("is judged one after another with others: of two that conflict one is merged, the other rejected", async () => {
    const { store, data, close } = await openTestStore();
    const views: RunView[] = [];
    for (const body of [study("s-1", "one"), study("s-1", "two"), study("s-2")])
      views.push(await leaveMerging(store, await open(store, body)));
    await close();
    const again = await openTestStore({ data });
    const records = views.map((view) => runOf(again, view)?.record);
    expect(records.map((record) => record?.status)).toEqual(["success", "rejected", "success"]);
    expect(records[1]?.merge?.verdict.conflicts).toMatchObject([
      { collection: "study_set", id: "s-1", kind: "add/add" },
    ]);
    await expectSound(again, views.slice(1, 2));
  });

  test("is merged once, however often the process starts and dies", async () => {
    const { store, data, gitDir, close } = await openTestStore();
    const view = await leaveMerging(store, await open(store, study("s-1")));
    await close();
    for (let starts = 0; starts < 3; starts++) {
      const again = await openTestStore({ data });
      expect(runOf(again, view)?.record.status).toBe("success");
      await again.close();
      leaveBranch(gitDir, view);
    }
    expect(mergesIn(gitDir)).toHaveLength(1);
  });
});

test("what the journal holds of a branch that somebody else moved is kept aside, and the server is not ready until it is seen to", async () => {
  const { store, data, gitDir, close } = await openTestStore();
  const view = await open(store, study("s-1"));
  const main = store.main.commit;
  await close();
  const ref = runRef(view.record.id);
  const journal = new Journal(fs, gitDir);
  await journal.append([encodeRecord({ objects: [], refs: [{ ref, from: main, to: main }] }, () => null)]);
  journal.close();
  const server = await startServer({ data });
  const kept = `${LOST}heads/runs/${view.record.id}-${main.slice(0, 12)}`;
  expect(git(gitDir, "for-each-ref", "--format=%(objectname)", kept, ref).split("\n")).toEqual([view.head, main, ""]);
  await vi.waitFor(() => expect(server.log()).toContain(kept));
  const readiness = async (): Promise<unknown[]> => {
    const { status, body } = await call(server, "getReadiness");
    return [status, body.code ?? body.status];
  };
  expect(await readiness()).toEqual([503, "busy"]);
  expect((await call(server, "getRun", { params: { run_id: view.record.id } })).body.head).toBe(view.head);
  pipeGit(gitDir, ["update-ref", "-d", kept], { env: { RUNTREE_MAINTENANCE: "1" } });
  expect(await readiness()).toEqual([200, "ready"]);
});

describe("locks of git's that are left", () => {
  test("are removed at start", async () => {
    const { store, data, gitDir, close } = await openTestStore();
    const view = await open(store, study("s-1"));
    await close();
    leaveLocks(gitDir, view);
    const again = await openTestStore({ data });
    expect(locksIn(gitDir)).toEqual([]);
    expect((await patch(again.store, view, { done: true })).record.status).toBe("success");
    await expectSound(again);
  });

  test("of somebody who is still at work are left alone", async () => {
    const { store, data, gitDir, close } = await openTestStore();
    const view = await open(store, study("s-1"));
    await close();
    const path = `${gitDir}/${runRef(view.record.id)}.lock`;
    writeFileSync(path, "");
    const atWork = setInterval(() => {
      rmSync(path, { force: true });
      writeFileSync(path, "");
    }, 20);
    try {
      await openTestStore({ data });
    } finally {
      clearInterval(atWork);
    }
    expect(locksIn(gitDir)).toEqual([path.slice(gitDir.length + 1)]);
  });

  test(
    "are left alone for longer while maintenance goes on that a server began before it died",
    { tags: "trial", timeout: 30_000 },
    async () => {
      const { data, gitDir, close } = await openTestStore();
      await close();
      const unlock = lockMaintenance(fs, data);
      writeFileSync(`${gitDir}/packed-refs.lock`, "");
      const opened = openTestStore({ data });
      await new Promise((resolve) => setTimeout(resolve, 3000));
      expect(locksIn(gitDir)).toEqual(["packed-refs.lock"]);
      await opened;
      expect(locksIn(gitDir)).toEqual([]);
      unlock();
    },
  );
});

describe("what a crash leaves half made", () => {
  test("of objects that no ref names is no harm, and a branch that never came to be is no run", async () => {
    const { store, data, gitDir, close } = await openTestStore();
    const { record, head } = await open(store, study("s-1"));
    await close();
    await moveRefs(fs, gitDir, [{ ref: runRef(record.id), from: head, to: null }]);
    writeFileSync(`${gitDir}/objects/${head.slice(0, 2)}/tmp_obj_0123456789abcdef`, "half an obj");
    const again = await openTestStore({ data });
    expect(findRun(again.store.repository, record.id)).toBeNull();
    await expectSound(again);
    const view = await open(again.store, study("s-1"), { run_id: record.id, done: true });
    expect(view.record.status).toBe("success");
  });

  test("of an object that is needed is refused, not served, and the error names the file", async () => {
    const { store, data, gitDir, close } = await openTestStore();
    await merged(store, study("s-1"));
    await close();
    const [path = ""] = linesOf(git(gitDir, "ls-tree", "-r", "--name-only", "main", "metadata"));
    const oid = git(gitDir, "rev-parse", `main:${path}`).trim();
    const file = `${gitDir}/objects/${oid.slice(0, 2)}/${oid.slice(2)}`;
    const good = readFileSync(file);
    for (const [bytes, expected] of [
      [good.subarray(0, -4), { code: "corrupt_object", data: { oid, path: file } }],
      [good, null],
    ] as const) {
      rmSync(file);
      writeFileSync(file, bytes);
      if (expected === null) await openTestStore({ data });
      else await expect(openTestStore({ data })).rejects.toMatchObject(expected);
    }
  });
});
