import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Json } from "../../src/domain/json.ts";
import { documentPath } from "../../src/domain/layout.ts";
import { cloned, type Cloned, commit, put, runtreeGit, tryGit } from "../support/clones.ts";
import { temporaryFolder } from "../support/folders.ts";
import { git } from "../support/git.ts";
import { type Ended, runtree } from "../support/program.ts";

const SAMPLE = documentPath("samples", "s-1", 1);
const SCHEMA = "schemas/sample.schema.json";

/** A clone with two branches that parted at a sample; `main` is the one at hand. */
async function parted(base: Json | null, ours: Json, theirs: Json): Promise<Cloned> {
  const found = await cloned(base === null ? {} : { samples: { "s-1": base } });
  await runtreeGit(found.clone, ["setup"]);
  git(found.clone, "switch", "--quiet", "--create", "other");
  commit(found.clone, { [SAMPLE]: theirs });
  git(found.clone, "switch", "--quiet", "main");
  commit(found.clone, { [SAMPLE]: ours });
  return found;
}

function sampleOf(clone: string): Json {
  return JSON.parse(readFileSync(`${clone}/${SAMPLE}`, "utf8")) as Json;
}

describe("git merge with runtree's driver", () => {
  test("merges by field and by the policies of the schema, into canonical JSON", async () => {
    const base = { id: "s-1", name: "a", tags: ["x", "y"], parts: [{ key: 1 }] };
    const { clone } = await parted(
      base,
      { ...base, depth: 3, tags: ["x", "y", "ours"], parts: [{ key: 1, at: "ours" }] },
      { ...base, name: "b", tags: ["y", "theirs"], parts: [{ key: 1 }, { key: 2 }] },
    );
    const { code, err } = await tryGit(clone, "merge", "other");
    expect([code, err]).toEqual([0, ""]);
    expect(sampleOf(clone)).toEqual({
      depth: 3,
      id: "s-1",
      name: "b",
      parts: [{ at: "ours", key: 1 }, { key: 2 }],
      tags: ["y", "ours", "theirs"],
    });
    const merged = readFileSync(`${clone}/${SAMPLE}`, "utf8");
    expect((await runtree(["fmt", "--check", `${clone}/${SAMPLE}`])).code).toBe(0);
    expect(merged.endsWith("}\n")).toBe(true);
    expect(git(clone, "status", "--porcelain")).toBe("");
  });

  test("without the setup the same two changes are a conflict", async () => {
    const { clone } = await parted({ name: "a" }, { id: "s-1", name: "a", depth: 3 }, { id: "s-1", name: "b" });
    await runtreeGit(clone, ["setup", "--remove"]);
    expect((await tryGit(clone, "merge", "other")).code).toBe(1);
  });

  test("a conflict stands between markers around its lines, and each side's value is told", async () => {
    const { clone } = await parted(
      { depth: 3, size: { value: 1, unit: "m" } },
      { id: "s-1", depth: 4, size: { value: 2, unit: "m" }, name: "a" },
      { id: "s-1", depth: 5, size: { value: 1, unit: "ft" } },
    );
    const { code, err, out } = await tryGit(clone, "merge", "other");
    expect([code, out]).toEqual([1, expect.stringContaining(`CONFLICT (content): Merge conflict in ${SAMPLE}`)]);
    expect(err).toBe(
      [
        `runtree: both sides changed ${SAMPLE}; settle what stands between the markers:`,
        "  /depth: modify/modify: base 3, this branch 4, the other 5",
        '  /size: modify/modify: base {"unit":"m","value":1}, this branch {"value":2,"unit":"m"}, the other {"value":1,"unit":"ft"}',
        "",
      ].join("\n"),
    );
    const text = readFileSync(`${clone}/${SAMPLE}`, "utf8");
    expect(text).toMatch(/^<<<<<<< this branch\n {2}"depth": 4,\n=======\n {2}"depth": 5,\n>>>>>>> the other$/m);
    expect(text).toMatch(/>>>>>>> the other\n {2}"id": "s-1",\n {2}"name": "a",\n<<<<<<< this branch\n {2}"size": \{/);
    git(clone, "checkout", "--theirs", "--", SAMPLE);
    expect(sampleOf(clone)).toEqual({ id: "s-1", depth: 5, size: { value: 1, unit: "ft" } });
  });

  test("a document that both sides added does not fuse", async () => {
    const { clone } = await parted(null, { id: "s-1", depth: 4 }, { id: "s-1", depth: 4, name: "b" });
    const { code, err } = await tryGit(clone, "merge", "other");
    expect([code, err]).toEqual([1, expect.stringContaining('"": add/add: base absent, this branch {')]);
    expect(readFileSync(`${clone}/${SAMPLE}`, "utf8")).toContain("<<<<<<< this branch");
  });

  test("schemas and runtree.json merge by field as well", async () => {
    const { clone } = await cloned();
    await runtreeGit(clone, ["setup"]);
    const schema = (add: Json): Json => {
      const known = JSON.parse(git(clone, "show", `main:${SCHEMA}`)) as { properties: object };
      return { ...known, properties: { ...known.properties, ...(add as object) } } as unknown as Json;
    };
    git(clone, "switch", "--quiet", "--create", "other");
    commit(clone, { [SCHEMA]: schema({ zebra: true }) });
    git(clone, "switch", "--quiet", "main");
    commit(clone, { [SCHEMA]: schema({ zoo: true }) });
    expect((await tryGit(clone, "merge", "other")).code).toBe(0);
    expect(JSON.parse(readFileSync(`${clone}/${SCHEMA}`, "utf8"))).toEqual(schema({ zebra: true, zoo: true }));
  });

  test("histories that crossed merge by one base, in which what conflicted is absent", async () => {
    const { clone } = await parted(
      { name: "a", depth: 3 },
      { id: "s-1", name: "ours", depth: 4 },
      { id: "s-1", name: "theirs", depth: 3 },
    );
    const [ours, theirs] = [git(clone, "rev-parse", "main").trim(), git(clone, "rev-parse", "other").trim()];
    for (const [branch, other, name] of [
      ["main", theirs, "one"],
      ["other", ours, "two"],
    ] as const) {
      git(clone, "switch", "--quiet", branch);
      await tryGit(clone, "merge", other);
      commit(clone, { [SAMPLE]: { id: "s-1", name, depth: 4 } });
    }
    const { code, err } = await tryGit(clone, "merge", "main");
    expect([code, err]).toEqual([
      1,
      `runtree: both sides changed ${SAMPLE}; settle what stands between the markers:\n  /name: add/add: base absent, this branch "two", the other "one"\n`,
    ]);
  });

  test("git rebase and git revert use it, too", async () => {
    const base = { id: "s-1", name: "a", depth: 3 };
    const { clone } = await parted(base, { ...base, depth: 4 }, { ...base, name: "b" });
    expect((await tryGit(clone, "rebase", "other")).code).toBe(0);
    expect(sampleOf(clone)).toEqual({ ...base, depth: 4, name: "b" });
    expect((await tryGit(clone, "revert", "--no-edit", "other")).code).toBe(0);
    expect(sampleOf(clone)).toEqual({ ...base, depth: 4 });
  });

  test("a clone that borrows its objects has the rules all the same", async () => {
    const base = { id: "s-1", tags: ["x"] };
    const { clone } = await parted(base, { ...base, tags: ["x", "ours"] }, { ...base, tags: ["x", "theirs"] });
    git(clone, "clone", "--quiet", "--shared", clone, "../borrower");
    git(clone, "clone", "--quiet", "--shared", `${clone}/../borrower`, "../second");
    for (const borrower of [`${clone}/../borrower`, `${clone}/../second`]) {
      await runtreeGit(borrower, ["setup"]);
      git(borrower, "fetch", "--quiet", clone, "other");
      expect((await tryGit(borrower, "merge", "FETCH_HEAD")).code).toBe(0);
      expect(sampleOf(borrower)).toEqual({ ...base, tags: ["x", "ours", "theirs"] });
    }
  });
});

describe("runtree git merge-driver by hand", () => {
  const drive = async (base: string, ours: string, theirs: string): Promise<Ended & { text: string }> => {
    const cwd = temporaryFolder();
    put(cwd, { base, ours, theirs });
    const ended = await runtree(["git", "merge-driver", "base", "ours", "theirs", SCHEMA], { cwd });
    return { ...ended, text: readFileSync(`${cwd}/ours`, "utf8") };
  };

  test("merges by field, outside of a clone too where no policy is asked for", async () => {
    expect(await drive('{"a": 1, "b": 1}', '{"a": 2, "b": 1}', '{"b": 2, "a": 1}')).toEqual({
      code: 0,
      out: "",
      err: "",
      text: '{\n  "a": 2,\n  "b": 2\n}\n',
    });
  });

  test.each([
    ["what is not JSON", '{"a": 1', "Not JSON"],
    ["a key that stands twice", '{"a": 1, "a": 2}', 'the key "a" stands twice'],
    ["what nests too deep", `{"a": ${"[".repeat(100)}${"]".repeat(100)}}`, "64 deep"],
    ["what is not an object", "[1]", "does not hold a JSON object"],
    ["a key that JavaScript gives a meaning", '{"__proto__": 1}', "__proto__"],
    ["nothing", "", "Not JSON"],
  ])("leaves %s to git's own merge by lines, and to be looked at", async (_, text, words) => {
    for (const [ours, theirs] of [
      [text, "{}"],
      ["{}", text],
    ]) {
      const ended = await drive("{}", ours ?? "", theirs ?? "");
      expect([ended.code, ended.err]).toEqual([1, expect.stringContaining(words)]);
      expect(ended.err).toContain(`${SCHEMA} is merged by lines, look at it`);
      expect(ended.text).toBe(text === "" && ours === "{}" ? "" : text);
    }
    const both = await drive("{}\n", `${text}\n`, '{"z": 1}\n');
    expect([both.code, both.text]).toEqual([1, `<<<<<<< this branch\n${text}\n=======\n{"z": 1}\n>>>>>>> the other\n`]);
  });

  test("a clone whose rules cannot be read merges by lines, and never as if there were none", async () => {
    const base = { id: "s-1", size: { value: 1, unit: "m" } };
    const { clone } = await parted(
      base,
      { ...base, size: { value: 2, unit: "m" } },
      { ...base, size: { value: 1, unit: "ft" } },
    );
    commit(clone, { "runtree.json": "{}" });
    const { code, err } = await tryGit(clone, "merge", "other");
    expect([code, err]).toEqual([1, expect.stringContaining("runtree.json cannot be used")]);
  });
});
