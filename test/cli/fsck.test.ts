import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { deserialize, serialize } from "node:v8";
import { describe, expect, test, vi } from "vitest";
import type { Json } from "../../src/domain/json.ts";
import { commitTree, linesOf, pipeGit } from "../git/repositories.ts";
import { temporaryFolder } from "../support/folders.ts";
import { git } from "../support/git.ts";
import { call } from "../support/http.ts";
import { runtree } from "../support/program.ts";
import { startServer } from "../support/server.ts";
import { merged } from "../support/situations.ts";
import { openTestStore } from "../support/store.ts";
import { at, type Edits } from "../store/hand-history.ts";

vi.setConfig({ testTimeout: 120_000 });

interface Checked {
  readonly clean: boolean;
  readonly checked: number;
  readonly commits: number;
  readonly index: string;
  readonly git: readonly string[];
  readonly violations: readonly Record<string, unknown>[];
}

async function fsck(data: string): Promise<Checked & { readonly code: number | null }> {
  const { code, out } = await runtree(["fsck", "--json", "--data", data]);
  return { ...(JSON.parse(out) as Checked), code };
}

/** A data directory with some merges. */
async function dataWith(...bodies: readonly Json[]): Promise<string> {
  const { store, data, close } = await openTestStore();
  for (const body of bodies) await merged(store, body);
  await close();
  return data;
}

const study = (id: string, title: Json = "A study"): Json => ({ study_set: { [id]: { title } } });

/** Moves `main` on by stock git, past the hook as an operator can. */
function commitByHand(data: string, edits: Edits): string {
  const gitDir = `${data}/repo.git`;
  const index = { GIT_INDEX_FILE: `${temporaryFolder()}/index` };
  pipeGit(gitDir, ["read-tree", "main"], { env: index });
  for (const [path, value] of Object.entries(edits)) {
    const input = typeof value === "string" ? value : JSON.stringify(value);
    const blob = value === null ? null : pipeGit(gitDir, ["hash-object", "-w", "--stdin"], { input }).toString().trim();
    const line = blob === null ? `0 ${"0".repeat(40)}\t${path}\n` : `100644 ${blob}\t${path}\n`;
    pipeGit(gitDir, ["update-index", "--index-info"], { env: index, input: line });
  }
  const tree = pipeGit(gitDir, ["write-tree"], { env: index }).toString().trim();
  const commit = commitTree(gitDir, tree, ["main"], "By hand");
  pipeGit(gitDir, ["update-ref", "refs/heads/main", commit], { env: { RUNTREE_MAINTENANCE: "1" } });
  return commit;
}

describe("runtree fsck", () => {
  test("counts what it checked", async () => {
    const data = await dataWith(study("s1"), study("s2"), { study_set: { s1: null } });
    expect(await fsck(data)).toEqual({
      code: 0,
      clean: true,
      checked: 1,
      commits: 4,
      index: "none",
      git: [],
      violations: [],
    });
    const { code, out, err } = await runtree(["fsck", "--data", data]);
    expect([code, out, err]).toEqual([0, expect.stringMatching(/^clean: 1 document, 4 commits of main/), ""]);
  });

  test("finds a commit that somebody planted in the middle, though a later one mended it, beside a server as well", async () => {
    const data = await dataWith(study("s1"), study("s2"));
    const planted = commitByHand(data, {
      [at("study_set", "s1")]: { id: "s1", title: 7 },
      [at("biosample_set", "b1")]: { id: "b1", associated_studies: ["nowhere"] },
    });
    commitByHand(data, { [at("study_set", "s1")]: { id: "s1", title: "Mended" }, [at("biosample_set", "b1")]: null });
    const server = await startServer({ data });
    await call(server, "startRun", { params: { job_id: "custom" }, body: { done: true, body: study("s3") } });
    // Until git sees it.
    git(server.gitDir, "cat-file", "-e", "main");
    const found = await fsck(data);
    expect(found).toMatchObject({ code: 3, clean: false, checked: 3, commits: 6, git: [] });
    expect(found.violations).toEqual([
      expect.objectContaining({ code: "reference_missing", commit: planted, run_id: null, id: "b1" }),
      expect.objectContaining({
        code: "schema",
        commit: planted,
        collection: "study_set",
        id: "s1",
        pointer: "/title",
      }),
    ]);
    const { out } = await runtree(["fsck", "--data", data]);
    expect(out.split("\n")).toEqual([
      expect.stringMatching(`^${planted.slice(0, 12)}: reference_missing biosample_set/b1 /associated_studies/0: `),
      `${planted.slice(0, 12)}: schema study_set/s1 /title: must be string`,
      expect.stringMatching(/^2 faults: 3 documents, 6 commits of main/),
      "",
    ]);
    expect(await server.stop()).toBe(0);
  });

  test("tells a main whose tip is of no use, and a document that is no JSON", async () => {
    const data = await dataWith(study("s1"));
    commitByHand(data, { [at("study_set", "s1")]: "{" });
    expect(await fsck(data)).toMatchObject({ code: 3, violations: [{ code: "forbidden_path" }] });
    const tip = commitByHand(data, { "runtree.json": "nonsense" });
    const found = await fsck(data);
    expect(found).toMatchObject({ code: 3, violations: [{}, { commit: tip, id: "runtree.json" }] });
  });

  test("tells a missing object by git's words and by ours", async () => {
    const data = await dataWith(study("s1"));
    const blob = git(data, "--git-dir", "repo.git", "rev-parse", `main:${at("study_set", "s1")}`).trim();
    rmSync(`${data}/repo.git/objects/${blob.slice(0, 2)}/${blob.slice(2)}`);
    const found = await fsck(data);
    expect(found).toMatchObject({ code: 3, commits: 1, index: "none", violations: [{ code: "corrupt_object" }] });
    expect(found.git.join("\n")).toContain(`missing blob ${blob}`);
  });

  test("needs a repository, and one of ours", async () => {
    expect((await runtree(["fsck", "--data", temporaryFolder()])).code).toBe(6);
    const data = temporaryFolder();
    git(data, "init", "--quiet", "--bare", "--initial-branch=main", "repo.git");
    expect((await runtree(["fsck", "--data", data])).code).toBe(1);
    const tree = pipeGit(`${data}/repo.git`, ["mktree"]).toString().trim();
    const commit = commitTree(`${data}/repo.git`, tree, [], "Something else");
    git(`${data}/repo.git`, "update-ref", "refs/heads/main", commit);
    expect((await runtree(["fsck", "--data", data])).code).toBe(6);
  });
});

