import fs from "node:fs";
import { dirname } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { FileSystem } from "../../src/git/files.ts";
import { type OpenStore, openStore } from "../../src/store/open.ts";
import { findRun, type RunView } from "../../src/store/run-view.ts";
import type { Store } from "../../src/store/store.ts";
import { linesOf, locksIn, pipeGit } from "../git/repositories.ts";
import { temporaryFolder } from "../support/folders.ts";
import { fsck, git } from "../support/git.ts";
import { open, patch } from "../support/situations.ts";
import { GIT, openTestStore, SHIPPED_TEMPLATE } from "../support/store.ts";

type Handle = Awaited<ReturnType<FileSystem["promises"]["open"]>>;

/** A writing call on the disk: what is done, to which path, and for `mkdir` the topmost folder that it made. */
interface DiskCall {
  readonly doing: "open" | "write" | "sync" | "rename" | "rm" | "mkdir";
  readonly path: string;
  made?: string | undefined;
}

type Place = "objects" | "refs";

/** Objects are written side by side, refs strictly one after another: each place has its own count. */
function placeOf({ path }: DiskCall): Place {
  return path.includes(".git/objects") ? "objects" : "refs";
}

/** The nth call in a place, and the system's word for what is wrong with it. */
interface PlantedFault {
  readonly place: Place;
  readonly nth: number;
  readonly code: string;
  readonly forGood: boolean;
}

/** The real file system, whose writing calls can be listed, and made to fail at a given one. */
class FailingDisk {
  readonly fs: FileSystem;
  /** The first call that failed since it was last asked to. */
  failed: DiskCall | null = null;
  #calls: DiskCall[] = [];
  #planted: PlantedFault | null = null;

  constructor() {
    const real = fs.promises;
    const open = async (path: string, ...rest: never[]): Promise<Handle> => {
      this.#step("open", path);
      const handle = await real.open(path, ...rest);
      const { writeFile, sync } = handle;
      handle.writeFile = (async (bytes: Buffer) => {
        try {
          this.#step("write", path);
        } catch (error) {
          // A disk that fails may have written the half of it.
          await writeFile.call(handle, bytes.slice(0, bytes.length / 2));
          throw error;
        }
        await writeFile.call(handle, bytes);
      }) as Handle["writeFile"];
      handle.sync = async () => {
        this.#step("sync", path);
        await sync.call(handle);
      };
      return handle;
    };
    const rename = async (from: string, to: string): Promise<void> => {
      this.#step("rename", to);
      await real.rename(from, to);
    };
    const rm = async (path: string, ...rest: never[]): Promise<void> => {
      this.#step("rm", path);
      await real.rm(path, ...rest);
    };
    const mkdir = async (path: string, options: { recursive: true }): Promise<string | undefined> => {
      const call = this.#step("mkdir", path);
      call.made = await real.mkdir(path, options);
      return call.made;
    };
    this.fs = { ...fs, promises: { ...real, open, rename, rm, mkdir } as unknown as FileSystem["promises"] };
  }

  #step(doing: DiskCall["doing"], path: string): DiskCall {
    const call: DiskCall = { doing, path };
    this.#calls.push(call);
    const planted = this.#planted;
    if (planted === null) return call;
    const reached = placeOf(call) === planted.place && this.#countIn(planted.place) === planted.nth;
    if (!reached && !(planted.forGood && this.failed !== null)) return call;
    this.failed ??= call;
    throw Object.assign(new Error(`planted: ${doing} ${path}`), { code: planted.code });
  }

  #countIn(place: Place): number {
    return this.#calls.filter((call) => placeOf(call) === place).length;
  }

  /** The calls that some work makes, in order. */
  async callsOf(work: () => Promise<unknown>): Promise<DiskCall[]> {
    this.#calls = [];
    await work();
    return this.#calls;
  }

  /** Makes one call fail, counted from now, and with `forGood` every one after it. */
  plant(fault: PlantedFault): void {
    this.#calls = [];
    this.#planted = fault;
    this.failed = null;
  }

  heal(): void {
    this.#planted = null;
  }
}

