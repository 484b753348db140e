import fs from "node:fs";
import isomorphic from "isomorphic-git";
import { expect, test } from "vitest";
import { patchRun } from "../../src/actions/patch-run.ts";
import { startRun } from "../../src/actions/start-run.ts";
import { MAIN, runRecordPath, RUNS } from "../../src/domain/layout.ts";
import { readCommit } from "../../src/git/commit.ts";
import { readerWith } from "../../src/git/repository.ts";
import { walkFiles } from "../../src/git/tree.ts";
import { fsck, git } from "../support/git.ts";
import { openTestStore, TESTER } from "../support/store.ts";
import { linesOf, openRepository } from "./repositories.ts";

const study = (id: string, title: string): { study_set: Record<string, { title: string }> } => ({
  study_set: { [id]: { title } },
});

/** A repository with merged runs, one open run and a cancelled one, all written by us. */
async function writtenByUs(): Promise<{ gitDir: string; merged: string[]; open: string }> {
  const { store, gitDir, close } = await openTestStore();
  const start = { job_id: "custom", notices: [] };
  const merged: string[] = [];
  for (const number of [1, 2, 3, 4]) {
    const { record } = await startRun(store, TESTER, {
      ...start,
      done: true,
      body: study(`study-${number}`, `Étude ${number}`),
    });
    merged.push(record.id);
  }
  const { record: open } = await startRun(store, TESTER, { ...start, body: study("study-1", "Not yet agreed") });
  const { record: cancelled } = await startRun(store, TESTER, start);
  await patchRun(store, TESTER, cancelled.id, { status: "cancelled", notices: [] }, () => undefined);
  await close();
  return { gitDir, merged, open: open.id };
}

test.each([
  ["as we wrote it", (): void => undefined],
  ["after git gc", (gitDir: string) => void git(gitDir, "gc", "--quiet", "--prune=now")],
])("isomorphic-git reads the same history, files and refs from a repository of ours, %s", async (_, maintain) => {
  const { gitDir, merged, open } = await writtenByUs();
  maintain(gitDir);
  expect(fsck(gitDir)).toEqual([]);
  const repository = openRepository(gitDir);
  const read = readerWith(repository);
  const theirs = { fs, gitdir: gitDir, cache: {} };

  const main = repository.ref(MAIN) ?? "";
  expect(await isomorphic.resolveRef({ ...theirs, ref: "main" })).toBe(main);
  expect(await isomorphic.resolveRef({ ...theirs, ref: `runs/${open}` })).toBe(repository.ref(RUNS + open));
  expect((await isomorphic.listBranches(theirs)).sort()).toEqual(["main", `runs/${open}`]);

  const log = await isomorphic.log({ ...theirs, ref: "main" });
  expect(new Set(log.map(({ oid }) => oid))).toEqual(new Set(linesOf(git(gitDir, "rev-list", "main"))));
  for (const { oid, commit } of log) {
    const { tree, parents, author, committer, message } = readCommit(read, oid);
    const people = ({ name, email, seconds }: typeof author): object => ({ name, email, timestamp: seconds });
    expect(commit).toMatchObject({
      tree,
      parent: parents,
      message,
      author: people(author),
      committer: people(committer),
    });
  }

  const files = [...walkFiles(read, readCommit(read, main).tree)];
  for (const { path, entry } of files) {
    const { oid, blob } = await isomorphic.readBlob({ ...theirs, oid: main, filepath: path });
    expect([oid, Buffer.from(blob).equals(read(oid)?.data ?? Buffer.alloc(0))]).toEqual([entry.oid, true]);
  }
  expect(files.map(({ path }) => path)).toEqual(expect.arrayContaining(merged.map(runRecordPath)));
});
