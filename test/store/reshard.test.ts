import { describe, expect, test } from "vitest";
import { runCommits, runDiff } from "../../src/actions/describe-run.ts";
import { documentBlame, documentHistory } from "../../src/actions/document-history.ts";
import { previewRun } from "../../src/actions/preview-run.ts";
import { listDocuments, readDocument, readState } from "../../src/actions/read-documents.ts";
import { reshardCollection, type Shards } from "../../src/actions/reshard-collection.ts";
import { resolveRun } from "../../src/actions/resolve-run.ts";
import { revertRun } from "../../src/actions/revert-run.ts";
import { putConfiguration } from "../../src/actions/change-settings.ts";
import { canonicalJson, type Json } from "../../src/domain/json.ts";
import { documentPath } from "../../src/domain/layout.ts";
import type { Violation } from "../../src/domain/verdict.ts";
import { readCommit } from "../../src/git/commit.ts";
import type { Oid } from "../../src/git/objects.ts";
import { walkFiles } from "../../src/git/tree.ts";
import { commitOnBranch, editFiles } from "../../src/store/branch.ts";
import { derive } from "../../src/store/derived.ts";
import { blobAt } from "../../src/store/documents.ts";
import { findRun } from "../../src/store/run-view.ts";
import type { Store } from "../../src/store/store.ts";
import { checkWholeTree } from "../../src/store/whole-tree.ts";
import { openRepository } from "../git/repositories.ts";
import { fsck, git } from "../support/git.ts";
import { CONFIGURATION, finish, merged, open, patch, refusal, storeWith } from "../support/situations.ts";
import { openTestStore, OTHER, TESTER } from "../support/store.ts";
import { dumpOf } from "../../src/store/derived-dump.ts";

const short = (violations: readonly Violation[]): string[] =>
  violations.map(({ code, collection, id, pointer }) => `${code} ${collection}/${id} ${pointer}`);

const sample = (id: string, document: Json): Json => ({ samples: { [id]: document } });

async function reshard(store: Store, shards: Shards, collection = "samples"): Promise<Oid> {
  const { commit } = await reshardCollection(store, "tester", collection, shards);
  if (commit === null) throw new Error("nothing was changed");
  return commit;
}

function filesOf(store: Store, commit: Oid = store.main.commit): Map<string, Oid> {
  const read = store.reader();
  return new Map(Array.from(walkFiles(read, readCommit(read, commit).tree), ({ path, entry }) => [path, entry.oid]));
}

function valueOf(store: Store, id: string, at?: string): unknown {
  return JSON.parse(readDocument(store, "samples", id, at).bytes.toString("utf8"));
}

/** What a new start derives, and what a check of the whole tree says. */
async function expectWhole({ store, gitDir }: { store: Store; gitDir: string }): Promise<void> {
  await store.repository.settle();
  expect(dumpOf(derive(openRepository(gitDir), store.clock()))).toEqual(dumpOf(store.derived));
  const { violations } = await checkWholeTree(store.reader(), store.main.tree, store.main.rules, store.schemas, null);
  expect(violations).toEqual([]);
  expect(fsck(gitDir)).toEqual([]);
}

const DOCUMENTS = {
  studies: { st: { title: "One", doi: "10.1/x" } },
  samples: {
    s1: { depth: 1, studies: ["st"] },
    s2: { depth: 2, parent: "s1" },
    "Ä:b c": { depth: 3 },
    con: {},
  },
} as const;

const IDS = Object.keys(DOCUMENTS.samples);

