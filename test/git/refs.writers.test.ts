import { execFile } from "node:child_process";
import fs from "node:fs";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { encodeCommit } from "../../src/git/commit.ts";
import { EMPTY_TREE } from "../../src/git/tree.ts";
import { hasCode } from "../../src/domain/errors.ts";
import type { Oid } from "../../src/git/objects.ts";
import { moveRefs, readRef, type RefMove } from "../../src/git/refs.ts";
import { git } from "../support/git.ts";
import { openTestStore } from "../support/store.ts";
import { leftoversIn, linesOf, openRepository, refsByGit, repositoryWithCommits } from "./repositories.ts";

const REF = "refs/heads/runs/contested";

const run = promisify(execFile);

/** Stock git in a process of its own, while other things go on here. `maintenance` is the word that our hook lets pass. */
async function stockGit(gitDir: string, args: readonly string[], maintenance = false): Promise<string> {
  const person = { NAME: "stock", EMAIL: "stock@example.org" };
  const people = ["AUTHOR", "COMMITTER"].flatMap((role) =>
    Object.entries(person).map(([key, value]) => [`GIT_${role}_${key}`, value]),
  );
  const env = {
    PATH: process.env["PATH"],
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    ...Object.fromEntries(people),
  };
  const { stdout } = await run("git", [...args], {
    cwd: gitDir,
    env: maintenance ? { ...env, RUNTREE_MAINTENANCE: "1" } : env,
  });
  return stdout.trim();
}

/** Whether a move came about. Losing against another writer is no error here; anything else is. */
async function wins(gitDir: string, moves: readonly RefMove[]): Promise<boolean> {
  try {
    await moveRefs(fs, gitDir, moves);
    return true;
  } catch (error) {
    if (hasCode(error, "ref_moved") || hasCode(error, "busy")) return false;
    throw error;
  }
}

/** Keeps one kind of work going until others have ended, and lets its last round end too. */
async function beside(work: () => Promise<unknown>, others: Promise<unknown>): Promise<number> {
  const state = { rounds: 0, going: true };
  const stop = (): void => {
    state.going = false;
  };
  others.then(stop, stop);
  while (state.going) {
    await work();
    state.rounds++;
  }
  await others;
  return state.rounds;
}

describe("many writers of one ref", () => {
  test("of which exactly one wins each value, however many try at once", async () => {
    const { gitDir, commits } = repositoryWithCommits(6);
    const [first = ""] = commits;
    git(gitDir, "update-ref", REF, first);
    for (const [step, from] of commits.slice(0, -1).entries()) {
      const to = commits[step + 1] ?? "";
      const rivals = Array.from({ length: 12 }, () => wins(gitDir, [{ ref: REF, from, to }]));
      expect((await Promise.all(rivals)).filter(Boolean)).toHaveLength(1);
      expect(readRef(fs, gitDir, REF)).toBe(to);
    }
    expect(leftoversIn(gitDir)).toEqual([]);
  });

  test("of which exactly one makes it and exactly one removes it", async () => {
    const { gitDir, commits } = repositoryWithCommits(8);
    for (const packed of [false, true]) {
      const makers = commits.map((to) => wins(gitDir, [{ ref: REF, from: null, to }]));
      expect((await Promise.all(makers)).filter(Boolean)).toHaveLength(1);
      if (packed) git(gitDir, "pack-refs", "--all");
      const from = readRef(fs, gitDir, REF);
      const removers = commits.map(() => wins(gitDir, [{ ref: REF, from, to: null }]));
      expect((await Promise.all(removers)).filter(Boolean)).toHaveLength(1);
      expect(refsByGit(gitDir)).toEqual(new Map());
    }
    expect(leftoversIn(gitDir)).toEqual([]);
  });

  test("who name several refs in different orders neither block each other for ever nor move half", async () => {
    const { gitDir, commits } = repositoryWithCommits(9);
    const [start = "", ...targets] = commits;
    const refs = ["refs/heads/a", "refs/heads/b", "refs/heads/c"];
    for (const ref of refs) git(gitDir, "update-ref", ref, start);
    const outcomes = targets.map((to, index) => {
      const order = index % 2 === 0 ? refs : refs.toReversed();
      return wins(
        gitDir,
        order.map((ref) => ({ ref, from: start, to })),
      );
    });
    const won = (await Promise.all(outcomes)).indexOf(true);
    expect(refs.map((ref) => readRef(fs, gitDir, ref))).toEqual(refs.map(() => targets[won]));
    expect(leftoversIn(gitDir)).toEqual([]);
  });
});

