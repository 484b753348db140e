import { describe, expect, test } from "vitest";
import { putConfiguration } from "../../src/actions/change-settings.ts";
import { readDocument } from "../../src/actions/read-documents.ts";
import { documentPath } from "../../src/domain/layout.ts";
import { readCommit, trailerOf } from "../../src/git/commit.ts";
import { encodeObject } from "../../src/git/objects.ts";
import { editTree } from "../../src/git/tree-edit.ts";
import { commitOnBranch, editFiles } from "../../src/store/branch.ts";
import { documentsIn } from "../../src/store/documents.ts";
import { fsck, git } from "../support/git.ts";
import { CONFIGURATION, finish, merged, open, patch, refusal, storeWith } from "../support/situations.ts";
import { OTHER, TESTER } from "../support/store.ts";
import { resolveRun } from "../../src/actions/resolve-run.ts";
import type { Json } from "../../src/domain/json.ts";
import { findRun, type RunView } from "../../src/store/run-view.ts";
import type { Store } from "../../src/store/store.ts";

function document(store: Store, id: string, collection = "samples"): unknown {
  return JSON.parse(readDocument(store, collection, id, undefined).bytes.toString("utf8"));
}

/** An open run with these bytes as the document `samples/s9`, as stock git may write them. */
async function withBlob(store: Store, bytes: Buffer): Promise<RunView> {
  const from = await open(store);
  const path = documentPath("samples", "s9", store.main.rules.collections.get("samples")?.shards ?? 0);
  const blob = encodeObject("blob", bytes);
  const { tree } = readCommit(store.reader(), from.head);
  const { root, objects } = editTree(store.reader(), tree, new Map([[path, blob.oid]]));
  const edited = { tree: root ?? tree, objects: [blob, ...objects] };
  const text = { subject: "Write by hand", trailers: [] };
  const { record } = from;
  return commitOnBranch(store, TESTER, { from, parents: [from.head], ...edited, record, text });
}