async function openOn(disk: FailingDisk, data: string): Promise<OpenStore> {
  const parts = { git: GIT, data, template: SHIPPED_TEMPLATE, node: "node", report: (): void => undefined };
  const opened = await openStore({ ...parts, fs: disk.fs, clock: () => Date.now() });
  onTestFinished(async () => opened.close());
  return opened;
}

const study = (id: string): { study_set: Record<string, { title: string }> } => ({
  study_set: { [id]: { title: id } },
});

/** The work that is interrupted: a last submission with `done`, two commits in all. */
async function finish(store: Store, view: RunView, name: string): Promise<RunView> {
  return patch(store, view, { done: true, body: study(`${name}-b`) });
}

/** The steps of that work worth failing at: all that touch refs, and some of the many that write objects. */
function stepsOf(calls: readonly DiskCall[]): (DiskCall & Pick<PlantedFault, "place" | "nth">)[] {
  const counts = { objects: 0, refs: 0 };
  const steps = calls.map((call) => ({ ...call, place: placeOf(call), nth: ++counts[placeOf(call)] }));
  return steps.filter(({ place, nth }) => place === "refs" || nth % 13 === 0);
}

/** Brings the work to its end, whatever became of the first try. */
async function finishAtLast(store: Store, view: RunView, name: string): Promise<void> {
  const now = findRun(store.repository, view.record.id);
  expect(["waiting", "merging", "success"]).toContain(now?.record.status);
  if (now?.record.status === "waiting") await finish(store, view, name);
  const end = await patch(store, view, { done: true });
  expect(end).toEqual(findRun(store.repository, view.record.id));
  expect([end.place, end.record.status]).toEqual(["merged", "success"]);
  expect(store.runs.view(view.record.id)).toEqual(end);
}

/** Both documents of each name are on main, brought by one merge; git is content and no lock is left. */
function expectMergedOnce(gitDir: string, names: readonly string[]): void {
  const added = linesOf(
    git(gitDir, "log", "--first-parent", "-m", "--diff-filter=A", "--name-only", "--format=", "main", "--", "metadata"),
  );
  const documents = names.flatMap((name) => [`${name}-a.json`, `${name}-b.json`]);
  expect(added.map((path) => path.slice(path.lastIndexOf("/") + 1)).sort()).toEqual(documents.sort());
  expect(linesOf(git(gitDir, "log", "--first-parent", "--merges", "--format=%H", "main"))).toHaveLength(names.length);
  expect(linesOf(git(gitDir, "for-each-ref", "--format=%(refname)"))).toEqual(["refs/heads/main"]);
  expect(fsck(gitDir).filter((line) => !line.startsWith("dangling "))).toEqual([]);
  expect(locksIn(gitDir)).toEqual([]);
  expect(fs.existsSync(`${gitDir}/packed-refs.new`)).toBe(false);
}

/** Calls whose effect a power cut could undo although all of them were made: no sync of the file, or of the folder, came after. */
function notDurable(calls: readonly DiskCall[]): string[] {
  const lastSync = (path: string): number => calls.findLastIndex((call) => call.doing === "sync" && call.path === path);
  return calls.flatMap(({ doing, path, made }, at) => {
    const written = doing === "write" && lastSync(path) < at;
    const named = (doing === "rename" || doing === "rm") && !path.endsWith(".lock") && lastSync(dirname(path)) < at;
    const folder = made !== undefined && lastSync(dirname(made)) < at;
    return written || named || folder ? [`${doing} ${path.replace(/.*\.git\//, "")}`] : [];
  });
}

/** Moves every ref into packed-refs, as maintenance does. */
function packRefs(gitDir: string): void {
  pipeGit(gitDir, ["pack-refs", "--all"], { env: { RUNTREE_MAINTENANCE: "1" } });
}

