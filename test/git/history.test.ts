import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MainHistory } from "../../src/git/history.ts";
import type { Oid, ReadObject } from "../../src/git/objects.ts";
import { readerWith } from "../../src/git/repository.ts";
import { git } from "../support/git.ts";
import { emptyRepository, linesOf, openRepository, pipeGit } from "./repositories.ts";

/** What runs and the gate do, one step after another; the numbers choose among what there is. */
type Step = readonly ["fork" | "commit" | "take-main" | "take-any" | "land", number, number];

const KINDS = ["fork", "fork", "commit", "take-main", "take-any", "take-any", "take-any", "land", "land"] as const;
const STEPS = fc.array(fc.tuple(fc.constantFrom<Step[0]>(...KINDS), fc.nat(1000), fc.nat(1000)), {
  minLength: 10,
  maxLength: 40,
  size: "max",
});

/** A history on paper: the parents of each commit, the first-parent chain of main, the tips of the open runs. */
interface Sketch {
  readonly parents: number[][];
  readonly main: number[];
  readonly open: number[];
}

/** Plays steps: `main` moves by merges only, runs fork from it, take it up again, and take from each other. */
function sketch(steps: readonly Step[]): Sketch {
  const parents: number[][] = [[]];
  const main = [0];
  const open: number[] = [];
  const commit = (...from: number[]): number => parents.push([...new Set(from)]) - 1;
  for (const [kind, which, other] of steps) {
    const fork = main[which % main.length] ?? 0;
    const run = which % Math.max(open.length, 1);
    const tip = open[run];
    if (kind === "fork" || tip === undefined) open.push(commit(fork));
    else if (kind === "commit") open[run] = commit(tip);
    else if (kind === "take-main") open[run] = commit(tip, main[other % main.length] ?? 0);
    else if (kind === "take-any") open[run] = commit(tip, other % parents.length);
    else {
      main.push(commit(main.at(-1) ?? 0, tip));
      open.splice(run, 1);
    }
  }
  return { parents, main, open };
}

/** Lets stock git make the commits of a sketch; returns their ids. */
function realise(gitDir: string, { parents }: Sketch, name: string): Oid[] {
  const commits = parents.map(([first, ...others], index) => {
    const message = `${name} ${index}`;
    return [
      "commit refs/heads/any",
      `mark :${index + 1}`,
      `committer a <a@b> ${1_700_000_000 + index} +0000`,
      `data ${message.length}`,
      message,
      ...(first === undefined ? [] : [`from :${first + 1}`]),
      ...others.map((other) => `merge :${other + 1}`),
      "",
    ].join("\n");
  });
  const reset = "reset refs/heads/any\n\n";
  const args = [
    "-c",
    "fastimport.unpackLimit=1",
    "fast-import",
    "--quiet",
    "--force",
    `--export-marks=${gitDir}/marks`,
  ];
  pipeGit(gitDir, args, { input: `${reset}${commits.join("\n")}` });
  const marks = linesOf(readFileSync(`${gitDir}/marks`, "utf8")).map((line) => line.slice(1).split(" "));
  return marks.sort(([left], [right]) => Number(left) - Number(right)).map(([, oid]) => oid ?? "");
}

/** The first-parent chain a history knows, oldest first. */
function chainOf(history: MainHistory): (Oid | null)[] {
  return Array.from({ length: history.length }, (_, place) => history.at(place));
}

function mergeBasesByGit(gitDir: string, main: Oid, tip: Oid): Oid[] {
  return linesOf(git(gitDir, "merge-base", "--all", main, tip)).sort();
}