describe("a merge", () => {
  test("has the old main and the run's tip as parents, and the verdict inside", async () => {
    const { store, gitDir } = await storeWith();
    const before = store.main.commit;
    const view = await merged(store, { samples: { s1: { depth: 3 } } });
    const commit = readCommit(store.reader(), store.main.commit);
    expect(commit.parents).toEqual([before, view.head]);
    expect(trailerOf(commit.message, "Run-Id")).toBe(view.record.id);
    await store.repository.settle();
    const records = git(gitDir, "ls-tree", "-r", "--name-only", "main", "runs/").trim();
    expect(records).toMatch(new RegExp(`^runs/\\d{4}/\\d\\d-\\d\\d/\\d\\d/${view.record.id}\\.json$`));
    const record = JSON.parse(git(gitDir, "show", `main:${records}`));
    expect(record.merge.verdict).toMatchObject({
      outcome: "merged",
      tip: view.head,
      main_before: before,
      checked: 1,
      conflicts: [],
    });
    expect(git(gitDir, "branch", "--format=%(refname:short)").trim()).toBe("main");
    expect(git(gitDir, "ls-tree", "--name-only", "main")).not.toContain("run.json");
    expect(fsck(gitDir)).toEqual([]);
  });

  test("without changes is a record", async () => {
    const { store } = await storeWith();
    const view = await finish(store, await open(store));
    expect(view.record.status).toBe("success");
    expect(view.record.merge?.verdict.checked).toBe(0);
  });

  test("takes different fields of one document from both sides", async () => {
    const { store } = await storeWith({ samples: { s1: { depth: 1, place: { lat: 1, lon: 2 } } } });
    const left = await open(store, { samples: { s1: { depth: 2, place: { lat: 9 } } } });
    const right = await open(store, { samples: { s1: { name: "new", place: { lon: 8 } } } });
    await finish(store, left);
    await finish(store, right);
    expect(document(store, "s1")).toEqual({ id: "s1", depth: 2, name: "new", place: { lat: 9, lon: 8 } });
  });

  test("takes the same change from both sides once", async () => {
    const { store } = await storeWith({ samples: { s1: { depth: 1 } } });
    const runs = [
      await open(store, { samples: { s1: { depth: 2 } } }),
      await open(store, { samples: { s1: { depth: 2 } } }),
    ];
    for (const run of runs) await finish(store, run);
    expect(document(store, "s1")).toEqual({ id: "s1", depth: 2 });
  });

  test("joins sets and lists by key, never by place", async () => {
    const { store } = await storeWith({
      samples: {
        s1: {
          tags: ["a", "b"],
          parts: [
            { key: 1, x: 1 },
            { key: 2, x: 1 },
          ],
        },
      },
    });
    const left = await open(store, {
      samples: {
        s1: {
          tags: ["b", "c"],
          parts: [
            { key: 1, x: 2 },
            { key: 2, x: 1 },
          ],
        },
      },
    });
    const right = await open(store, {
      samples: { s1: { tags: ["a", "b", "d"], parts: [{ key: 1, x: 1 }, { key: 2, x: 1, y: 3 }, { key: 4 }] } },
    });
    await finish(store, left);
    await finish(store, right);
    expect(document(store, "s1")).toEqual({
      id: "s1",
      tags: ["b", "c", "d"],
      parts: [{ key: 1, x: 2 }, { key: 2, x: 1, y: 3 }, { key: 4 }],
    });
  });

  test("keeps null members of whole documents, and drops members patched with null", async () => {
    const { store } = await storeWith({ samples: [{ id: "s1", note: null, depth: 1 }] });
    expect(document(store, "s1")).toEqual({ id: "s1", note: null, depth: 1 });
    await merged(store, { samples: { s1: { depth: null } } });
    expect(document(store, "s1")).toEqual({ id: "s1", note: null });
  });

  test("deletes what a run deletes and main left alone", async () => {
    const { store } = await storeWith({ samples: { s1: { depth: 1 } } });
    await merged(store, { samples: { s1: null } });
    expect(() => document(store, "s1")).toThrow(expect.objectContaining({ code: "document_not_found" }));
  });

  test.each([
    ["order and space", Buffer.from('{"note": "as it came", "id": "s9"}'), '"as it came"'],
    ["a number that no double holds", Buffer.from('{\n  "id": "s9",\n  "note": 1e999\n}\n'), "null"],
    [
      "bytes that are not UTF-8",
      Buffer.concat([
        Buffer.from('{\n  "id": "s9",\n  "note": "'),
        Buffer.from([0xf0, 0x9f, 0x98]),
        Buffer.from('"\n}\n'),
      ]),
      '"\ufffd"',
    ],
  ])("checks and writes a document in the canonical form, however the branch has it: %s", async (_, bytes, note) => {
    const { store } = await storeWith();
    await finish(store, await withBlob(store, bytes));
    const written = readDocument(store, "samples", "s9", undefined).bytes;
    expect(written).toEqual(Buffer.from(`{\n  "id": "s9",\n  "note": ${note}\n}\n`));
  });

  test("gives a run back whose result cannot be written", async () => {
    const { store } = await storeWith();
    const list = "[".repeat(50_000) + "]".repeat(50_000);
    const run = await withBlob(store, Buffer.from(`{"id": "s9", "list": ${list}}`));
    await expect(finish(store, run)).rejects.toThrow(RangeError);
    expect(findRun(store.repository, run.record.id)?.record).toMatchObject({
      status: "rejected",
      error: { code: "internal" },
    });
  });

  test("of documents that main has already is clean and changes nothing but the record", async () => {
    const body = { samples: [{ id: "s1", depth: 1 }] };
    const { store, gitDir } = await storeWith(body);
    await merged(store, body);
    await store.repository.settle();
    const changed = git(gitDir, "diff", "--name-only", "main^1", "main").trim().split("\n");
    expect(changed).toHaveLength(1);
    expect(changed[0]).toMatch(/^runs\//);
  });
});

describe("a conflict", () => {
  test("names base, ours, theirs, and commit, run and author of each side", async () => {
    const { store } = await storeWith({ samples: { s1: { depth: 1 } } });
    const theirs = await open(store, { samples: { s1: { depth: 3 } } }, {}, OTHER);
    const ours = await merged(store, { samples: { s1: { depth: 2 } } }, TESTER);
    const main = store.main.commit;
    await merged(store, { samples: { s2: { depth: 5 } } });
    const { code, conflicts, run } = await refusal(finish(store, theirs, OTHER));
    expect(code).toBe("merge_conflict");
    expect(conflicts).toEqual([
      {
        collection: "samples",
        id: "s1",
        pointer: "/depth",
        kind: "modify/modify",
        base: 1,
        ours: 2,
        theirs: 3,
        ours_commit: main,
        theirs_commit: theirs.head,
        ours_run: ours.record.id,
        theirs_run: theirs.record.id,
        ours_author: "tester",
        theirs_author: "other",
      },
    ]);
    expect(run.record.status).toBe("rejected");
    expect(document(store, "s1")).toEqual({ id: "s1", depth: 2 });
  });

  test.each([
    [
      "an object that is one value",
      { size: { value: 3, unit: "m" } },
      { size: { value: 10 } },
      { size: { unit: "ft" } },
      "/size",
      "modify/modify",
    ],
    ["an array without policy", { list: [1, 2] }, { list: [1, 2, 3] }, { list: [0, 1, 2] }, "/list", "array"],
    ["two types", { free: [1] }, { free: "one" }, { free: [2] }, "/free", "type"],
    ["one side removed it", { place: { lat: 1 } }, { place: null }, { place: { lat: 2 } }, "/place", "delete/modify"],
    ["both added it", {}, { name: "a" }, { name: "b" }, "/name", "add/add"],
  ])("%s", async (_, base, ours, theirs, pointer, kind) => {
    const { store } = await storeWith({ samples: { s1: base } });
    const run = await open(store, { samples: { s1: theirs } });
    await merged(store, { samples: { s1: ours } });
    const { conflicts } = await refusal(finish(store, run));
    expect(conflicts.map((conflict) => [conflict.pointer, conflict.kind])).toEqual([[pointer, kind]]);
  });

  test("a document added on both sides is never fused", async () => {
    const { store } = await storeWith();
    const run = await open(store, { samples: { s1: { name: "theirs" } } });
    await merged(store, { samples: { s1: { depth: 2 } } });
    const { conflicts } = await refusal(finish(store, run));
    expect(conflicts).toMatchObject([
      { pointer: "", kind: "add/add", ours: { id: "s1", depth: 2 }, theirs: { id: "s1", name: "theirs" } },
    ]);
    expect(conflicts[0]).not.toHaveProperty("base");
  });

  test("a document deleted on one side and changed on the other", async () => {
    const { store } = await storeWith({ samples: { s1: { depth: 1 } } });
    const run = await open(store, { samples: { s1: null } });
    await merged(store, { samples: { s1: { depth: 2 } } });
    const { conflicts } = await refusal(finish(store, run));
    expect(conflicts).toMatchObject([{ pointer: "", kind: "delete/modify", ours: { depth: 2 } }]);
    expect(conflicts[0]).not.toHaveProperty("theirs");
  });

  test("a whole document from a stale base conflicts instead of reverting others", async () => {
    const { store } = await storeWith({ samples: { s1: { depth: 1, name: "old" } } });
    const read = store.main.commit;
    await merged(store, { samples: { s1: { depth: 2 } } });
    const whole = { samples: [{ id: "s1", depth: 1, name: "new" }] };
    const fromRead = await open(store, whole, { base: read });
    await finish(store, fromRead);
    expect(document(store, "s1")).toEqual({ id: "s1", depth: 2, name: "new" });
    const stale = await open(store, { samples: [{ id: "s1", depth: 7, name: "old" }] }, { base: read });
    const { conflicts } = await refusal(finish(store, stale));
    expect(conflicts.map(({ pointer }) => pointer)).toEqual(["/depth"]);
  });

  test("leaves the run mendable: another submission and done again", async () => {
    const { store } = await storeWith({ samples: { s1: { depth: 1 } } });
    const run = await open(store, { samples: { s1: { depth: 3 } } });
    await merged(store, { samples: { s1: { depth: 2 } } });
    const { run: rejected } = await refusal(finish(store, run));
    await patch(store, rejected, { body: { samples: { s1: { depth: 2 } } } });
    expect((await finish(store, rejected)).record.status).toBe("success");
  });
});

test("very many conflicts are refused like one, and a thousand of them are named", async () => {
  const many = (value: number): Json =>
    Object.fromEntries(Array.from({ length: 50_000 }, (_, index) => [`k${index}`, value]));
  const { store } = await storeWith({ samples: { s1: { place: many(0) } } });
  const run = await open(store, { samples: { s1: { place: many(1) } } });
  await merged(store, { samples: { s1: { place: many(2) } } });
  const { code, conflicts } = await refusal(finish(store, run));
  expect([code, conflicts.length]).toEqual(["merge_conflict", 1000]);
});

describe("settling", () => {
  test("never loses what could not be planned", async () => {
    const { store } = await storeWith();
    const view = await open(store, { samples: { s1: {} } });
    const { tree } = readCommit(store.reader(), view.head);
    await commitOnBranch(store, TESTER, {
      from: view,
      parents: [view.head],
      ...editFiles(store, tree, new Map([["metadata/samples/s2.json", "{}"]])),
      record: view.record,
      text: { subject: "Put a document elsewhere", trailers: [] },
    });
    const { code, errors } = await refusal(
      resolveRun(store, TESTER, view.record.id, { resolutions: [] }, () => undefined),
    );
    expect([code, errors[0]]).toMatchObject(["validation_failed", { code: "forbidden_path", id: "s2" }]);
  });

  test("puts documents where main has them by then", async () => {
    const { store } = await storeWith();
    const run = await open(store, { samples: { s1: { depth: 1 } } });
    const collections = {
      ...CONFIGURATION.collections,
      samples: { schema: "schemas/sample.schema.json", shards: 2 as const },
    };
    const settings = await open(store);
    const value = { ...CONFIGURATION, collections } as unknown as Json;
    await finish(
      store,
      await putConfiguration(store, TESTER, settings.record.id, { value, notices: [], precondition: () => undefined }),
    );
    await resolveRun(store, TESTER, run.record.id, { resolutions: [] }, () => undefined);
    expect((await finish(store, run)).record.status).toBe("success");
    const paths = Array.from(documentsIn(store.reader(), store.main.tree, "samples"), ({ path }) => path);
    expect(paths).toEqual([documentPath("samples", "s1", 2)]);
  });

  test("takes only an object for a whole document", async () => {
    const { store } = await storeWith();
    const run = await open(store, { samples: { s1: { depth: 1 } } });
    await merged(store, { samples: { s1: { depth: 2 } } });
    const resolutions = [{ collection: "samples", id: "s1", pointer: "", value: 5 }];
    const { errors } = await refusal(resolveRun(store, TESTER, run.record.id, { resolutions }, () => undefined));
    expect(errors[0]?.pointer).toBe("/resolutions/0/value");
  });
});

test("a run on which the gate itself fails is given back, and does not fail every start", async () => {
  const { store } = await storeWith();
  const run = await open(store, { samples: { s1: {} } });
  const { schemas } = store;
  const check = schemas.check.bind(schemas);
  schemas.check = () => Promise.reject(new RangeError("planted"));
  await expect(finish(store, run)).rejects.toThrow("planted");
  schemas.check = check;
  expect(findRun(store.repository, run.record.id)?.record).toMatchObject({
    status: "rejected",
    error: { code: "internal" },
  });
  expect((await finish(store, run)).record.status).toBe("success");
});

test("main that moves between plan and move means merge and check again", async () => {
  const { store, gitDir } = await storeWith({ studies: { st: {} } });
  const run = await open(store, { samples: { s1: { studies: ["st"] } } });
  const apply = store.repository.apply.bind(store.repository);
  let raced = false;
  store.repository.apply = async (group) => {
    if (!raced && group.refs.some(({ ref, to }) => ref === "refs/heads/main" && to !== null)) {
      raced = true;
      await store.repository.settle();
      const tree = git(gitDir, "rev-parse", "main^{tree}").trim();
      const foreign = git(gitDir, "commit-tree", tree, "-p", "main", "-m", "Foreign").trim();
      await apply({ objects: [], refs: [{ ref: "refs/heads/main", from: store.main.commit, to: foreign }] });
    }
    return apply(group);
  };
  const view = await finish(store, run);
  expect(view.record.status).toBe("success");
  await store.repository.settle();
  expect(git(gitDir, "log", "--first-parent", "--format=%s", "-2", "main").split("\n")[1]).toBe("Foreign");
});

test("fifty runs finished at once are merged one after another", async () => {
  const { store, gitDir } = await storeWith();
  const runs = await Promise.all(
    Array.from({ length: 50 }, (_, index) => open(store, { samples: { [`s${index}`]: { depth: index } } })),
  );
  await Promise.all(runs.map((run) => finish(store, run)));
  await store.repository.settle();
  expect(git(gitDir, "rev-list", "--count", "--first-parent", "main").trim()).toBe("51");
  expect(store.main.index.count("samples")).toBe(50);
  expect(fsck(gitDir)).toEqual([]);
});