describe("resharding", () => {
  test.each([
    [1, 2],
    [1, 0],
    [2, 1],
    [0, 2],
    [2, 0],
    [0, 1],
  ] as const)("from %i to %i moves every document and changes nothing else, in one commit", async (from, to) => {
    const opened = await storeWith(DOCUMENTS);
    const { store, gitDir } = opened;
    if (from !== 1) await reshard(store, from);
    const [main, before] = [store.main.commit, filesOf(store)];
    const words: string[] = [];
    const done = await reshardCollection(store, "tester", "samples", to, (word) => words.push(word));
    expect(done).toEqual({ collection: "samples", from, to, documents: 4, commit: store.main.commit });
    expect(words.length).toBeGreaterThan(1);

    const configuration = structuredClone(store.main.rules.configuration);
    expect(configuration.collections["samples"]?.shards).toBe(to);
    const expected = new Map(before);
    for (const id of IDS) {
      expected.set(documentPath("samples", id, to), before.get(documentPath("samples", id, from)) ?? "");
      expected.delete(documentPath("samples", id, from));
    }
    expected.set("runtree.json", filesOf(store).get("runtree.json") ?? "");
    expect(filesOf(store)).toEqual(expected);
    const text = store
      .reader()(filesOf(store).get("runtree.json") ?? "")
      ?.data.toString("utf8");
    expect(text).toBe(canonicalJson(configuration as unknown as Json));

    await store.repository.settle();
    expect(git(gitDir, "log", "-1", "--format=%P|%an <%ae>|%cn|%B", "main").trim()).toBe(
      [
        `${main}|tester <tester@runtree.invalid>|node|Reshard samples from ${from} level${from === 1 ? "" : "s"} of folders to ${to}`,
        "move 4 documents, change none",
        `Reshard: samples; ${from} to ${to}`,
      ].join("\n\n"),
    );
    await expectWhole(opened);
  });

  test("of a collection without documents changes the configuration only", async () => {
    const opened = await storeWith({ studies: { st: {} } });
    const before = filesOf(opened.store);
    await reshard(opened.store, 2);
    const changed = [...filesOf(opened.store)].filter(([path, oid]) => before.get(path) !== oid);
    expect(changed.map(([path]) => path)).toEqual(["runtree.json"]);
    await expectWhole(opened);
  });

  test("to what it has writes nothing", async () => {
    const { store } = await storeWith(DOCUMENTS);
    const main = store.main.commit;
    const done = await reshardCollection(store, "tester", "samples", 1);
    expect([done, store.main.commit]).toEqual([
      { collection: "samples", from: 1, to: 1, documents: 4, commit: null },
      main,
    ]);
  });

  test("needs a collection that is there", async () => {
    const { store } = await storeWith(DOCUMENTS);
    for (const name of ["none", "constructor"])
      await expect(reshardCollection(store, "tester", name, 2)).rejects.toMatchObject({ code: "collection_not_found" });
  });

  test("refuses a collection in which something lies elsewhere, which would be lost", async () => {
    const { store, gitDir } = await storeWith(DOCUMENTS);
    await store.repository.settle();
    const blob = git(gitDir, "rev-parse", `main:${documentPath("samples", "s1", 1)}`).trim();
    git(gitDir, "read-tree", "main");
    git(gitDir, "update-index", "--add", "--cacheinfo", `100644,${blob},metadata/samples/s1.json`);
    const commit = git(gitDir, "commit-tree", git(gitDir, "write-tree").trim(), "-p", "main", "-m", "Damage").trim();
    git(gitDir, "-c", "core.hooksPath=/dev/null", "update-ref", "refs/heads/main", commit);
    await expect(reshardCollection(store, "tester", "samples", 0)).rejects.toMatchObject({
      code: "corrupt_object",
      data: { path: "metadata/samples/s1.json" },
    });
    expect(store.main.commit).toBe(commit);
  });

  test("waits for its turn among merges", async () => {
    const { store } = await storeWith(DOCUMENTS);
    const main = store.main.commit;
    let release = (): void => undefined;
    const held = store.lane.take(async () => new Promise<void>((resolve) => (release = resolve)));
    const words: string[] = [];
    const resharding = reshardCollection(store, "tester", "samples", 2, (word) => words.push(word));
    await open(store, sample("s9", {}));
    expect([words, store.main.commit]).toEqual([[], main]);
    release();
    await held;
    expect((await resharding).commit).toBe(store.main.commit);
  });

  test("goes with merges that are under way", async () => {
    const opened = await storeWith(DOCUMENTS);
    const { store } = opened;
    const runs = await Promise.all(
      Array.from({ length: 6 }, async (_, at) => open(store, sample(`new${at}`, { depth: at }))),
    );
    const done = await Promise.all([
      ...runs.slice(0, 3).map(async (run) => finish(store, run)),
      reshard(store, 2),
      ...runs.slice(3).map(async (run) => finish(store, run)),
    ]);
    expect(done).toHaveLength(7);
    expect(store.main.index.count("samples")).toBe(10);
    await expectWhole(opened);
  });
});

