import { deserialize, serialize } from "node:v8";
import fc from "fast-check";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { cancelRun } from "../../src/actions/cancel-run.ts";
import { putConfiguration } from "../../src/actions/change-settings.ts";
import { createJob } from "../../src/actions/create-job.ts";
import { reshardCollection } from "../../src/actions/reshard-collection.ts";
import { byUnit, type Json } from "../../src/domain/json.ts";
import { documentPath, runRef } from "../../src/domain/layout.ts";
import type { Repository } from "../../src/git/repository.ts";
import { Validator } from "../../src/schema/validator.ts";
import type { Authorship } from "../../src/store/authorship.ts";
import { documentsIn } from "../../src/store/documents.ts";
import { derive, type DerivedState, stateOf, tipsOf } from "../../src/store/derived.ts";
import type { RunFilter } from "../../src/store/run-filter.ts";
import type { RunView } from "../../src/store/run-view.ts";
import { Store } from "../../src/store/store.ts";
import { linesOf, openRepository } from "../git/repositories.ts";
import { git } from "../support/git.ts";
import { CONFIGURATION, finish, merged, open, patch, SCHEMAS, storeWith } from "../support/situations.ts";
import { openTestStore, templateFolder } from "../support/store.ts";
import { dumpOf } from "../../src/store/derived-dump.ts";

vi.setConfig({ testTimeout: 120_000 });

/** A step of work: what is done, on which of a few documents and runs, and how many ms pass before. */
const STEP = fc.record({
  kind: fc.constantFrom(
    ...([
      "merge",
      "merge",
      "merge",
      "open",
      "open",
      "patch",
      "finish",
      "cancel",
      "settings",
      "job",
      "reshard",
    ] as const),
  ),
  which: fc.nat(3),
  other: fc.nat(3),
  ms: fc.constantFrom(0, 1, 400, 5000),
});
type Step = typeof STEP extends fc.Arbitrary<infer Value> ? Value : never;

/** What every round begins with, so that each kind of work was there. */
const FIRST: readonly Step[] = (
  ["merge", "open", "merge", "job", "finish", "open", "reshard", "cancel", "settings"] as const
).map((kind, at) => ({ kind, which: 0, other: at % 3, ms: at % 2 === 0 ? 0 : 400 }));

/** Documents with references and a unique value; now and then one goes, or clashes with another. */
function bodyOf({ which, other }: Step, at: number): Json {
  const samples: Json =
    other === 3 && which < 2 ? null : { studies: [`st${other}`], parent: `s${other}`, depth: at % 3 };
  return {
    studies: {
      [`st${which}`]: which === 3 && other === 3 ? null : { title: `${at}`, doi: `10/${(which + other) % 4}` },
    },
    samples: { [`s${which}`]: samples },
  };
}

/** Plays one step; what the gate or the door refuses is a step, too. */
async function play(store: Store, step: Step, at: number, runs: RunView[]): Promise<void> {
  const author: Authorship = {
    principal: "tester",
    idempotency: step.other === 0 ? null : { key: `key${at}`, body: `body${at}` },
  };
  const run = runs[step.which % Math.max(1, runs.length)];
  const references = step.other % 2 === 0 ? (CONFIGURATION.references ?? []) : [];
  const work = {
    merge: () => merged(store, bodyOf(step, at), author),
    open: async () => void runs.push(await open(store, bodyOf(step, at), {}, author)),
    patch: async () => run && patch(store, run, { body: bodyOf(step, at) }, author),
    finish: async () => run && finish(store, run, author),
    cancel: async () => run && cancelRun(store, author, run.record.id, "no longer wanted", () => undefined),
    settings: async () => {
      const value = { ...store.main.rules.configuration, references } as unknown as Json;
      const changed = await open(store);
      await putConfiguration(store, author, changed.record.id, { value, notices: [], precondition: () => undefined });
      await finish(store, changed, author);
    },
    reshard: () => reshardCollection(store, "tester", "samples", ([2, 0, 1, 2] as const)[step.which] ?? 1),
    job: () => createJob(store, author, { job_id: `job${step.which}`, title: `${at}` }),
  } as const;
  await work[step.kind]().catch((error: unknown) => {
    if (!(error instanceof Error) || !("code" in error)) throw error;
  });
}

