import { describe, expect, test } from "vitest";
import { previewRun } from "../../src/actions/preview-run.ts";
import type { Json } from "../../src/domain/json.ts";
import { documentPath } from "../../src/domain/layout.ts";
import { cloned, type Cloned, commit, runtreeGit, tryGit } from "../support/clones.ts";
import { git } from "../support/git.ts";
import type { Ended } from "../support/program.ts";
import { CONFIGURATION, merged, open as openRun } from "../support/situations.ts";

const ID = "01hzzzzzzzzzzzzzzzzzzzzzzz";
const BRANCH = `runs/${ID}`;
const DONE = { job: "custom", done: true };

const sample = (id: string): string => documentPath("samples", id, 1);
const study = (id: string): string => documentPath("studies", id, 1);

/** A clone that is set up, at the branch of a run. */
async function atRun(body?: Json): Promise<Cloned> {
  const found = await cloned(body);
  expect((await runtreeGit(found.clone, ["setup"])).code).toBe(0);
  git(found.clone, "switch", "--quiet", "--create", BRANCH);
  return found;
}

async function push(clone: string, ...more: readonly string[]): Promise<Ended> {
  return tryGit(clone, "push", ...more, "origin", BRANCH);
}

/** What the check says, without what git says around it. */
function said({ err }: Ended): string[] {
  return err.split("\n").filter((line) => /^runtree: |^[a-z_]+ \S+\/\S+ \S*: /.test(line));
}