describe("after resharding", () => {
  test("documents are read as they were before it, and lists and states too", async () => {
    const { store } = await storeWith(DOCUMENTS);
    const before = store.main.commit;
    const resharded = await reshard(store, 2);
    await merged(store, sample("s1", { depth: 7 }));
    for (const [at, depth] of [
      [before, 1],
      [resharded, 1],
      [undefined, 7],
      [resharded.slice(0, 12), 1],
    ] as const)
      expect(valueOf(store, "s1", at)).toMatchObject({ depth });
    for (const at of [before, resharded, undefined]) {
      const { items, total } = listDocuments(store, "samples", { limit: 10, offset: 0, at });
      expect([total, items.map(({ id }) => id)]).toEqual([4, ["con", "s1", "s2", "Ä:b c"]]);
      expect(readState(store, at).collections["samples"]).toMatchObject({ documents: 4 });
    }
    expect(readState(store, resharded)).toMatchObject({ commit: resharded, at: expect.stringMatching(/Z$/) });
    const time = new Date(readCommit(store.reader(), resharded).committer.seconds * 1000 + 999).toISOString();
    expect(valueOf(store, "s1", time)).toBeDefined();
  });

  test("history and blame go on through it, and it changed nothing", async () => {
    const { store } = await storeWith();
    const made = await merged(store, sample("s1", { depth: 1, name: "core" }));
    const first = store.mergeCommitOf(made.head);
    await reshard(store, 2);
    const changed = await merged(store, sample("s1", { depth: 2 }), OTHER);
    await reshard(store, 0);
    await merged(store, sample("s2", {}));
    const second = store.mergeCommitOf(changed.head);
    const items = documentHistory(store, "samples", "s1");
    expect(items.map(({ commit, author, changes }) => [commit, author, changes[0]?.op, changes[0]?.pointers])).toEqual([
      [second, "other", "modify", ["/depth"]],
      [first, "tester", "add", ["/depth", "/id", "/name"]],
    ]);
    const blame = documentBlame(store, "samples", "s1");
    expect(Object.fromEntries(Object.entries(blame).map(([pointer, { commit }]) => [pointer, commit]))).toEqual({
      "/depth": second,
      "/id": first,
      "/name": first,
    });
    expect(store.derived.main.documentHistory("samples", "s1")).toEqual([second, first]);
    await merged(store, sample("s1", null));
    expect(documentHistory(store, "samples", "s1")[0]?.changes[0]?.op).toBe("delete");
  });

  test("a start reads on from what was kept before it", async () => {
    const { store, data, gitDir, close } = await storeWith(DOCUMENTS);
    await store.writeSnapshot();
    await reshard(store, 2);
    await merged(store, sample("s1", { depth: 9 }));
    await close();
    const reports: string[] = [];
    const again = await openTestStore({ data, report: (message) => reports.push(message) });
    expect(reports).toEqual([]);
    expect(again.store.main.index.referrers("st")).toMatchObject([{ id: "s1" }]);
    await expectWhole({ store: again.store, gitDir });
  });

  test("the rules that it changed are those of the gate: references, unique values, ids", async () => {
    const { store } = await storeWith(DOCUMENTS);
    await reshard(store, 2);
    await reshard(store, 0, "studies");
    const body = {
      samples: { S1: {}, s9: { studies: ["gone"] }, s8: { studies: ["st"] } },
      studies: { o: { doi: "10.1/x" } },
    };
    expect(short((await refusal(merged(store, body))).errors)).toEqual([
      "id_collision samples/S1 /id",
      "reference_missing samples/s9 /studies/0",
      "duplicate studies/o /doi",
    ]);
    expect(short((await refusal(merged(store, { studies: { st: null } }))).errors)).toEqual([
      "reference_in_use samples/s1 /studies/0",
    ]);
  });
});

