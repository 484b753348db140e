import fs, { existsSync, rmSync, writeFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { LOST } from "../../src/domain/layout.ts";
import type { FileSystem } from "../../src/git/files.ts";
import { leftRecords } from "../../src/git/journal-segments.ts";
import { JournaledRepository } from "../../src/git/journaled-repository.ts";
import { type EncodedObject, encodeObject, type Oid } from "../../src/git/objects.ts";
import { clearStaleLocks, readRef, type RefMove } from "../../src/git/refs.ts";
import { FaultyDisk } from "../support/faulty-disk.ts";
import { fsck, git } from "../support/git.ts";
import { blobs, emptyRepository, locksIn, once, refsByGit, repositoryWithCommits } from "./repositories.ts";

const MIB = 1024 * 1024;

/** What an answer may wait for stock git to see it (ms), and what a lock is waited for before `busy`. */
const ROUND_MS = 100;
const LOCK_MS = 1000;

/** What a repository's cache may hold. */
const CACHE_BYTES = 192 * MIB;

const REF = "refs/heads/x";

function branch(name: string | number): string {
  return `refs/heads/runs/${name}`;
}

interface Opened {
  readonly repository: JournaledRepository;
  readonly reports: string[];
}

async function open(gitDir: string, fileSystem: FileSystem = fs, worker = false): Promise<Opened> {
  const reports: string[] = [];
  const report = (message: string): void => void reports.push(message);
  const repository = await JournaledRepository.open(fileSystem, gitDir, { worker, report });
  let closed = false;
  const close = repository.close.bind(repository);
  repository.close = async () => {
    if (closed) return;
    closed = true;
    await close();
  };
  // One whose disk is gone cannot settle any more.
  onTestFinished(async () => repository.close().catch(() => undefined));
  return { repository, reports };
}

/** A group of one ref move. */
function move(ref: string, from: Oid | null, to: Oid | null): { objects: []; refs: RefMove[] } {
  return { objects: [], refs: [{ ref, from, to }] };
}

/** What became of promises: `done`, or the code of the error. */
async function outcomes(promises: readonly Promise<unknown>[]): Promise<string[]> {
  return Promise.all(
    promises.map(async (promise) =>
      promise.then(
        () => "done",
        (error: { code?: string }) => error.code ?? String(error),
      ),
    ),
  );
}

function isJournal(path: unknown): boolean {
  return String(path).includes("/runtree/journal/");
}

/** The machine's disk, whose settling can be held up, and whose syncs of the journal are counted and can be followed by something. */
class WatchedDisk {
  readonly fs: FileSystem;
  /** The system's word for why nothing can be settled; null: it can. */
  refused: string | null = null;
  syncs = 0;
  /** Done when records are written, before they are confirmed. */
  written: () => void = () => undefined;
  /** Done when records are confirmed, before they are synced. */
  syncing: () => void = () => undefined;

  constructor() {
    const openSync: FileSystem["openSync"] = (path, flags, mode) => {
      if (this.refused !== null && flags !== "r" && !isJournal(path))
        throw Object.assign(new Error(`planted: ${this.refused}`), { code: this.refused });
      return fs.openSync(path, flags, mode);
    };
    const writeSync = ((...args: Parameters<typeof fs.writeSync>) => {
      const written = fs.writeSync(...args);
      this.written();
      return written;
    }) as FileSystem["writeSync"];
    const fdatasync = ((file: number, done: (error: Error | null) => void) => {
      this.syncs++;
      this.syncing();
      fs.fdatasync(file, done);
    }) as FileSystem["fdatasync"];
    this.fs = { ...fs, openSync, writeSync, fdatasync };
  }
}

/** A repository with so many commits, opened on a watched disk. */
async function openWatched(count: number) {
  const { gitDir, commits } = repositoryWithCommits(count);
  const disk = new WatchedDisk();
  return { gitDir, commits, disk, ...(await open(gitDir, disk.fs)) };
}

describe("writes that wait together", () => {
  test("share a sync that begins when there are some, and another one; and are in Git together", async () => {
    const { gitDir, commits, disk, repository } = await openWatched(1);
    const [commit = ""] = commits;
    const names = Array.from({ length: 64 }, (_, index) => branch(index));
    // The first write of all makes the file grow, which takes its time.
    await repository.apply(move(branch(64), null, commit));
    disk.syncs = 0;
    const writes = names.map(async (ref) => repository.apply(move(ref, null, commit)));
    expect(disk.syncs).toBe(1);
    await Promise.all(writes);
    expect(disk.syncs).toBe(2);
    await repository.settle();
    expect([...refsByGit(gitDir).keys()].sort()).toEqual([...names, branch(64)].sort());
  });

  test("that are few share one sync", async () => {
    const { commits, disk, repository } = await openWatched(1);
    const [commit = ""] = commits;
    const names = Array.from({ length: 8 }, (_, index) => branch(index));
    await Promise.all(names.map(async (ref) => repository.apply(move(ref, null, commit))));
    expect(disk.syncs).toBe(1);
    await repository.settle();
  });

  test("that belong together share one sync however many they are", async () => {
    const { commits, disk, repository } = await openWatched(1);
    const [commit = ""] = commits;
    const names = Array.from({ length: 64 }, (_, index) => branch(index));
    await Promise.all(names.map(async (ref) => repository.apply({ ...move(ref, null, commit), together: true })));
    expect(disk.syncs).toBe(1);
    await repository.settle();
  });

  test("of 64 writers who each go on as soon as they are answered cost a sync a round, not a sync each", async () => {
    const { gitDir, commits, disk, repository } = await openWatched(6);
    const writer = async (name: number): Promise<void> => {
      let from: Oid | null = null;
      for (const to of commits) {
        await repository.apply({ objects: blobs([`${name} ${to}`]), refs: [{ ref: branch(name), from, to }] });
        expect(repository.ref(branch(name))).toBe(to);
        from = to;
      }
    };
    await Promise.all(Array.from({ length: 64 }, async (_, name) => writer(name)));
    expect(disk.syncs).toBeLessThanOrEqual(3 * commits.length);
    await repository.settle();
    expect([...refsByGit(gitDir).values()]).toEqual(Array(64).fill(commits.at(-1)));
    for (const name of [0, 63])
      for (const { oid, data } of blobs(commits.map((to) => `${name} ${to}`)))
        expect(git(gitDir, "cat-file", "blob", oid)).toBe(data.toString());
  });

  test("may go on from one another on one ref; one that starts elsewhere is refused, the others are not", async () => {
    const { gitDir, commits } = repositoryWithCommits(4);
    const [one = "", two = "", three = "", four = ""] = commits;
    const { repository } = await open(gitDir);
    const answered: string[] = [];
    const promises = [
      move(REF, null, one),
      move(REF, one, two),
      move(REF, one, four),
      move(REF, two, three),
      move(branch("y"), null, four),
      move(branch("z"), four, null),
    ].map(async (group, index) => repository.apply(group).then(() => void answered.push(`${index}`)));
    expect(await outcomes(promises)).toEqual(["done", "done", "ref_moved", "done", "done", "ref_moved"]);
    expect(answered).toEqual(["0", "1", "3", "4"]);
    await repository.settle();
    expect(refsByGit(gitDir)).toEqual(
      new Map([
        [branch("y"), four],
        [REF, three],
      ]),
    );
  });

  test("are seen by all, though no one else, when they are acknowledged, not before", async () => {
    const { gitDir, commits, disk, repository } = await openWatched(2);
    const [one = "", two = ""] = commits;
    await repository.apply(move(branch("gone"), null, one));
    const [blob] = blobs(["content"]) as [EncodedObject];
    const seen: unknown[] = [];
    disk.syncing = (): void => void seen.push(repository.ref(REF), repository.read(blob.oid));
    disk.refused = "EIO";
    const refs = [
      { ref: REF, from: null, to: two },
      { ref: branch("gone"), from: one, to: null },
    ];
    await repository.apply({ objects: [blob], refs });
    expect(seen).toEqual([null, null]);
    expect([repository.ref(REF), repository.ref(branch("gone"))]).toEqual([two, null]);
    expect(repository.read(blob.oid)?.data.toString()).toBe("content");
    expect([...repository.refs("refs/heads/")]).toEqual([[REF, two]]);
    expect([readRef(fs, gitDir, REF), readRef(fs, gitDir, branch("gone"))]).toEqual([null, one]);
    disk.refused = null;
    await repository.settle();
    expect(refsByGit(gitDir)).toEqual(new Map([[REF, two]]));
    expect([...repository.refs("refs/heads/")]).toEqual([[REF, two]]);
  });
});

describe("a ref that stock git moved", () => {
  test("between our reading and our writing is not overwritten; what waited with it goes through", async () => {
    const { gitDir, commits } = repositoryWithCommits(4);
    const [one = "", two = "", three = "", four = ""] = commits;
    const { repository } = await open(gitDir);
    await repository.apply(move(REF, null, one));
    git(gitDir, "update-ref", REF, two, one);
    const promises = [move(REF, one, three), move(REF, three, four), move(branch("y"), null, one)].map(async (group) =>
      repository.apply(group),
    );
    expect(await outcomes(promises)).toEqual(["ref_moved", "ref_moved", "done"]);
    expect(repository.ref(REF)).toBe(two);
    await repository.settle();
    expect(refsByGit(gitDir).get(REF)).toBe(two);
    await repository.apply(move(REF, two, four));
    expect([git(gitDir, "rev-parse", REF).trim(), repository.refs(LOST).size]).toEqual([four, 0]);
  });

  test("when our record is written and not confirmed yet is not overwritten, and the record is taken back", async () => {
    const { gitDir, commits, disk, repository } = await openWatched(3);
    const [one = "", two = "", three = ""] = commits;
    await repository.apply(move(REF, null, one));
    // Not by `git` of the tests, which waits until the journal is empty.
    disk.written = once(() => writeFileSync(`${gitDir}/${REF}`, `${two}\n`));
    await expect(repository.apply(move(REF, one, three))).rejects.toMatchObject({
      code: "ref_moved",
      data: { ref: REF, expected: one, actual: two },
    });
    expect(leftRecords(fs, gitDir)).toEqual([]);
    expect([refsByGit(gitDir).get(REF), repository.ref(REF)]).toEqual([two, two]);
  });

  test("while ours was acknowledged and not settled stays; ours is kept below refs/runtree/lost and told", async () => {
    const { gitDir, commits, disk, repository, reports } = await openWatched(3);
    const [one = "", two = "", three = ""] = commits;
    await repository.apply(move(REF, null, one));
    disk.refused = "EIO";
    await repository.apply({ objects: blobs(["ours"]), refs: move(REF, one, two).refs });
    await repository.apply(move(branch("y"), null, two));
    writeFileSync(`${gitDir}/${REF}`, `${three}\n`);
    expect(repository.ref(REF)).toBe(two);
    disk.refused = null;
    await repository.settle();
    const kept = `refs/runtree/lost/heads/x-${two.slice(0, 12)}`;
    expect(refsByGit(gitDir)).toEqual(
      new Map([
        [branch("y"), two],
        [REF, three],
        [kept, two],
      ]),
    );
    expect(repository.ref(REF)).toBe(three);
    expect(repository.refs(LOST).size).toBe(1);
    expect(reports.filter((report) => report.includes(kept) && report.includes(two))).toHaveLength(1);
    expect(git(gitDir, "cat-file", "-p", blobs(["ours"])[0]?.oid ?? "")).toBe("ours");
    await repository.apply(move(REF, three, one));
    expect(refsByGit(gitDir).get(REF)).toBe(one);
  });

  test("to where we moved it, too, is no loss", async () => {
    const { gitDir, commits, disk, repository } = await openWatched(2);
    const [one = "", two = ""] = commits;
    disk.refused = "EIO";
    await repository.apply(move(REF, null, one));
    await repository.apply(move(REF, one, two));
    fs.mkdirSync(`${gitDir}/refs/heads`, { recursive: true });
    writeFileSync(`${gitDir}/${REF}`, `${two}\n`);
    disk.refused = null;
    await repository.settle();
    expect([refsByGit(gitDir), repository.refs(LOST).size]).toEqual([new Map([[REF, two]]), 0]);
  });
});

describe("a ref that git holds locked", () => {
  test("is waited for, others are not; when it is free the write goes through", async () => {
    const { gitDir, commits } = repositoryWithCommits(2);
    const [one = "", two = ""] = commits;
    const { repository } = await open(gitDir);
    await repository.apply(move(REF, null, one));
    writeFileSync(`${gitDir}/${REF}.lock`, "");
    let answered = false;
    const waiting = repository.apply(move(REF, one, two)).then(() => void (answered = true));
    await repository.apply(move(branch("y"), null, two));
    expect([answered, repository.ref(REF), repository.ref(branch("y"))]).toEqual([false, one, two]);
    rmSync(`${gitDir}/${REF}.lock`);
    await waiting;
    expect(refsByGit(gitDir).get(REF)).toBe(two);
  });

  test("for good is `busy` in the end, nothing is left of the write, and the lock is git's still", async () => {
    const { gitDir, commits } = repositoryWithCommits(2);
    const [one = "", two = ""] = commits;
    const { repository } = await open(gitDir);
    await repository.apply(move(REF, null, one));
    writeFileSync(`${gitDir}/${REF}.lock`, "");
    const began = performance.now();
    await expect(repository.apply(move(REF, one, two))).rejects.toMatchObject({ code: "busy", data: { ref: REF } });
    expect(performance.now() - began).toBeGreaterThan(LOCK_MS / 2);
    expect([repository.ref(REF), leftRecords(fs, gitDir), locksIn(gitDir)]).toEqual([one, [], [`${REF}.lock`]]);
    rmSync(`${gitDir}/${REF}.lock`);
    await repository.apply(move(REF, one, two));
    expect(refsByGit(gitDir).get(REF)).toBe(two);
  });
});

test("closing tells what waits for git's locks, and what comes later, that it is not done; nothing is written after it", async () => {
  const { gitDir, commits } = repositoryWithCommits(2);
  const [one = "", two = ""] = commits;
  const { repository } = await open(gitDir);
  await repository.apply(move(REF, null, one));
  writeFileSync(`${gitDir}/${REF}.lock`, "");
  const waiting = outcomes([repository.apply(move(REF, one, two))]);
  // Answered after the other one was put off, as both wait for one append.
  await repository.apply(move(branch("y"), null, two));
  await repository.close();
  expect(await waiting).toEqual(["busy"]);
  expect(await outcomes([repository.apply(move(branch("z"), null, two))])).toEqual(["busy"]);
  rmSync(`${gitDir}/${REF}.lock`);
  const { repository: next } = await open(gitDir);
  expect([...next.refs("refs/heads/")].sort()).toEqual([
    [branch("y"), two],
    [REF, one],
  ]);
  await next.apply(move(REF, one, two));
  expect(refsByGit(gitDir).get(REF)).toBe(two);
});

describe.each([
  ["in this thread", false],
  ["in a worker", true],
])("settling %s", (_, worker) => {
  test("is over when a quiet repository answers: stock git sees it, and the journal is empty", async () => {
    const { gitDir, commits } = repositoryWithCommits(1);
    const { repository } = await open(gitDir, fs, worker);
    await repository.apply(move(branch("warm"), null, commits[0] ?? ""));
    await repository.settle();
    const [blob] = blobs(["seen"]) as [EncodedObject];
    await repository.apply({ objects: [blob], refs: move(REF, null, commits[0] ?? "").refs });
    expect([readRef(fs, gitDir, REF), leftRecords(fs, gitDir)]).toEqual([commits[0], []]);
    expect(git(gitDir, "cat-file", "blob", blob.oid)).toBe("seen");
  });

  test("can be waited for under load, and happens by itself", async () => {
    const { gitDir, commits } = repositoryWithCommits(2);
    const [one = "", two = ""] = commits;
    const { repository } = await open(gitDir, fs, worker);
    const names = Array.from({ length: 40 }, (_, index) => branch(index));
    await Promise.all(
      names.map(async (ref) => repository.apply({ objects: blobs([ref]), refs: [{ ref, from: null, to: one }] })),
    );
    await repository.settle();
    expect(refsByGit(gitDir).size).toBe(40);
    await Promise.all(names.map(async (ref) => repository.apply(move(ref, one, two))));
    await settledByItself(gitDir);
    expect([...refsByGit(gitDir).values()]).toEqual(Array(40).fill(two));
    expect(fsck(gitDir).filter((line) => !line.startsWith("dangling "))).toEqual([]);
  });

  test("is finished by closing", async () => {
    const { gitDir, commits } = repositoryWithCommits(1);
    const { repository } = await open(gitDir, fs, worker);
    const names = Array.from({ length: 40 }, (_, index) => branch(index));
    const all = names.map(async (ref) => repository.apply(move(ref, null, commits[0] ?? "")));
    await repository.close();
    expect(await outcomes(all)).toEqual(Array(40).fill("done"));
    expect([leftRecords(fs, gitDir), refsByGit(gitDir).size]).toEqual([[], 40]);
  });
});

describe("an answer", () => {
  /** Lets git hold a ref as soon as its move is confirmed, so that it cannot be settled until the lock is removed. */
  function lockedWhenConfirmed(gitDir: string, ref: string): WatchedDisk {
    const disk = new WatchedDisk();
    fs.mkdirSync(`${gitDir}/refs/heads/runs`, { recursive: true });
    disk.syncing = once(() => writeFileSync(`${gitDir}/${ref}.lock`, ""));
    return disk;
  }

  test("under load does not wait for settling, nor for time to pass", async () => {
    const { gitDir, commits, disk, repository } = await openWatched(2);
    const [one = "", two = ""] = commits;
    const names = Array.from({ length: 40 }, (_, index) => branch(index));
    const moveAll = async (from: Oid | null, to: Oid): Promise<unknown> =>
      Promise.all(names.map(async (ref) => repository.apply(move(ref, from, to))));
    await moveAll(null, one);
    await repository.settle();
    disk.syncing = once(() => writeFileSync(`${gitDir}/${branch(0)}.lock`, ""));
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    await moveAll(one, two);
    expect([existsSync(`${gitDir}/${branch(0)}.lock`), readRef(fs, gitDir, branch(1))]).toEqual([true, one]);
    vi.useRealTimers();
    rmSync(`${gitDir}/${branch(0)}.lock`);
    await repository.settle();
    expect([...refsByGit(gitDir).values()]).toEqual(Array(40).fill(two));
  });

  test("that came while an older one was settled is what is read, all along", async () => {
    const { gitDir, commits } = repositoryWithCommits(2);
    const [one = "", two = ""] = commits;
    const [blob] = blobs(["newer"]) as [EncodedObject];
    const { repository } = await open(gitDir, lockedWhenConfirmed(gitDir, branch("z")).fs, true);
    await repository.apply({ objects: [], refs: [REF, branch("z")].map((ref) => ({ ref, from: null, to: one })) });
    await repository.apply({ objects: [blob], refs: move(REF, one, two).refs });
    expect(readRef(fs, gitDir, REF)).toBeNull();
    rmSync(`${gitDir}/${branch("z")}.lock`);
    while (readRef(fs, gitDir, REF) !== two) {
      expect([repository.ref(REF), repository.read(blob.oid)?.type]).toEqual([two, "blob"]);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await repository.settle();
    expect(refsByGit(gitDir).get(REF)).toBe(two);
  });

  test("waits for settling no longer than a round", async () => {
    const { gitDir, commits } = repositoryWithCommits(1);
    const { repository } = await open(gitDir, lockedWhenConfirmed(gitDir, REF).fs);
    const began = performance.now();
    await repository.apply(move(REF, null, commits[0] ?? ""));
    const waited = performance.now() - began;
    expect(readRef(fs, gitDir, REF)).toBeNull();
    expect(waited).toBeGreaterThan(ROUND_MS * 0.9);
    expect(waited).toBeLessThan(LOCK_MS * 0.9);
    rmSync(`${gitDir}/${REF}.lock`);
    await repository.settle();
    expect(refsByGit(gitDir).get(REF)).toBe(commits[0]);
  });
});

describe("settling that fails", () => {
  test("keeps the journal, is told once and tried again; when the disk has room everything is in Git", async () => {
    const { gitDir, commits, disk, repository, reports } = await openWatched(2);
    const [one = "", two = ""] = commits;
    for (const [from, to] of [
      [null, one],
      [one, two],
    ] as const) {
      disk.refused = "ENOSPC";
      await repository.apply({ objects: blobs([`to ${to}`]), refs: move(REF, from, to).refs });
      for (let tries = 0; tries < 3; tries++)
        await expect(repository.settle()).rejects.toMatchObject({ code: "disk_full" });
      expect([reports.length, leftRecords(fs, gitDir).length]).toEqual([from === null ? 1 : 2, 1]);
      expect([repository.ref(REF), readRef(fs, gitDir, REF)]).toEqual([to, from]);
      disk.refused = null;
      // By itself: nobody asks for it.
      await settledByItself(gitDir);
      expect(refsByGit(gitDir).get(REF)).toBe(to);
      expect(git(gitDir, "cat-file", "blob", blobs([`to ${to}`])[0]?.oid ?? "")).toBe(`to ${to}`);
    }
  });

  test("takes bounded memory: writers are told that the disk is full, and nothing acknowledged is missing after it", async () => {
    const gitDir = emptyRepository();
    const disk = new WatchedDisk();
    const { repository } = await open(gitDir, disk.fs);
    disk.refused = "ENOSPC";
    const kept: EncodedObject[] = [];
    let told = "";
    for (let index = 0; told === "" && index < 20; index++) {
      const object = encodeObject("blob", Buffer.alloc(8 * MIB, `${index} `));
      [told = ""] = await outcomes([repository.apply({ objects: [object], refs: [] })]);
      if (told !== "done") break;
      told = "";
      kept.push(object);
    }
    expect(told).toBe("disk_full");
    expect(kept.length).toBeGreaterThan(7);
    expect(kept.length).toBeLessThan(11);
    disk.refused = null;
    await repository.apply({ objects: blobs(["after"]), refs: [] });
    await repository.settle();
    for (const { oid, data } of kept) expect(git(gitDir, "cat-file", "-s", oid).trim()).toBe(`${data.length}`);
  });
});

test("what is settled is not kept in memory beside the cache", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const { repository } = await open(emptyRepository());
  collect();
  const before = process.memoryUsage().arrayBuffers;
  for (let index = 0; index < 25; index++) {
    await repository.apply({ objects: [encodeObject("blob", Buffer.alloc(8 * MIB, `${index} `))], refs: [] });
    await repository.settle();
  }
  collect();
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(CACHE_BYTES + 32 * MIB);
});

/** Waits until the journal is empty, without asking for it. */
async function settledByItself(gitDir: string): Promise<void> {
  await expect.poll(() => leftRecords(fs, gitDir), { timeout: 5000, interval: 5 }).toEqual([]);
}

const GIT_DIR = "/repo.git";

/** A disk in memory with an empty bare repository. */
function bareDisk(): FaultyDisk {
  return FaultyDisk.holding(emptyRepository(), GIT_DIR);
}

function commitOf(text: string, parents: readonly Oid[]): { commit: EncodedObject; objects: EncodedObject[] } {
  const tree = encodeObject("tree", Buffer.alloc(0));
  const lines = [
    `tree ${tree.oid}`,
    ...parents.map((parent) => `parent ${parent}`),
    "author a <a@example.org> 1700000000 +0000",
    "committer a <a@example.org> 1700000000 +0000",
    "",
    text,
    "",
  ];
  const commit = encodeObject("commit", lines.join("\n"));
  return { commit, objects: [tree, commit] };
}

/** What is asked of a repository that dies meanwhile: a branch and a tag come, the branch moves on, one goes. */
async function work(
  repository: JournaledRepository,
  many: boolean,
): Promise<{ answered: number; refs: Map<string, Oid>[] }> {
  const [first, second] = [commitOf("first", []), commitOf("second", [commitOf("first", []).commit.oid])];
  const more = many ? blobs(Array.from({ length: 40 }, (_, index) => `blob ${index}`)) : [];
  const groups = [
    {
      objects: first.objects,
      refs: [...move(REF, null, first.commit.oid).refs, ...move(branch("a"), null, first.commit.oid).refs],
    },
    {
      objects: [...second.objects, ...more],
      refs: [...move(REF, first.commit.oid, second.commit.oid).refs, ...move(branch("a"), first.commit.oid, null).refs],
    },
    { objects: [], refs: move(branch("b"), null, second.commit.oid).refs },
  ];
  const refs = [
    new Map<string, Oid>(),
    new Map([
      [REF, first.commit.oid],
      [branch("a"), first.commit.oid],
    ]),
    new Map([[REF, second.commit.oid]]),
    new Map([
      [REF, second.commit.oid],
      [branch("b"), second.commit.oid],
    ]),
  ];
  let answered = 0;
  for (const group of groups) {
    const [told] = await outcomes([repository.apply(group)]);
    if (told !== "done") break;
    answered++;
  }
  return { answered, refs };
}

describe("a process that dies", () => {
  test.each([
    ["loose objects", false],
    ["a pack", true],
  ])(
    "at any call of the disk leaves whole groups, and all that were answered (%s)",
    async (_, many) => {
      const base = bareDisk();
      const whole = base.copy();
      const { repository } = await open(GIT_DIR, whole.fs);
      whole.plant(null);
      expect((await work(repository, many)).answered).toBe(3);
      await repository.settle();
      const calls = whole.calls.length;
      expect(calls).toBeGreaterThan(30);
      const stages = new Set<string>();
      for (let at = 1; at <= calls + 1; at++) {
        const disk = base.copy();
        const first = await open(GIT_DIR, disk.fs);
        disk.plant({ at, kind: "cut" });
        const { answered, refs } = await work(first.repository, many);
        await first.repository.close().catch(() => undefined);
        const found = disk.afterKill();
        await clearStaleLocks(found.fs, GIT_DIR, 0);
        const left = leftRecords(found.fs, GIT_DIR).length;
        const again = await open(GIT_DIR, found.fs);
        const now = again.repository.refs("refs/");
        const reached = refs.findIndex((state) => String([...state].sort()) === String([...now].sort()));
        expect(reached, `call ${at}: ${String([...now])}`).toBeGreaterThanOrEqual(answered);
        for (const oid of now.values()) expect(again.repository.read(oid)?.type).toBe("commit");
        expect([again.repository.refs(LOST).size, leftRecords(found.fs, GIT_DIR)]).toEqual([0, []]);
        expect(
          found.paths().filter((path) => /\.lock$|\.keep$|\/tmp_/.test(path) && !path.includes("tmp_obj_")),
        ).toEqual([]);
        await again.repository.close();
        stages.add(`${left > 0 ? "with" : "without"} records, ${answered} answered`);
      }
      expect(stages.size).toBeGreaterThan(3);
    },
    60_000,
  );

  test("beside its journal finds it settled after the next start, though somebody moved a ref meanwhile", async () => {
    const disk = bareDisk();
    const { repository } = await open(GIT_DIR, disk.fs);
    const { commit, objects } = commitOf("ours", []);
    disk.plant({ at: 3, kind: "cut" });
    await repository.apply({
      objects,
      refs: [...move(REF, null, commit.oid).refs, ...move(branch("y"), null, commit.oid).refs],
    });
    const found = disk.afterKill();
    const theirs = commitOf("theirs", []);
    found.fs.writeFileSync(`${GIT_DIR}/${REF}`, `${theirs.commit.oid}\n`);
    const { repository: next, reports } = await open(GIT_DIR, found.fs);
    expect([next.ref(REF), next.ref(branch("y"))]).toEqual([theirs.commit.oid, commit.oid]);
    expect(next.ref(`refs/runtree/lost/heads/x-${commit.oid.slice(0, 12)}`)).toBe(commit.oid);
    expect([next.refs(LOST).size, reports.length]).toEqual([1, 2]);
  });
});
