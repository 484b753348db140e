import { describe, expect, onTestFinished, test } from "vitest";
import { putSchema } from "../../src/actions/change-settings.ts";
import type { Json } from "../../src/domain/json.ts";
import { MAIN } from "../../src/domain/layout.ts";
import { readCommit } from "../../src/git/commit.ts";
import type { Oid } from "../../src/git/objects.ts";
import type { Repository } from "../../src/git/repository.ts";
import type { RunView } from "../../src/store/run-view.ts";
import type { Store } from "../../src/store/store.ts";
import { derivedOf } from "../crash/oracle.ts";
import type { FaultyDisk } from "../support/faulty-disk.ts";
import { blankDisk, GIT_DIR, openOn, type Through } from "../support/faulty-store.ts";
import { finish, merged, open, patch, refusal, SCHEMAS } from "../support/situations.ts";
import { TESTER } from "../support/store.ts";

interface Opened {
  readonly disk: FaultyDisk;
  readonly store: Store;
}

/** A store of the two linked collections on a disk in memory, with these documents on `main`. */
async function storeWith(
  body?: Json,
  through: (disk: FaultyDisk) => Through | undefined = () => undefined,
): Promise<Opened> {
  const disk = await blankDisk();
  const { store, close } = await openOn(disk.fs, through(disk));
  onTestFinished(close);
  if (body !== undefined) await merged(store, body);
  await store.repository.settle();
  return { disk, store };
}

const study = (id: string, more: object = {}): Json => ({ studies: { [id]: { title: `Study ${id}`, ...more } } });
const sample = (id: string, more: object): Json => ({ samples: { [id]: { ...more } } });

/** Opens a run for each of these submissions, one after another. */
async function openAll(store: Store, ...bodies: readonly Json[]): Promise<RunView[]> {
  const views: RunView[] = [];
  for (const body of bodies) views.push(await open(store, body));
  return views;
}

/** How a run ended: `success`, or the code of the refusal. */
async function outcomeOf(finished: Promise<RunView>): Promise<string> {
  return finished.then(
    ({ record }) => record.status,
    (error: { code?: string }) => error.code ?? String(error),
  );
}

/** Says done for all of them at once, and tells how each ended. */
async function finishAll(store: Store, views: readonly RunView[]): Promise<string[]> {
  return Promise.all(views.map(async (view) => outcomeOf(finish(store, view))));
}

/** Says done for all of them while the lane is held, so that they are judged in this order and together, and tells how each ended. */
async function finishInOrder(store: Store, views: readonly RunView[]): Promise<string[]> {
  const { lane } = store;
  const take = lane.take.bind(lane);
  let release = (): void => undefined;
  const held = lane.take(async () => new Promise<void>((resolve) => (release = resolve)));
  const outcomes: Promise<string>[] = [];
  for (const view of views) {
    const waits = new Promise<void>((resolve) => {
      lane.take = async (work) => {
        resolve();
        return take(work);
      };
    });
    outcomes.push(outcomeOf(finish(store, view)));
    await waits;
  }
  lane.take = take;
  release();
  await held;
  return Promise.all(outcomes);
}

/** The first-parent commits of `main` since a commit, oldest first. */
function chainSince(store: Store, since: Oid): { oid: Oid; parents: readonly Oid[] }[] {
  const chain: { oid: Oid; parents: readonly Oid[] }[] = [];
  for (let oid = store.repository.ref(MAIN) ?? since; oid !== since;) {
    const { parents } = readCommit(store.reader(), oid);
    chain.unshift({ oid, parents });
    oid = parents[0] ?? since;
  }
  return chain;
}

/** What is derived must be what a new start derives, whatever was merged together. */
async function expectAsDerivedAnew({ disk, store }: Opened): Promise<void> {
  await store.repository.settle();
  const anew = await openOn(disk.copy().fs);
  expect(derivedOf(store, [])).toEqual(derivedOf(anew.store, []));
  await anew.close();
}

function journalSyncs(disk: FaultyDisk): number {
  return disk.calls.filter(({ doing, path }) => doing === "sync" && path.includes("/journal/")).length;
}

function record(store: Store, { record: { id } }: RunView): RunView["record"] | undefined {
  return store.runs.view(id)?.record;
}