describe("the check before a push", () => {
  test("refuses a run that brings what no server takes, and says how to mend it", async () => {
    const { clone, remote } = await atRun({ studies: { "st-1": { doi: "10/1" } } });
    commit(clone, {
      "run.json": DONE,
      [sample("s-1")]: { id: "s-1", depth: "deep", studies: ["st-9"] },
      [study("st-2")]: { id: "st-2", doi: "10/1" },
      "notes.txt": "mine",
    });
    const refused = await push(clone);
    expect([refused.code, said(refused)]).toEqual([
      1,
      [
        "forbidden_path $config/notes.txt : A run may not change notes.txt.",
        "schema samples/s-1 /depth: must be number",
        'reference_missing samples/s-1 /studies/0: "st-9" is not in studies.',
        'duplicate studies/st-2 /doi: "st-1" has the same value, which must be unique.',
        expect.stringMatching(
          new RegExp(
            `^runtree: ${BRANCH}: would be refused by the server of origin: 1 violation; mend the commit itself \\(`,
          ),
        ),
      ],
    ]);
    expect(git(remote, "for-each-ref", "refs/heads/runs")).toBe("");
    expect((await push(clone, "--no-verify")).code).toBe(0);
  });

  test("warns of one that is not done, and lets it go", async () => {
    const { clone } = await atRun();
    commit(clone, { "run.json": { job: "custom" }, [sample("s-1")]: { id: "s-1", depth: "deep" } });
    const warned = await push(clone);
    expect([warned.code, said(warned)]).toEqual([
      0,
      [
        "schema samples/s-1 /depth: must be number",
        expect.stringContaining("would be kept, not merged: 1 warning, 0 conflicts"),
      ],
    ]);
  });

  test("refuses a run that is done and would be rejected, and says how to push it all the same", async () => {
    const { clone } = await atRun();
    commit(clone, { "run.json": DONE, [sample("s-1")]: { id: "s-1", depth: "deep" } });
    const refused = await push(clone);
    expect([refused.code, said(refused)]).toEqual([
      1,
      [
        "schema samples/s-1 /depth: must be number",
        expect.stringMatching(
          /would be rejected by main of origin .*, 1 violation, 0 conflicts; mend it, or push it as it is: git push --no-verify$/,
        ),
      ],
    ]);
  });

  test("lets a good one go, from a folder below and from a linked work tree", async () => {
    const { clone } = await atRun();
    commit(clone, { "run.json": DONE, [sample("s-1")]: { id: "s-1", depth: 3 } });
    const good = await push(`${clone}/schemas`);
    expect([good.code, said(good)]).toEqual([
      0,
      [expect.stringContaining(`runtree: ${BRANCH}: nothing stands between it and main of origin`)],
    ]);
    git(clone, "worktree", "add", "--quiet", "../beside", "--detach");
    const beside = `${clone}/../beside`;
    commit(beside, { [sample("s-1")]: { id: "s-2" } });
    const refused = await tryGit(beside, "push", "origin", `HEAD:${BRANCH}`);
    expect([refused.code, said(refused)[0]]).toEqual([1, expect.stringContaining("id_mismatch samples/s-1 /id")]);
  });

  test("names both sides of a conflict, and finds none where main was merged", async () => {
    const { open, clone, publish } = await atRun({ samples: { "s-1": { depth: 3, name: "a" } } });
    commit(clone, { "run.json": DONE, [sample("s-1")]: { id: "s-1", depth: 4, name: "a" } });
    const { record } = await merged(open.store, { samples: { "s-1": { depth: 5 } } });
    await publish();
    // What was not fetched is not known.
    expect(said(await tryGit(clone, "push", "--dry-run", "origin", `HEAD@{0 days ago}:refs/heads/${BRANCH}`))).toEqual([
      expect.stringContaining("nothing stands between"),
    ]);
    git(clone, "fetch", "--quiet");
    const refused = await push(clone);
    expect([refused.code, said(refused)]).toEqual([
      1,
      [
        `merge_conflict samples/s-1 /depth: modify/modify: main has 5 (run ${record.id}, tester), this run 4`,
        expect.stringContaining("0 violations, 1 conflict;"),
      ],
    ]);
    expect((await tryGit(clone, "merge", "origin/main")).code).toBe(1);
    commit(clone, { [sample("s-1")]: { id: "s-1", depth: 4, name: "a" } });
    expect((await push(clone)).code).toBe(0);
  });

  test.each([
    ["a key that stands twice", '{"id": "s-1", "depth": 1, "depth": 2}', "malformed_json samples/s-1 /depth"],
    ["markers that were left", '<<<<<<< this branch\n{"id": "s-1"}\n', "malformed_json samples/s-1"],
    ["what is not an object", "[]", "schema samples/s-1"],
    ["what nests too deep", `{"id": "s-1", "list": ${"[".repeat(100)}${"]".repeat(100)}}`, "too_large samples/s-1"],
    ["a key that JavaScript gives a meaning", '{"id": "s-1", "__proto__": 1}', "hostile_key samples/s-1 /__proto__"],
  ])("refuses %s", async (_, text, line) => {
    const { clone } = await atRun();
    commit(clone, { "run.json": DONE, [sample("s-1")]: text });
    const refused = await push(clone);
    expect([refused.code, said(refused)[0]]).toEqual([1, expect.stringContaining(line)]);
  });

  test("finds what the gate finds in the same change", async () => {
    const body = { studies: { "st-1": { doi: "10/1" } }, samples: { "s-0": { studies: ["st-1"] } } };
    const { open, clone } = await atRun(body);
    git(clone, "rm", "--quiet", study("st-1"));
    commit(clone, {
      "run.json": DONE,
      [sample("s-1")]: { id: "s-1", depth: "deep", parent: "s-9" },
      [study("st-2")]: { id: "st-2", doi: "10/2" },
      [study("st-3")]: { id: "st-3", doi: "10/2" },
    });
    const view = await openRun(open.store, {
      studies: { "st-1": null, "st-2": { doi: "10/2" }, "st-3": { doi: "10/2" } },
      samples: { "s-1": { depth: "deep", parent: "s-9" } },
    });
    const { violations } = await previewRun(open.store, view.record.id);
    const line = `HEAD ${git(clone, "rev-parse", "HEAD").trim()} refs/heads/${BRANCH} ${"0".repeat(40)}\n`;
    const { code, out } = await runtreeGit(clone, ["pre-push", "origin", "--json"], line);
    const [looked] = JSON.parse(out) as [{ found: { violations: unknown } }];
    expect(violations.length).toBeGreaterThan(3);
    expect([code, looked.found.violations]).toEqual([1, violations]);
  });

  test("does not make the operator's checks, and says so", async () => {
    const checks = [{ name: "units", collections: ["samples"], command: "units-check" }];
    const { clone } = await atRun();
    commit(clone, {
      "run.json": DONE,
      "runtree.json": { ...CONFIGURATION, checks } as unknown as Json,
      [sample("s-1")]: { id: "s-1" },
    });
    const { code, err } = await push(clone);
    expect([code, err]).toEqual([
      0,
      expect.stringContaining("runtree: not checked here: units, by commands of the server"),
    ]);
  });

  test("passes over other branches and branches that are taken away", async () => {
    const { clone } = await atRun();
    commit(clone, { "run.json": DONE, [sample("s-1")]: "{" });
    const other = await tryGit(clone, "push", "origin", "HEAD:refs/heads/drafts/one");
    expect([other.code, said(other)]).toEqual([0, []]);
    await push(clone, "--no-verify");
    const gone = await tryGit(clone, "push", "origin", `:${BRANCH}`);
    expect([gone.code, said(gone)]).toEqual([0, []]);
    expect(await runtreeGit(clone, ["pre-push", "origin"], "not what git says\n")).toEqual({
      code: 0,
      out: "",
      err: "",
    });
  });

  test("lets go what cannot be checked in this clone", async () => {
    const { clone, remote } = await atRun({ samples: { "s-1": { depth: 3 } } });
    commit(clone, { "run.json": DONE, [sample("s-1")]: "{" });
    const misnamed = await tryGit(clone, "push", "origin", "HEAD:refs/heads/runs/mine");
    expect([misnamed.code, said(misnamed)]).toEqual([
      0,
      [
        "runtree: runs/mine is not checked here: it is not called as a run is: a run id is a 26-character lower-case ULID",
      ],
    ]);
    const unnamed = await tryGit(clone, "push", remote, BRANCH);
    expect([unnamed.code, said(unnamed)]).toEqual([
      0,
      [expect.stringMatching(`^runtree: ${BRANCH} is not checked here: main was never fetched from there`)],
    ]);

    git(clone, "switch", "--quiet", "--orphan", "nothing");
    commit(clone, { "run.json": DONE });
    const apart = await tryGit(clone, "push", "--force", "origin", `HEAD:${BRANCH}`);
    expect([apart.code, said(apart)]).toEqual([
      0,
      [expect.stringContaining("where it parted from main of origin is not in this clone")],
    ]);
  });

  test("lets a run go from shallow and partial clones, checked where they have what it takes", async () => {
    const { open, remote, publish } = await cloned({
      samples: { "s-1": { depth: 3 } },
      studies: { "st-1": { doi: "10/1" } },
    });
    await merged(open.store, { samples: { "s-2": { depth: 3 } } });
    await publish();
    git(remote, "config", "uploadpack.allowFilter", "true");
    git(remote, "config", "uploadpack.allowAnySHA1InWant", "true");
    const made = async (name: string, ...how: readonly string[]): Promise<string> => {
      git(remote, "clone", "--quiet", ...how, `file://${remote}`, `../${name}`);
      const clone = `${remote}/../${name}`;
      await runtreeGit(clone, ["setup"]);
      git(clone, "switch", "--quiet", "--create", BRANCH);
      return clone;
    };
    const shallow = await made("shallow", "--depth=1");
    commit(shallow, { "run.json": DONE, [sample("s-1")]: { id: "s-1", depth: "deep" } });
    expect((await push(shallow)).code).toBe(1);

    const partial = await made("partial", "--filter=blob:none", "--sparse");
    git(partial, "sparse-checkout", "set", "metadata/samples");
    commit(partial, { "run.json": DONE, [study("st-2")]: { id: "st-2", doi: "10/1" } });
    const unchecked = await push(partial);
    expect([unchecked.code, said(unchecked)]).toEqual([
      0,
      [
        expect.stringMatching(
          `^runtree: ${BRANCH} is not checked here: .* \\(a shallow or partial clone does not have everything\\)$`,
        ),
      ],
    ]);
  });
});