describe("a merge", () => {
  test("is on disk when it is acknowledged: bytes before their names, folders with their parents, objects before refs", async () => {
    const disk = new FailingDisk();
    const { store } = await openOn(disk, temporaryFolder());
    let view: RunView | null = null;
    const opening = await disk.callsOf(async () => (view = await open(store, study("s-a"))));
    const finishing = await disk.callsOf(async () => view !== null && finish(store, view, "s"));
    expect([notDurable(opening), notDurable(finishing)]).toEqual([[], []]);
    const moves = finishing.flatMap(({ doing, path }, at) =>
      doing === "rename" && path.includes("/refs/") ? [at] : [],
    );
    const objects = finishing.flatMap(({ doing, path }, at) =>
      doing === "sync" && path.includes("/objects") ? [at] : [],
    );
    expect(moves).toHaveLength(2);
    expect(Math.max(...objects)).toBeLessThan(moves[1] ?? 0);
  });

  test("that the disk interrupts once, at any step, is refused as such and goes through when it is asked for again", async () => {
    const disk = new FailingDisk();
    const { store, gitDir } = await openOn(disk, temporaryFolder());
    const names = ["warm-up", "count"];
    let steps: ReturnType<typeof stepsOf> = [];
    for (const name of names) {
      const view = await open(store, study(`${name}-a`));
      steps = stepsOf(await disk.callsOf(async () => finish(store, view, name)));
    }
    expect(steps.length).toBeGreaterThan(25);
    const wrong: unknown[] = [];
    for (const [index, { place, nth }] of steps.entries()) {
      const name = `step-${index}`;
      names.push(name);
      const view = await open(store, study(`${name}-a`));
      const [fault = "", code] = index % 2 === 0 ? ["EIO", "io_failed"] : ["ENOSPC", "disk_full"];
      disk.plant({ place, nth, code: fault, forGood: false });
      const error = await finish(store, view, name).then(
        () => null,
        (reason: unknown) => reason,
      );
      disk.heal();
      const refused = error instanceof Error && "code" in error && error.code === code;
      // A lock may be given back at the second try; and fewer calls write objects once their folders are there.
      const released = disk.failed?.doing === "rm" && disk.failed.path.endsWith(".lock");
      const maySucceed = released || (disk.failed === null && place === "objects");
      if (!refused && (error !== null || !maySucceed)) wrong.push([disk.failed, error]);
      await finishAtLast(store, view, name);
    }
    expect(wrong).toEqual([]);
    expectMergedOnce(gitDir, names);
  });

  test.each([
    ["loose", (): void => undefined],
    ["packed", packRefs],
  ])(
    "that the process dies in, at any step, is finished or undone after a restart, never half done (refs %s)",
    async (_, arrange) => {
      const { store, data, gitDir, close } = await openTestStore();
      const view = await open(store, study("crash-a"));
      await close();
      arrange(gitDir);
      const copyOf = (): string => {
        const copy = temporaryFolder();
        fs.cpSync(data, copy, { recursive: true });
        return copy;
      };
      const crashAt = async ({ place, nth }: Pick<PlantedFault, "place" | "nth">): Promise<void> => {
        const [copy, disk] = [copyOf(), new FailingDisk()];
        const before = await openOn(disk, copy);
        disk.plant({ place, nth, code: "EIO", forGood: true });
        const acknowledged = await finish(before.store, view, "crash").catch(() => null);
        await before.close();
        expect(acknowledged === null).toBe(disk.failed !== null);
        const after = await openOn(new FailingDisk(), copy);
        const found = findRun(after.store.repository, view.record.id);
        expect(acknowledged === null ? ["waiting", "success"] : ["success"]).toContain(found?.record.status);
        if (found?.record.status === "waiting") expect(found).toEqual(view);
        await finishAtLast(after.store, view, "crash");
        await after.close();
        expectMergedOnce(after.gitDir, ["crash"]);
      };
      const disk = new FailingDisk();
      const rehearsal = await openOn(disk, copyOf());
      const calls = await disk.callsOf(async () => finish(rehearsal.store, view, "crash"));
      const steps = stepsOf(calls).filter(({ doing }) => doing === "rename" || doing === "rm");
      expect(steps.length).toBeGreaterThan(4);
      await Promise.all(steps.map(crashAt));
    },
  );
});
