import fs, { existsSync, mkdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { FileSystem } from "../../src/git/files.ts";
import type { Oid } from "../../src/git/objects.ts";
import { clearStaleLocks, listRefs, moveRefs, readRef, type RefMove } from "../../src/git/refs.ts";
import { git } from "../support/git.ts";
import { disturbed, leftoversIn, locksIn, once, refsByGit, repositoryWithCommits } from "./repositories.ts";

const MAIN = "refs/heads/main";
const RUNS = "refs/heads/runs/";
const A = `${RUNS}a`;
const B = `${RUNS}b`;

let gitDir = "";
let one: Oid = "";
let two: Oid = "";
let three: Oid = "";

beforeEach(() => {
  const made = repositoryWithCommits(3);
  gitDir = made.gitDir;
  [one = "", two = "", three = ""] = made.commits;
});

/** Whatever a test did: git finds the repository clean, no lock is left, and git and we see the same refs. */
afterEach(() => {
  expect(leftoversIn(gitDir)).toEqual([]);
  expect(listRefs(fs, gitDir, "refs/")).toEqual(refsByGit(gitDir));
});

/** Sets refs by stock git. */
function set(refs: Readonly<Record<string, Oid>>): void {
  for (const [ref, oid] of Object.entries(refs)) git(gitDir, "update-ref", ref, oid);
}

function pack(): void {
  git(gitDir, "pack-refs", "--all", "--prune");
}

async function move(moves: readonly RefMove[], fileSystem: FileSystem = fs): Promise<void> {
  return moveRefs(fileSystem, gitDir, moves);
}

/** Expects a refusal with this code, and that no ref is elsewhere than before. */
async function refused(code: string, moves: readonly RefMove[]): Promise<void> {
  const before = refsByGit(gitDir);
  await expect(move(moves)).rejects.toMatchObject({ code });
  expect(refsByGit(gitDir)).toEqual(before);
}

describe("reading a ref", () => {
  test("gives what git gives: loose over packed, packed where there is no file, null where there is neither", () => {
    set({ [MAIN]: one, [A]: one });
    pack();
    set({ [A]: two });
    expect([MAIN, A, B].map((ref) => readRef(fs, gitDir, ref))).toEqual([one, two, null]);
    expect(existsSync(`${gitDir}/${MAIN}`)).toBe(false);
  });

  test("is not misled by the peeled lines of annotated tags, nor by folders", () => {
    git(gitDir, "tag", "-a", "-m", "words", "v1", one);
    set({ [A]: two });
    pack();
    expect(readRef(fs, gitDir, "refs/tags/v1")).toBe(git(gitDir, "rev-parse", "v1").trim());
    expect(readRef(fs, gitDir, A)).toBe(two);
    expect(readRef(fs, gitDir, "refs/tags")).toBeNull();
  });

  test.each(["", "\n", "1234", "ref: refs/heads/main\n", "0".repeat(39), `${"a".repeat(40)}x`, "\0".repeat(41)])(
    "that is torn (%j) is an error, never its stale packed value",
    (torn) => {
      set({ [A]: one });
      pack();
      mkdirSync(`${gitDir}/${RUNS}`, { recursive: true });
      writeFileSync(`${gitDir}/${A}`, torn);
      for (const look of [() => readRef(fs, gitDir, A), () => listRefs(fs, gitDir, RUNS)]) {
        expect(look).toThrow(expect.objectContaining({ code: "corrupt_ref" }));
      }
      rmSync(`${gitDir}/${A}`);
    },
  );

  test("lists only the refs below a prefix", () => {
    set({ [MAIN]: one, [A]: two, "refs/heads/runs2/c": one, "refs/runtree/ops": one });
    pack();
    set({ [B]: three });
    expect(listRefs(fs, gitDir, RUNS)).toEqual(
      new Map([
        [A, two],
        [B, three],
      ]),
    );
    expect(listRefs(fs, gitDir, "refs/runtree/lost/")).toEqual(new Map());
  });

  test("finds every ref while git moves them from their files into packed-refs", () => {
    set({ [A]: one, [B]: two });
    const packNow = once(pack);
    const seen: string[] = [];
    const fileSystem = disturbed({
      beforeReadingFile: (path) => {
        if (seen.includes("packed-refs")) packNow();
        seen.push(path.slice(gitDir.length + 1));
      },
    });
    expect(listRefs(fileSystem, gitDir, RUNS)).toEqual(
      new Map([
        [A, one],
        [B, two],
      ]),
    );
    const packAfterMiss = once(pack);
    set({ [A]: three });
    expect(readRef(disturbed({ beforeReadingFile: packAfterMiss }), gitDir, A)).toBe(three);
  });
});

describe("moving refs", () => {
  test("makes, moves and removes, as git sees it", async () => {
    await move([
      { ref: MAIN, from: null, to: one },
      { ref: A, from: null, to: one },
    ]);
    expect(refsByGit(gitDir)).toEqual(
      new Map([
        [MAIN, one],
        [A, one],
      ]),
    );
    await move([
      { ref: A, from: one, to: null },
      { ref: MAIN, from: one, to: two },
    ]);
    expect(refsByGit(gitDir)).toEqual(new Map([[MAIN, two]]));
  });

  test("is refused when the ref is elsewhere, absent, or there against expectation; the error names all three", async () => {
    set({ [A]: two });
    await refused("ref_moved", [{ ref: A, from: one, to: three }]);
    await refused("ref_moved", [{ ref: A, from: null, to: three }]);
    await refused("ref_moved", [{ ref: A, from: one, to: null }]);
    await refused("ref_moved", [{ ref: B, from: one, to: two }]);
    const data = { ref: A, expected: one, actual: two };
    await expect(move([{ ref: A, from: one, to: three }])).rejects.toMatchObject({ data });
  });

  test("compares with the packed value where there is no file", async () => {
    set({ [A]: one });
    pack();
    await refused("ref_moved", [{ ref: A, from: two, to: three }]);
    await move([{ ref: A, from: one, to: two }]);
    expect(refsByGit(gitDir)).toEqual(new Map([[A, two]]));
  });

  test("moves all or none", async () => {
    set({ [MAIN]: one, [A]: one });
    await refused("ref_moved", [
      { ref: MAIN, from: one, to: two },
      { ref: A, from: two, to: null },
    ]);
    await refused("ref_moved", [
      { ref: A, from: one, to: null },
      { ref: MAIN, from: null, to: two },
      { ref: B, from: null, to: one },
    ]);
  });

  test("moves none when another ref lies below one of them", async () => {
    set({ [MAIN]: one, [`${A}/below`]: one });
    const before = refsByGit(gitDir);
    const moves = [
      { ref: MAIN, from: one, to: two },
      { ref: A, from: null, to: one },
    ];
    await expect(move(moves)).rejects.toThrow();
    expect(refsByGit(gitDir)).toEqual(before);
  });

  test("does not move a torn ref over", async () => {
    set({ [A]: one });
    writeFileSync(`${gitDir}/${A}`, "");
    await expect(move([{ ref: A, from: one, to: two }])).rejects.toMatchObject({ code: "corrupt_ref" });
    expect(readFileSync(`${gitDir}/${A}`, "utf8")).toBe("");
    set({ [B]: one });
    rmSync(`${gitDir}/${A}`);
  });

  test("makes a ref where an empty folder lies in its way", async () => {
    mkdirSync(`${gitDir}/${A}/left/over`, { recursive: true });
    await move([{ ref: A, from: null, to: one }]);
    expect(refsByGit(gitDir)).toEqual(new Map([[A, one]]));
  });

  test("below another ref is refused at once, not as if somebody held a lock", async () => {
    set({ [A]: one });
    const before = performance.now();
    await expect(move([{ ref: `${A}/x`, from: null, to: two }])).rejects.not.toMatchObject({ code: "busy" });
    expect(performance.now() - before).toBeLessThan(500);
    expect(refsByGit(gitDir)).toEqual(new Map([[A, one]]));
  });
});

describe("removing a packed ref", () => {
  test("keeps it from coming back, and every other line of packed-refs as it was", async () => {
    git(gitDir, "tag", "-a", "-m", "words", "v1", one);
    set({ [MAIN]: one, [A]: one, [B]: two });
    pack();
    const before = readFileSync(`${gitDir}/packed-refs`, "utf8");
    await move([{ ref: A, from: one, to: null }]);
    expect(readFileSync(`${gitDir}/packed-refs`, "utf8")).toBe(before.replace(`${one} ${A}\n`, ""));
    pack();
    expect(refsByGit(gitDir).has(A)).toBe(false);
  });

  test("takes the peeled line of a tag with it", async () => {
    git(gitDir, "tag", "-a", "-m", "words", "v1", one);
    set({ "refs/tags/v2": two });
    pack();
    await move([{ ref: "refs/tags/v1", from: git(gitDir, "rev-parse", "v1").trim(), to: null }]);
    expect(refsByGit(gitDir)).toEqual(new Map([["refs/tags/v2", two]]));
    expect(readFileSync(`${gitDir}/packed-refs`, "utf8")).not.toContain("^");
  });

  test("removes its newer file, too", async () => {
    set({ [A]: one });
    pack();
    set({ [A]: two });
    await move([{ ref: A, from: two, to: null }]);
    expect(refsByGit(gitDir)).toEqual(new Map());
  });

  test.each(["# pack-refs with: peeled fully-peeled sorted \n", ""])(
    "leaves a file that git reads when it was the last one (header %j)",
    async (header) => {
      writeFileSync(`${gitDir}/packed-refs`, `${header}${one} ${A}\n`);
      await move([{ ref: A, from: one, to: null }]);
      expect(refsByGit(gitDir)).toEqual(new Map());
      set({ [B]: one });
      pack();
      expect(refsByGit(gitDir)).toEqual(new Map([[B, one]]));
    },
  );

  test("is not undone by a git pack-refs that had read the ref before", async () => {
    set({ [MAIN]: one, [A]: one });
    const packed = `# pack-refs with: peeled fully-peeled sorted \n${one} ${MAIN}\n${one} ${A}\n`;
    writeFileSync(`${gitDir}/packed-refs.lock`, packed);
    const removal = move([{ ref: A, from: one, to: null }]);
    await pause(150);
    renameSync(`${gitDir}/packed-refs.lock`, `${gitDir}/packed-refs`);
    await removal;
    expect(refsByGit(gitDir)).toEqual(new Map([[MAIN, one]]));
  });

  test("is not undone by a git pack-refs between its two halves", async () => {
    set({ [MAIN]: one, [A]: one });
    pack();
    set({ [A]: two });
    const packInBetween = once(() => {
      try {
        pack();
      } catch {
        // Locked out, as it should be.
      }
    });
    const fileSystem = disturbed({ afterRenaming: (to) => to.endsWith("/packed-refs") && packInBetween() });
    await move([{ ref: A, from: two, to: null }], fileSystem);
    expect(refsByGit(gitDir)).toEqual(new Map([[MAIN, one]]));
  });
});

describe("a folder of refs that git pack-refs takes away", () => {
  test("before the lock is made is made again", async () => {
    const remove = once(() => fs.rmdirSync(`${gitDir}/${RUNS}`));
    const fileSystem = disturbed({ beforeOpening: (path) => path === `${gitDir}/${A}.lock` && remove() });
    await move([{ ref: A, from: null, to: one }], fileSystem);
    expect(refsByGit(gitDir)).toEqual(new Map([[A, one]]));
  });

  test("just after the ref was written does not make a move that happened look failed", async () => {
    const packNow = once(pack);
    await move([{ ref: A, from: null, to: one }], disturbed({ afterRenaming: packNow }));
    expect(existsSync(`${gitDir}/${RUNS}`)).toBe(false);
    expect(refsByGit(gitDir)).toEqual(new Map([[A, one]]));
  });
});

describe("a lock", () => {
  test("that git holds for a moment is waited for", async () => {
    set({ [MAIN]: one, [A]: one });
    pack();
    for (const path of [`${gitDir}/${A}.lock`, `${gitDir}/packed-refs.lock`]) {
      mkdirSync(`${gitDir}/${RUNS}`, { recursive: true });
      writeFileSync(path, "");
      setTimeout(() => rmSync(path), 200);
      const from = readRef(fs, gitDir, A);
      await move([
        { ref: MAIN, from: readRef(fs, gitDir, MAIN), to: three },
        { ref: A, from, to: from === null ? one : null },
      ]);
      expect(existsSync(path)).toBe(false);
      set({ [A]: one });
      pack();
    }
    expect(refsByGit(gitDir)).toEqual(
      new Map([
        [MAIN, three],
        [A, one],
      ]),
    );
  });

  test("that git holds while it moves the ref makes ours refused", async () => {
    set({ [A]: one });
    writeFileSync(`${gitDir}/${A}.lock`, `${two}\n`);
    const ours = move([{ ref: A, from: one, to: three }]);
    await pause(100);
    renameSync(`${gitDir}/${A}.lock`, `${gitDir}/${A}`);
    await expect(ours).rejects.toMatchObject({ code: "ref_moved", data: { actual: two } });
  });

  test.each([`${RUNS}b.lock`, `${RUNS}a.lock`, "refs/heads/main.lock", "packed-refs.lock"])(
    "that is held for ever (%s) is busy in the end, is left alone, and nothing is moved",
    async (name) => {
      set({ [MAIN]: one, [A]: one, [B]: one });
      pack();
      mkdirSync(`${gitDir}/${RUNS}`, { recursive: true });
      writeFileSync(`${gitDir}/${name}`, "");
      await refused("busy", [
        { ref: MAIN, from: one, to: two },
        { ref: A, from: one, to: null },
        { ref: B, from: one, to: three },
      ]);
      expect(locksIn(gitDir)).toEqual([name]);
      rmSync(`${gitDir}/${name}`);
    },
  );
});

describe("clearing stale locks", () => {
  function lock(name: string): string {
    const path = `${gitDir}/${name}.lock`;
    mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    writeFileSync(path, "");
    return path;
  }

  test("removes those that outlive the grace, wherever a ref may lie, and names them", async () => {
    const locks = [MAIN, A, "refs/runtree/ops", "packed-refs"].map(lock);
    expect((await clearStaleLocks(fs, gitDir, 50)).sort()).toEqual(locks.sort());
    expect(locksIn(gitDir)).toEqual([]);
  });

  test("leaves alone one that came, changed, or was taken anew meanwhile", async () => {
    const [stale, touched, again, gone] = [lock(MAIN), lock(A), lock(B), lock("refs/heads/gone")];
    const clearing = clearStaleLocks(fs, gitDir, 150);
    utimesSync(touched, new Date(), new Date(Date.now() + 5000));
    rmSync(gone);
    rmSync(again);
    writeFileSync(`${gitDir}/keeps-the-inode`, "");
    lock(B);
    const fresh = lock("refs/heads/fresh");
    expect(await clearing).toEqual([stale]);
    expect(locksIn(gitDir).sort()).toEqual(["refs/heads/fresh", A, B].map((ref) => `${ref}.lock`));
    for (const path of [touched, again, fresh, `${gitDir}/keeps-the-inode`]) rmSync(path);
  });

  test("does not wait when there is none", async () => {
    const before = performance.now();
    expect(await clearStaleLocks(fs, gitDir, 5000)).toEqual([]);
    expect(performance.now() - before).toBeLessThan(1000);
  });

  test("takes no ref and no object for a lock", async () => {
    set({ [A]: one });
    const packs = `${gitDir}/objects/pack`;
    writeFileSync(`${packs}/x.lock`, "");
    expect(await clearStaleLocks(fs, gitDir, 20)).toEqual([]);
    expect(refsByGit(gitDir)).toEqual(new Map([[A, one]]));
    rmSync(`${packs}/x.lock`);
  });
});