/** Adds commits on top of whatever the ref is, each until it got in; returns those that were acknowledged. */
async function addCommits(
  count: number,
  add: (from: Oid, number: number) => Promise<Oid | null>,
  read: () => Oid,
): Promise<Oid[]> {
  const acknowledged: Oid[] = [];
  while (acknowledged.length < count) {
    const added = await add(read(), acknowledged.length);
    if (added !== null) acknowledged.push(added);
  }
  return acknowledged;
}

/** One of our writers: every commit it is told to have added. */
async function ourWriter(gitDir: string, ref: string, name: string, count: number): Promise<Oid[]> {
  const repository = openRepository(gitDir);
  const person = { name, email: name, seconds: 1_700_000_000 };
  const add = async (from: Oid, number: number): Promise<Oid | null> => {
    const commit = encodeCommit({
      tree: EMPTY_TREE,
      parents: [from],
      author: person,
      committer: person,
      message: `${name} ${number}\n`,
    });
    await repository.apply({ objects: [commit], refs: [] });
    return (await wins(gitDir, [{ ref, from, to: commit.oid }])) ? commit.oid : null;
  };
  return addCommits(count, add, () => repository.ref(ref) ?? "");
}

/**
 * Stock git as a writer, by commit-tree and update-ref. Not warned of ambiguous names, for which git reads packed-refs
 * before it has the lock: it takes one that was packed again twice within the second for unchanged (it compares inode,
 * size and whole seconds), and writes over what it has not seen.
 */
async function stockWriter(gitDir: string, ref: string, name: string, count: number): Promise<Oid[]> {
  const add = async (from: Oid, number: number): Promise<Oid | null> => {
    const commit = await stockGit(gitDir, ["commit-tree", EMPTY_TREE, "-p", from, "-m", `${name} ${number}`]);
    try {
      await stockGit(gitDir, ["-c", "core.warnAmbiguousRefs=false", "update-ref", ref, commit, from], true);
      return commit;
    } catch {
      return null;
    }
  };
  return addCommits(count, add, () => readRef(fs, gitDir, ref) ?? "");
}

describe("beside stock git", () => {
  test("no acknowledged move of either is lost, with refs packed in between", async () => {
    const { gitDir, commits } = repositoryWithCommits(1);
    const [start = ""] = commits;
    git(gitDir, "update-ref", REF, start);
    const writers = Promise.all([
      ourWriter(gitDir, REF, "ours 1", 25),
      ourWriter(gitDir, REF, "ours 2", 25),
      stockWriter(gitDir, REF, "stock 1", 12),
      stockWriter(gitDir, REF, "stock 2", 12),
    ]);
    const packed = await beside(
      () => stockGit(gitDir, ["pack-refs", "--all", "--prune"]).catch(() => undefined),
      writers,
    );
    expect(packed).toBeGreaterThan(1);
    const chain = linesOf(git(gitDir, "rev-list", "--first-parent", REF));
    expect(chain.sort()).toEqual([start, ...(await writers).flat()].sort());
    expect(leftoversIn(gitDir)).toEqual([]);
  });

  test("a removed ref stays removed while git packs refs without a pause", async () => {
    const { gitDir, commits } = repositoryWithCommits(1);
    const [start = ""] = commits;
    const refs = Array.from({ length: 60 }, (_, index) => `refs/heads/runs/run-${index}`);
    const work = (async (): Promise<void> => {
      for (const ref of refs) await moveRefs(fs, gitDir, [{ ref, from: null, to: start }]);
      for (const ref of refs) await moveRefs(fs, gitDir, [{ ref, from: start, to: null }]);
    })();
    await beside(() => stockGit(gitDir, ["pack-refs", "--all", "--prune"]).catch(() => undefined), work);
    expect(refsByGit(gitDir)).toEqual(new Map());
    expect(leftoversIn(gitDir)).toEqual([]);
  });

  test("in a repository of ours, git moves no ref by itself, and what our maintenance moves is seen", async () => {
    const { gitDir, close } = await openTestStore();
    await close();
    const main = readRef(fs, gitDir, "refs/heads/main") ?? "";
    const next = await stockGit(gitDir, ["commit-tree", `${main}^{tree}`, "-p", main, "-m", "next"]);
    await expect(stockGit(gitDir, ["update-ref", "refs/heads/main", next, main])).rejects.toThrow();
    await expect(stockGit(gitDir, ["update-ref", REF, next])).rejects.toThrow();
    await expect(stockGit(gitDir, ["update-ref", "-d", "refs/heads/main"])).rejects.toThrow();
    expect(refsByGit(gitDir)).toEqual(new Map([["refs/heads/main", main]]));
    await stockGit(gitDir, ["update-ref", "refs/bisect/bad", main]);
    await stockGit(gitDir, ["update-ref", REF, next], true);
    expect(readRef(fs, gitDir, REF)).toBe(next);
    expect(leftoversIn(gitDir)).toEqual([]);
  });
});