describe("a run that forked before it", () => {
  test.each([2, 0] as const)("changes, adds and deletes where main has its documents by now (%i)", async (shards) => {
    const opened = await storeWith(DOCUMENTS);
    const { store } = opened;
    const run = await open(store, { samples: { s1: { name: "core" }, s3: { depth: 3 }, s2: null } });
    await reshard(store, shards);
    await merged(store, sample("s1", { depth: 5 }));
    // The branch is as it was, and so is what it tells of itself.
    const own = runDiff(store, run.record.id).changes.map(({ op, id }) => `${op} ${id}`);
    expect(own.sort()).toEqual(["add s3", "delete s2", "modify s1"]);
    const more = await patch(store, run, { body: { samples: { s1: { tags: ["x"] }, "Ä:b c": { note: "n" } } } });
    expect(more.record.warnings).toEqual([]);
    expect(await previewRun(store, run.record.id)).toMatchObject({ mergeable: true });
    expect((await finish(store, run)).record.status).toBe("success");
    expect(valueOf(store, "s1")).toEqual({ id: "s1", depth: 5, name: "core", studies: ["st"], tags: ["x"] });
    expect(valueOf(store, "Ä:b c")).toMatchObject({ depth: 3, note: "n" });
    const paths = [...filesOf(store).keys()].filter((path) => path.startsWith("metadata/samples/"));
    const ids = ["s1", "s3", "Ä:b c", "con"];
    expect(new Set(paths)).toEqual(new Set(ids.map((id) => documentPath("samples", id, shards))));
    await expectWhole(opened);
  });

  test("conflicts as ever, with the commit, run and author of each side, and is settled", async () => {
    const opened = await storeWith(DOCUMENTS);
    const { store } = opened;
    const theirs = await open(store, sample("s1", { depth: 2, name: "theirs" }), {}, OTHER);
    const gone = await open(store, sample("s2", null));
    const early = await merged(store, sample("s2", { depth: 8 }));
    await reshard(store, 2);
    const ours = await merged(store, sample("s1", { depth: 3 }));
    const added = await open(store, sample("s7", { depth: 1 }), { base: store.main.history.at(1) ?? "" });
    await merged(store, sample("s7", { depth: 2 }));

    const { conflicts } = await refusal(finish(store, theirs));
    expect(conflicts).toEqual([
      {
        collection: "samples",
        id: "s1",
        pointer: "/depth",
        kind: "modify/modify",
        base: 1,
        ours: 3,
        theirs: 2,
        ours_commit: store.mergeCommitOf(ours.head),
        theirs_commit: theirs.head,
        ours_run: ours.record.id,
        theirs_run: theirs.record.id,
        ours_author: "tester",
        theirs_author: "other",
      },
    ]);
    expect((await refusal(finish(store, gone))).conflicts).toMatchObject([
      { id: "s2", kind: "delete/modify", ours_commit: store.mergeCommitOf(early.head), ours_run: early.record.id },
    ]);
    expect((await refusal(finish(store, added))).conflicts).toMatchObject([{ id: "s7", kind: "add/add", pointer: "" }]);

    const resolutions = [{ collection: "samples", id: "s1", pointer: "/depth", value: 4 }];
    const resolved = await resolveRun(store, TESTER, theirs.record.id, { resolutions }, () => undefined);
    expect(resolved.record.warnings).toEqual([]);
    const [commit] = runCommits(store, theirs.record.id);
    expect(commit?.changes).toEqual([{ collection: "samples", id: "s1", op: "modify", pointers: ["/depth"] }]);
    expect(runDiff(store, theirs.record.id).changes.map(({ id, op }) => [id, op])).toEqual([["s1", "modify"]]);
    // From here on the branch has the folders of main.
    await patch(store, resolved, { body: sample("s1", { tags: ["later"] }) });
    expect((await finish(store, resolved)).record.status).toBe("success");
    expect(valueOf(store, "s1")).toEqual({ id: "s1", depth: 4, name: "theirs", studies: ["st"], tags: ["later"] });
    await expectWhole(opened);
  });

  test("changes rules of its own, and main keeps its folders", async () => {
    const opened = await storeWith(DOCUMENTS);
    const { store } = opened;
    const run = await open(store, sample("s3", {}));
    const value = { ...CONFIGURATION, references: [] } as unknown as Json;
    const sent = { value, notices: [], precondition: (): void => undefined };
    await putConfiguration(store, TESTER, run.record.id, sent);
    await reshard(store, 2);
    expect((await finish(store, run)).record.status).toBe("success");
    expect(store.main.rules.configuration).toMatchObject({ references: [], collections: { samples: { shards: 2 } } });
    await expectWhole(opened);
  });

  test.each([2, 0] as const)(
    "laid its documents out itself, as main was (2) or not, and merges (%i)",
    async (shards) => {
      const opened = await storeWith(DOCUMENTS);
      const { store } = opened;
      const run = await open(store, sample("s1", { name: "core" }));
      const samples = { ...CONFIGURATION.collections["samples"], shards: 2 };
      const value = { ...CONFIGURATION, collections: { ...CONFIGURATION.collections, samples } } as unknown as Json;
      const sent = { value, notices: [], precondition: (): void => undefined };
      const configured = await putConfiguration(store, TESTER, run.record.id, sent);
      expect(short(configured.record.warnings)).toEqual(["schema $config/runtree.json /collections/samples/shards"]);
      // Of what it did not touch its branch has the documents where they were: a patch still meets them.
      await patch(store, run, { body: { samples: { s2: { depth: 5 }, con: null, "Ä:b c": { depth: 3 } } } });
      await reshard(store, shards);
      if (shards !== 2) {
        const { conflicts } = await refusal(finish(store, run));
        expect(conflicts).toMatchObject([{ collection: "$config", pointer: "/collections/samples/shards", theirs: 2 }]);
        const resolutions = conflicts.map(({ collection, id, pointer }) => ({
          collection,
          id,
          pointer,
          take: "ours" as const,
        }));
        await resolveRun(store, TESTER, run.record.id, { resolutions }, () => undefined);
      }
      await finish(store, run);
      expect(valueOf(store, "s1")).toMatchObject({ depth: 1, name: "core" });
      expect(valueOf(store, "s2")).toEqual({ id: "s2", depth: 5, parent: "s1" });
      expect(store.main.index.count("samples")).toBe(3);
      await expectWhole(opened);
    },
  );

  test("is reverted after it, and what came since stays", async () => {
    const opened = await storeWith(DOCUMENTS);
    const { store } = opened;
    const old = await merged(store, { samples: { s1: { depth: 10 }, s5: { depth: 5 }, s2: null } });
    await reshard(store, 2);
    await merged(store, sample("s1", { name: "since" }));
    const reverting = await revertRun(store, TESTER, old.record.id, { done: true });
    expect(reverting.record.status).toBe("success");
    expect(valueOf(store, "s1")).toMatchObject({ depth: 1, name: "since" });
    expect(valueOf(store, "s2")).toMatchObject({ depth: 2, parent: "s1" });
    expect(() => valueOf(store, "s5")).toThrow("no document s5");
    await expectWhole(opened);
    // And the revert is taken back, too.
    await revertRun(store, TESTER, reverting.record.id, { done: true });
    expect(valueOf(store, "s5")).toMatchObject({ depth: 5 });
    await expectWhole(opened);
  });

  test("is found merging by a start after it, and is judged", async () => {
    const { store, data, close } = await storeWith(DOCUMENTS);
    const run = await open(store, sample("s1", { depth: 4 }));
    const { lane } = store;
    lane.take = async () => Promise.reject(new Error("the power goes"));
    await expect(finish(store, run)).rejects.toThrow("the power goes");
    delete (lane as { take?: unknown }).take;
    await reshard(store, 2);
    await close();
    const again = await openTestStore({ data });
    expect(findRun(again.store.repository, run.record.id)?.record.status).toBe("success");
    expect(valueOf(again.store, "s1")).toMatchObject({ depth: 4 });
  });

  test("brought main into its branch since, and merges after the next one, too", async () => {
    const opened = await storeWith(DOCUMENTS);
    const { store } = opened;
    const first = await open(store, sample("s1", { depth: 2 }));
    const second = await open(store, sample("s2", { depth: 3 }));
    await reshard(store, 2);
    for (const run of [first, second])
      await resolveRun(store, TESTER, run.record.id, { resolutions: [] }, () => undefined);
    await finish(store, first);
    await reshard(store, 0);
    await finish(store, second);
    expect([valueOf(store, "s1"), valueOf(store, "s2")]).toMatchObject([{ depth: 2 }, { depth: 3 }]);
    await expectWhole(opened);
  });

  test("met another one on its branch, so that histories cross: both folders are bases", async () => {
    const opened = await storeWith(DOCUMENTS);
    const { store } = opened;
    const other = await open(store, sample("s1", { depth: 2 }));
    const run = await open(store, sample("s2", { depth: 7 }));
    await reshard(store, 2);
    const resolved = await resolveRun(store, TESTER, run.record.id, { resolutions: [] }, () => undefined);
    const { tree } = readCommit(store.reader(), resolved.head);
    const text = canonicalJson({ ...(valueOf(store, "s1") as object), depth: 2 });
    await commitOnBranch(store, TESTER, {
      from: resolved,
      parents: [resolved.head, other.head],
      ...editFiles(store, tree, new Map([[documentPath("samples", "s1", 2), text]])),
      record: resolved.record,
      text: { subject: "Merge another run", trailers: [] },
    });
    await finish(store, other);
    await merged(store, sample("s1", { name: "since" }));
    expect(store.main.history.mergeBases(findRun(store.repository, run.record.id)?.head ?? "")).toHaveLength(2);
    const { changes } = await previewRun(store, run.record.id);
    expect(changes).toEqual([{ collection: "samples", id: "s2", op: "modify", pointers: ["/depth"] }]);
    await finish(store, run);
    expect([valueOf(store, "s1"), valueOf(store, "s2")]).toMatchObject([{ depth: 2, name: "since" }, { depth: 7 }]);
    await expectWhole(opened);
  });
});

test("a run's own folders are those of its tree", async () => {
  const { store } = await storeWith(DOCUMENTS);
  const run = await open(store, sample("s1", { name: "core" }));
  await reshard(store, 2);
  const read = store.reader();
  const { tree } = readCommit(read, run.head);
  expect(blobAt(read, tree, documentPath("samples", "s1", 1))).not.toBeNull();
  expect(valueOf(store, "s1", `run:${run.record.id}`)).toMatchObject({ name: "core" });
});