describe("merges that wait together", () => {
  test("share one write, and each has its own merge commit and its own verdict", async () => {
    const opened = await storeWith();
    const { disk, store } = opened;
    const views = await openAll(
      store,
      ...Array.from({ length: 30 }, (_, index) => sample(`s${index}`, { depth: index })),
    );
    await store.repository.settle();
    const before = store.main.commit;
    disk.plant(null);
    expect(await finishAll(store, views)).toEqual(Array(30).fill("success"));
    // One for the runs that say done, one for their merges; some more where the checks took turns.
    expect(journalSyncs(disk)).toBeLessThanOrEqual(6);
    const chain = chainSince(store, before);
    expect(chain.map(({ parents }) => parents[1]).sort()).toEqual(
      views.map((view) => store.runs.view(view.record.id)?.head ?? "").sort(),
    );
    const verdicts = views.map((view) => record(store, view)?.merge?.verdict);
    expect(verdicts.map((verdict) => verdict?.run_id)).toEqual(views.map((view) => view.record.id));
    expect(verdicts.map((verdict) => verdict?.main_before).sort()).toEqual(
      chain.map(({ parents }) => parents[0]).sort(),
    );
    await expectAsDerivedAnew(opened);
  });

  test("are judged one by one: one that is refused keeps no other from main, and is not on it", async () => {
    const opened = await storeWith();
    const { store } = opened;
    const bodies = [
      study("a"),
      study("b"),
      study("c", { title: 5 }),
      sample("s", { studies: ["nowhere"] }),
      study("e"),
    ];
    const views = await openAll(store, ...bodies);
    const before = store.main.commit;
    const refused = "validation_failed";
    expect(await finishInOrder(store, views)).toEqual(["success", "success", refused, refused, "success"]);
    expect(chainSince(store, before)).toHaveLength(3);
    expect([store.main.index.count("studies"), store.main.index.count("samples")]).toEqual([3, 0]);
    expect(views.map((view) => record(store, view)?.status)).toEqual([
      "success",
      "success",
      "rejected",
      "rejected",
      "success",
    ]);
    expect(views.map((view) => record(store, view)?.warnings[0]?.code)).toEqual([
      undefined,
      undefined,
      "schema",
      "reference_missing",
      undefined,
    ]);
    await expectAsDerivedAnew(opened);
  });

  test("that change one document merge field by field, or conflict with the one that came just before", async () => {
    const opened = await storeWith(sample("s", { depth: 1 }));
    const { store } = opened;
    const bodies = [sample("s", { depth: 2 }), sample("s", { name: "core" }), sample("s", { depth: 3 })];
    const [first, second, third] = (await openAll(store, ...bodies)) as [RunView, RunView, RunView];
    const before = store.main.commit;
    expect(await finishInOrder(store, [first, second, third])).toEqual(["success", "success", "merge_conflict"]);
    const [one, two, none] = chainSince(store, before);
    expect([one?.parents[1], two?.parents[1], none]).toEqual([
      store.runs.view(first.record.id)?.head,
      store.runs.view(second.record.id)?.head,
      undefined,
    ]);
    expect(record(store, third)?.merge?.verdict.conflicts).toMatchObject([
      { id: "s", pointer: "/depth", base: 1, ours: 2, theirs: 3, ours_commit: one?.oid, ours_run: first.record.id },
    ]);
    await expectAsDerivedAnew(opened);
  });

  test("see what those before them brought, took away and gave up: references and unique values", async () => {
    const opened = await storeWith({
      studies: { old: { title: "Old" }, holder: { title: "Holder", doi: "10.1/x" }, twice: {}, kept: {}, last: {} },
      samples: { user: { studies: ["twice"] }, only: { studies: ["last"] } },
    });
    const { store } = opened;
    const cases: readonly (readonly [Json, string])[] = [
      // Brought before it is referred to.
      [study("new"), "success"],
      [sample("s1", { studies: ["new"] }), "success"],
      // Taken away before it is referred to.
      [{ studies: { old: null } }, "success"],
      [sample("s2", { studies: ["old"] }), "validation_failed"],
      // Given up before it is taken, and then held.
      [study("holder", { doi: "10.1/y" }), "success"],
      [study("next", { doi: "10.1/x" }), "success"],
      [study("late", { doi: "10.1/x" }), "validation_failed"],
      // No longer referred to when it goes.
      [sample("user", { studies: [] }), "success"],
      [{ studies: { twice: null } }, "success"],
      // Referred to by what came just before.
      [sample("s3", { studies: ["kept"] }), "success"],
      [{ studies: { kept: null } }, "validation_failed"],
      // Goes together with what referred to it.
      [{ studies: { last: null }, samples: { only: null } }, "success"],
    ];
    const views = await openAll(store, ...cases.map(([body]) => body));
    expect(await finishInOrder(store, views)).toEqual(cases.map(([, outcome]) => outcome));
    expect(views.flatMap((view) => record(store, view)?.warnings.map(({ code }) => code) ?? [])).toEqual([
      "reference_missing",
      "duplicate",
      "reference_in_use",
    ]);
    expect([store.main.index.count("studies"), store.main.index.count("samples")]).toEqual([4, 3]);
    const referring = ["new", "old", "twice", "kept", "last"].map((id) =>
      store.main.index.referrers(id).map((each) => each.id),
    );
    expect(referring).toEqual([["s1"], [], [], ["s3"], []]);
    await expectAsDerivedAnew(opened);
  });

  test("of which one takes a document away and one refers to it do not both come in, in either order", async () => {
    for (const turned of [false, true]) {
      const opened = await storeWith(study("st"));
      const views = await openAll(opened.store, { studies: { st: null } }, sample("s", { studies: ["st"] }));
      const outcomes = await finishInOrder(opened.store, turned ? views.toReversed() : views);
      expect(outcomes).toEqual(["success", "validation_failed"]);
      const code = turned ? "reference_in_use" : "reference_missing";
      expect(record(opened.store, views[turned ? 0 : 1] as RunView)?.warnings).toMatchObject([{ code }]);
      await expectAsDerivedAnew(opened);
    }
  });

  test("are held against the rules that one of them brings, from then on", async () => {
    const opened = await storeWith();
    const { store } = opened;
    const { properties, ...schema } = SCHEMAS["schemas/sample.schema.json"] as { properties: object };
    const stricter = { ...schema, properties: { ...properties, depth: { type: "number", minimum: 0 } } } as Json;
    const [before, rules, below, above] = (await openAll(
      store,
      sample("above-all", { depth: 7 }),
      {},
      sample("below", { depth: -1 }),
      sample("above", { depth: 1 }),
    )) as [RunView, RunView, RunView, RunView];
    const sent = { value: stricter, notices: [], precondition: (): void => undefined };
    await putSchema(store, TESTER, rules.record.id, "sample", sent);
    const last = await open(store, sample("last", { depth: -2 }));
    expect(await finishInOrder(store, [before, rules, below, above, last])).toEqual([
      "success",
      "success",
      "validation_failed",
      "success",
      "validation_failed",
    ]);
    expect(record(store, below)?.warnings).toMatchObject([{ code: "schema", id: "below", pointer: "/depth" }]);
    expect(store.main.index.count("samples")).toBe(2);
    await expectAsDerivedAnew(opened);
  });

  test("are not disturbed by a rehearsal beside them, which is judged and leaves nothing", async () => {
    const opened = await storeWith(study("st", { doi: "10.1/x" }));
    const { store } = opened;
    const views = await openAll(
      store,
      ...Array.from({ length: 10 }, (_, index) => sample(`s${index}`, { studies: ["st"] })),
    );
    const before = store.main.commit;
    const rehearsal = store.rehearse();
    const rehearsed = Promise.all([
      merged(rehearsal, sample("rehearsed", { studies: ["st"] })),
      refusal(merged(store.rehearse(), study("other", { doi: "10.1/x" }))),
      refusal(merged(store.rehearse(), sample("wrong", { studies: ["nowhere"] }))),
    ]);
    expect(await finishAll(store, views)).toEqual(Array(10).fill("success"));
    const [good, ...refused] = await rehearsed;
    expect([good.record.status, ...refused.map(({ errors }) => errors[0]?.code)]).toEqual([
      "success",
      "duplicate",
      "reference_missing",
    ]);
    const rehearsedMerge = rehearsal.mergeCommitOf(good.head) ?? "";
    expect(readCommit(rehearsal.reader(), rehearsedMerge).parents[1]).toBe(good.head);
    expect([store.reader()(rehearsedMerge), store.mergeCommitOf(good.head)]).toEqual([null, null]);
    expect(chainSince(store, before)).toHaveLength(10);
    expect([store.main.index.count("samples"), store.runs.view(good.record.id)]).toEqual([10, null]);
    await expectAsDerivedAnew(opened);
  });
});