function totalOf(store: Store, filter: RunFilter): number {
  return store.runs.select(filter, { offset: 0, limit: 0 }).total;
}

/** What a snapshot file would hold now. */
function copyOf(store: Store): DerivedState {
  return deserialize(serialize(stateOf(store.derived, tipsOf(store.repository)))) as DerivedState;
}

describe("what is derived", () => {
  test("is the same learned bit by bit, read anew, or taken up from any earlier snapshot", async () => {
    const seen = { success: 0, rejected: 0, cancelled: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(STEP, { minLength: 2, maxLength: 10, size: "max" }), async (steps) => {
        let now = Date.UTC(2026, 0, 1);
        const template = templateFolder(CONFIGURATION, SCHEMAS);
        const { store, gitDir, close } = await openTestStore({ template, clock: () => now });
        const runs: RunView[] = [];
        const snapshots = [copyOf(store)];
        for (const [at, step] of [...FIRST, ...steps].entries()) {
          now += step.ms;
          await play(store, step, at, runs);
          const learned = dumpOf(store.derived);
          await store.repository.settle();
          const repository = openRepository(gitDir);
          expect(dumpOf(derive(repository, now))).toEqual(learned);
          for (const snapshot of [snapshots[0], snapshots.at(-1), snapshots[step.which]])
            expect(dumpOf(derive(repository, now, structuredClone(snapshot)))).toEqual(learned);
          snapshots.push(copyOf(store));
        }
        for (const status of ["success", "rejected", "cancelled"] as const) seen[status] += totalOf(store, { status });
        for (const collection of ["studies", "samples"]) {
          const inTree = Array.from(documentsIn(store.reader(), store.main.tree, collection), ({ id }) => id);
          expect(store.derived.main.index.ids(collection, { offset: 0, limit: 100 })).toEqual(inTree.sort(byUnit));
          for (const id of ["st0", "st1", "st2", "st3", "s0", "s1", "s2", "s3"]) {
            const paths = [0, 1, 2].map((shards) => documentPath(collection, id, shards));
            const merges = ["--first-parent", "--invert-grep", "--grep=^Reshard: ", "--format=%H"];
            const expected = linesOf(git(gitDir, "log", ...merges, "main", "--", ...paths));
            expect(store.derived.main.documentHistory(collection, id)).toEqual(expected);
          }
        }
        await close();
      }),
      { numRuns: Number(process.env["RUNTREE_PROPERTY_RUNS"] ?? 0) / 100 || 6 },
    );
    expect(Object.values(seen).every((count) => count > 0)).toBe(true);
  });

  test("follows main to where it did not come from", async () => {
    const { store, gitDir } = await storeWith({ studies: { a: { doi: "1" } } });
    await store.repository.settle();
    const before = git(gitDir, "rev-parse", "main").trim();
    await merged(store, { studies: { a: { doi: "2" }, b: { doi: "1" } } });
    const snapshot = copyOf(store);
    await store.repository.settle();
    git(gitDir, "-c", "core.hooksPath=/dev/null", "update-ref", "refs/heads/main", before);
    store.main.catchUp();
    const anew = derive(openRepository(gitDir), 0);
    expect(store.derived.main.documentHistory("studies", "a")).toEqual([before]);
    expect([...store.main.index.holders('studies /doi "1"')]).toEqual(["a"]);
    expect((dumpOf({ ...anew, main: store.derived.main }) as { main: unknown }).main).toEqual(
      (dumpOf(anew) as { main: unknown }).main,
    );
    expect(() => derive(openRepository(gitDir), 0, snapshot)).toThrow("main was moved");
  });

  test("follows branches that somebody else moved or took away", async () => {
    const { store, gitDir } = await storeWith();
    const [moved, gone] = [await open(store, { studies: { a: {} } }), await open(store, { studies: { b: {} } })];
    const snapshot = copyOf(store);
    const other = await open(store, { studies: { c: {} } });
    await store.repository.settle();
    const withoutHook = (...args: string[]): string =>
      git(gitDir, "-c", "core.hooksPath=/dev/null", "update-ref", ...args);
    withoutHook(runRef(moved.record.id), other.head);
    withoutHook("-d", runRef(gone.record.id));
    const anew = derive(openRepository(gitDir), store.clock());
    expect(anew.runs.select({}, { offset: 0, limit: 9 }).ids).not.toContain(gone.record.id);
    expect(anew.runs.view(moved.record.id)?.head ?? other.head).toBe(other.head);
    expect(dumpOf(derive(openRepository(gitDir), store.clock(), snapshot))).toEqual(dumpOf(anew));
  });

  test("reads only what changed since a snapshot", async () => {
    const studies = Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`st${at}`, { doi: `10/${at}` }]));
    const { store } = await storeWith({ studies });
    for (let at = 0; at < 5; at++) await merged(store, { studies: { st1: { title: `${at}` } } });
    const snapshot = copyOf(store);
    let reads = 0;
    const { repository } = store;
    const counting: Repository = {
      read: (oid) => (reads++, repository.read(oid)),
      ref: (name) => repository.ref(name),
      refs: (prefix) => repository.refs(prefix),
      apply: (group) => repository.apply(group),
      settle: async () => undefined,
      close: async () => undefined,
    };
    derive(counting, store.clock());
    const whole = reads;
    reads = 0;
    derive(counting, store.clock(), snapshot);
    expect([whole > 200, reads < 20]).toEqual([true, true]);
    await merged(store, { studies: { st1: { title: "last" } } });
    reads = 0;
    derive(counting, store.clock(), snapshot);
    expect(reads).toBeLessThan(100);
  });

  test("that a failed write left in doubt is read again by whoever takes the snapshot up", async () => {
    const { store, gitDir } = await storeWith({ studies: { a: {} } });
    const { repository } = store;
    let lies = false;
    const lying: Repository = {
      read: (oid) => repository.read(oid),
      ref: (name) => repository.ref(name),
      refs: (prefix) => repository.refs(prefix),
      apply: async (group) => {
        await repository.apply(group);
        if (lies) throw new Error("the disk says no");
      },
      settle: async () => undefined,
      close: async () => undefined,
    };
    const saved: DerivedState[] = [];
    const file = {
      derive: (from: Repository, now: number) => ({ derived: derive(from, now), rebuilt: false }),
      write: async (state: DerivedState) => void saved.push(deserialize(serialize(state)) as DerivedState),
    };
    const doubting = new Store({
      repository: lying,
      validator: new Validator(),
      node: "node",
      clock: store.clock,
      snapshot: file as never,
    });
    onTestFinished(() => doubting.close());
    const view = await open(doubting, { studies: { a: { title: "b" } } });
    lies = true;
    const author = { principal: "tester", idempotency: { key: "doubtful", body: "body" } };
    await expect(patch(doubting, view, { body: { studies: { a: { title: "c" } } } }, author)).rejects.toThrow(
      "the disk",
    );
    lies = false;
    await merged(doubting, { studies: { b: {} } });
    await doubting.writeSnapshot();
    await repository.settle();
    const anew = derive(openRepository(gitDir), store.clock());
    expect(anew.requests.find("doubtful")?.body).toBe("body");
    expect(dumpOf(derive(openRepository(gitDir), store.clock(), saved[0]))).toEqual(dumpOf(anew));
  });
});