describe("the index, by fsck and reindex", () => {
  test("is built anew, is equal then, and is told when it knows something else", { tags: "trial" }, async () => {
    const data = await dataWith(study("s1"), study("s2"));
    const file = `${data}/index.snapshot`;
    expect(existsSync(file)).toBe(false);
    const { code, out } = await runtree(["reindex", "--json", "--data", data]);
    expect([code, JSON.parse(out)]).toEqual([
      0,
      { documents: 2, commits: 3, runs: 2, jobs: 0, seconds: expect.any(Number) },
    ]);
    expect(await fsck(data)).toMatchObject({ code: 0, clean: true, index: "equal" });

    const content = deserialize(readFileSync(file).subarray(0, -20)) as { state: { requests: Map<string, Json> } };
    content.state.requests.set("made up", { seconds: Date.now() / 1000 });
    const payload = serialize(content);
    writeFileSync(file, Buffer.concat([payload, createHash("sha1").update(payload).digest()]));
    expect(await fsck(data)).toMatchObject({ code: 3, clean: false, index: "differs", violations: [] });
    expect((await runtree(["fsck", "--data", data])).out).toContain("runtree reindex");

    const again = await runtree(["reindex", "--data", data]);
    expect([again.code, again.out, again.err]).toEqual([0, expect.stringMatching(/^documents +2\ncommits +3\n/), ""]);
    expect(await fsck(data)).toMatchObject({ code: 0, index: "equal" });

    writeFileSync(file, "damaged");
    const left = await runtree(["fsck", "--data", data]);
    expect([left.code, left.err]).toEqual([0, expect.stringContaining("index.snapshot cannot be used")]);
    await runtree(["reindex", "--data", data]);
    expect(await fsck(data)).toMatchObject({ index: "equal" });
    expect(readdirSync(data).toSorted()).toEqual(["index.snapshot", "repo.git"]);
  });

  test("is not built anew beside a server, and is equal beside one that writes", async () => {
    const data = await dataWith(study("s1"));
    await runtree(["reindex", "--data", data]);
    const written = statSync(`${data}/index.snapshot`).mtimeMs;
    const server = await startServer({ data });
    const { code, err } = await runtree(["reindex", "--data", data]);
    expect([code, err]).toEqual([4, expect.stringContaining(String(server.process.pid))]);
    expect(statSync(`${data}/index.snapshot`).mtimeMs).toBe(written);
    const ending = new AbortController();
    const write = async (): Promise<void> => {
      for (let count = 0; !ending.signal.aborted; count++) {
        const body = { done: true, body: study(`w${count}`) };
        await call(server, "startRun", { params: { job_id: "custom" }, body });
      }
    };
    const writer = write();
    const found = [await fsck(data), await fsck(data)];
    ending.abort();
    await writer;
    for (const each of found) expect(each).toMatchObject({ code: 0, clean: true, index: "equal", violations: [] });
    expect(found[0]?.commits).toBeLessThan(found[1]?.commits ?? 0);
  });

  test("of nothing is refused", async () => {
    const data = `${temporaryFolder()}/none`;
    expect((await runtree(["reindex", "--data", data])).code).toBe(6);
    expect(existsSync(data)).toBe(false);
  });
});

test("every commit that the gate makes is valid to fsck", async () => {
  const data = await dataWith(
    study("s1"),
    { biosample_set: [{ id: "b1", name: "Core", associated_studies: ["s1"] }] },
    { study_set: { s1: { title: "Another" } } },
  );
  expect(linesOf(git(`${data}/repo.git`, "rev-list", "--first-parent", "main"))).toHaveLength(4);
  expect(await fsck(data)).toMatchObject({ clean: true, commits: 4, checked: 2 });
});