test("a piece of work that fails fails alone, and what waits behind it is done", async () => {
  const { store } = await storeWith();
  const { lane } = store;
  const works = [async () => 1, async () => Promise.reject(new Error("planted")), async () => 3];
  const ended = await Promise.allSettled(works.map(async (work) => lane.take(work)));
  expect(ended).toMatchObject([{ value: 1 }, { status: "rejected", reason: { message: "planted" } }, { value: 3 }]);
  await lane.idle();
});

/** Does something before a repository is given its next group that moves `main`; nothing while `work` is null. */
class AtMain {
  work: (() => void) | null = null;

  readonly through = (repository: Repository): Repository => {
    const apply = repository.apply.bind(repository);
    repository.apply = async (group) => {
      if (group.refs.some(({ ref }) => ref === MAIN)) this.work?.();
      return apply(group);
    };
    return repository;
  };
}

describe("merges that wait together while something is wrong", () => {
  test.each([
    ["ENOSPC", "disk_full"],
    ["EIO", "io_failed"],
  ])(
    "with the disk (%s) fail together, nothing of them is seen, and asking again brings each in once",
    async (code, told) => {
      const atMain = new AtMain();
      const opened = await storeWith(study("st"), () => atMain.through);
      const { disk, store } = opened;
      const views = await openAll(store, ...["a", "b", "c", "d", "e"].map((id) => sample(id, { studies: ["st"] })));
      await store.repository.settle();
      const before = store.main.commit;
      atMain.work = () => {
        atMain.work = null;
        disk.plant({ at: 1, kind: "error", code, sticky: true });
      };
      expect(await finishAll(store, views)).toEqual(Array(5).fill(told));
      expect([store.main.commit, store.repository.ref(MAIN), store.main.index.count("samples")]).toEqual([
        before,
        before,
        0,
      ]);
      expect(views.map((view) => record(store, view)?.status)).toEqual(Array(5).fill("merging"));
      disk.plant(null);
      expect(await finishAll(store, views)).toEqual(Array(5).fill("success"));
      expect(chainSince(store, before)).toHaveLength(5);
      expect(store.main.index.referrers("st")).toHaveLength(5);
      await expectAsDerivedAnew(opened);
    },
  );

  test("with main, which git holds locked, wait for it and come in, each once", async () => {
    const atMain = new AtMain();
    const opened = await storeWith(study("st"), () => atMain.through);
    const { disk, store } = opened;
    const views = await openAll(store, ...["a", "b", "c", "d", "e"].map((id) => sample(id, { studies: ["st"] })));
    await store.repository.settle();
    const before = store.main.commit;
    const lock = `${GIT_DIR}/${MAIN}.lock`;
    atMain.work = () => {
      atMain.work = null;
      disk.fs.writeFileSync(lock, "");
      setTimeout(() => disk.fs.rmSync(lock), 60);
    };
    expect(await finishAll(store, views)).toEqual(Array(5).fill("success"));
    expect(chainSince(store, before)).toHaveLength(5);
    await expectAsDerivedAnew(opened);
  });
});

test("what a run says while it waits for the lane is in order with its own other requests", async () => {
  const opened = await storeWith();
  const { store } = opened;
  const [view] = (await openAll(store, sample("s", { depth: 1 }))) as [RunView];
  const answers = await Promise.all([
    patch(store, view, { body: sample("s", { depth: 2 }) }),
    patch(store, view, { done: true }),
    refusal(patch(store, view, { body: sample("s", { depth: 3 }) })),
  ]);
  expect([answers[0].record.status, answers[1].record.status, answers[2].code]).toEqual([
    "waiting",
    "success",
    "run_closed",
  ]);
  await expectAsDerivedAnew(opened);
});