describe("the history of main", () => {
  test("knows merge bases, what main contains and which merge brought it, as git does, in any history", () => {
    const gitDir = emptyRepository();
    let several = 0;
    let round = 0;
    fc.assert(
      fc.property(STEPS, fc.nat(3), (steps, stride) => {
        const plan = sketch(steps);
        const oids = realise(gitDir, plan, `round ${round++}`);
        const history = new MainHistory(readerWith(openRepository(gitDir)));
        const chain = plan.main.map((index) => oids[index] ?? "");
        const tip = chain.at(-1) ?? "";
        for (let at = 0; at < chain.length; at += stride + 1) {
          const known = history.length;
          expect(history.advance(chain[at] ?? "")).toEqual(chain.slice(known, at + 1));
        }
        history.advance(tip);
        expect([chainOf(history), history.tip, history.advance(tip)]).toEqual([chain, tip, []]);
        expect(chainOf(new MainHistory(readerWith(openRepository(gitDir)), { state: history.state() }))).toEqual(chain);

        for (const index of new Set([...plan.open.slice(0, 6), plan.parents.length - 1])) {
          const expected = mergeBasesByGit(gitDir, tip, oids[index] ?? "");
          expect(history.mergeBases(oids[index] ?? "").sort()).toEqual(expected);
          if (expected.length > 1) several++;
        }
        const reached = chain.map((commit) => new Set(linesOf(git(gitDir, "rev-list", commit))));
        for (const oid of oids) {
          expect(history.contains(oid)).toBe(reached.at(-1)?.has(oid));
          expect(history.broughtBy(oid)).toBe(chain[reached.findIndex((commits) => commits.has(oid))] ?? null);
        }
      }),
      { numRuns: 40 },
    );
    expect(several).toBeGreaterThan(0);
  });

  test("agrees with git on which commits are ancestors of main", () => {
    const gitDir = emptyRepository();
    const plan = sketch([
      ["fork", 0, 0],
      ["commit", 0, 0],
      ["fork", 0, 0],
      ["land", 0, 0],
      ["fork", 1, 0],
      ["take-any", 1, 2],
      ["land", 1, 0],
    ]);
    const oids = realise(gitDir, plan, "ancestors");
    const tip = oids[plan.main.at(-1) ?? 0] ?? "";
    const history = new MainHistory(readerWith(openRepository(gitDir)));
    history.advance(tip);
    for (const oid of oids) {
      expect(history.contains(oid)).toBe(isAncestorByGit(gitDir, oid, tip));
    }
    expect(oids.some((oid) => !history.contains(oid))).toBe(true);
  });

  test("finds both bases of a run that took two others before they landed", () => {
    const gitDir = emptyRepository();
    const steps: Step[] = [
      ["fork", 0, 0],
      ["fork", 0, 0],
      ["fork", 0, 0],
      ["take-any", 2, 1],
      ["take-any", 2, 2],
      ["land", 0, 0],
      ["land", 0, 0],
    ];
    const plan = sketch(steps);
    const oids = realise(gitDir, plan, "criss-cross");
    const [tip = "", run = ""] = [plan.main.at(-1), plan.open[0]].map((index) => oids[index ?? 0]);
    const history = new MainHistory(readerWith(openRepository(gitDir)));
    history.advance(tip);
    expect(history.mergeBases(run).sort()).toEqual([oids[1], oids[2]].sort());
    expect(mergeBasesByGit(gitDir, tip, run)).toEqual([oids[1], oids[2]].sort());
  });

  test("costs a merge base the run's own commits, however long main is and however long ago it forked", () => {
    const gitDir = emptyRepository();
    const steps: Step[] = [
      ["fork", 0, 0],
      ["commit", 0, 0],
      ["commit", 0, 0],
    ];
    for (let merge = 0; merge < 200; merge++) steps.push(["fork", merge, 0], ["land", 1, 0]);
    const plan = sketch(
      steps.map(([kind, which, other]) => (kind === "land" ? [kind, 1, other] : [kind, which, other])),
    );
    const oids = realise(gitDir, plan, "long");
    const repository = openRepository(gitDir);
    const reads: Oid[] = [];
    const counting: ReadObject = (oid) => (reads.push(oid), repository.read(oid));
    const history = new MainHistory(counting);
    history.advance(oids[plan.main.at(-1) ?? 0] ?? "");
    expect(history.length).toBeGreaterThan(150);
    reads.length = 0;
    expect(history.mergeBases(oids[3] ?? "")).toEqual([oids[0]]);
    expect(reads).toHaveLength(3);
  });

  test("reads a tip's own commits from where they are, also when they are not written yet", () => {
    const gitDir = emptyRepository();
    const plan = sketch([
      ["fork", 0, 0],
      ["land", 0, 0],
      ["fork", 1, 0],
      ["commit", 0, 0],
    ]);
    const oids = realise(gitDir, plan, "unwritten");
    const repository = openRepository(gitDir);
    const own = new Set(oids.slice(3));
    const history = new MainHistory((oid) => (own.has(oid) ? null : repository.read(oid)));
    history.advance(oids[plan.main.at(-1) ?? 0] ?? "");
    expect(history.mergeBases(oids[4] ?? "", (oid) => repository.read(oid))).toEqual([oids[plan.main[1] ?? 0]]);
    expect(() => history.mergeBases(oids[4] ?? "")).toThrow(expect.objectContaining({ code: "corrupt_object" }));
  });

  test("is as it was after a read that failed, and learns the rest when reading goes well again", () => {
    const gitDir = emptyRepository();
    const plan = sketch([
      ["fork", 0, 0],
      ["commit", 0, 0],
      ["commit", 0, 0],
      ["land", 0, 0],
    ]);
    const oids = realise(gitDir, plan, "failing");
    const repository = openRepository(gitDir);
    let failing: Oid | null = oids[1] ?? "";
    const history = new MainHistory((oid) => (oid === failing ? null : repository.read(oid)));
    const [root = "", tip = ""] = plan.main.map((index) => oids[index] ?? "");
    expect(() => history.advance(tip)).toThrow(expect.objectContaining({ code: "corrupt_object" }));
    expect([history.tip, history.contains(oids[3] ?? "")]).toEqual([root, false]);
    failing = null;
    expect(history.advance(tip)).toEqual([tip]);
    expect(oids.map((oid) => history.broughtBy(oid))).toEqual([root, tip, tip, tip, tip]);
  });

  test("shares nothing with a history of another root", () => {
    const gitDir = emptyRepository();
    const [main, stranger] = ["main", "stranger"].map((name) => realise(gitDir, sketch([["fork", 0, 0]]), name));
    const history = new MainHistory(readerWith(openRepository(gitDir)));
    expect([history.tip, history.contains(main?.[0] ?? "")]).toEqual([null, false]);
    history.advance(main?.[0] ?? "");
    expect(history.mergeBases(stranger?.[1] ?? "")).toEqual([]);
    expect(history.broughtBy(stranger?.[0] ?? "")).toBeNull();
  });
});

function isAncestorByGit(gitDir: string, ancestor: Oid, descendant: Oid): boolean {
  try {
    git(gitDir, "merge-base", "--is-ancestor", ancestor, descendant);
    return true;
  } catch {
    return false;
  }
}
