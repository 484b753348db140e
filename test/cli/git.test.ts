import { execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { documentPath } from "../../src/domain/layout.ts";
import { cloned, commit, person, put, runtreeGit, tryGit } from "../support/clones.ts";
import { temporaryFolder } from "../support/folders.ts";
import { git } from "../support/git.ts";
import { runtree } from "../support/program.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SAMPLE = documentPath("samples", "s-1", 1);

/** Every file of a clone's git folder but for objects, with its bytes and mode. */
function gitFiles(clone: string): Record<string, unknown> {
  const names = readdirSync(`${clone}/.git`, { recursive: true, encoding: "utf8" });
  const files = names.filter((name) => !name.startsWith("objects") && statSync(`${clone}/.git/${name}`).isFile());
  return Object.fromEntries(
    files.toSorted().map((name) => {
      const path = `${clone}/.git/${name}`;
      return [name, [readFileSync(path, "latin1"), statSync(path).mode]];
    }),
  );
}

describe("runtree git setup", () => {
  test("writes into the clone only, the second time nothing, and --remove takes exactly that away", async () => {
    const { clone } = await cloned();
    git(clone, "config", "merge.other.driver", "true");
    put(clone, { ".git/info/attributes": "*.csv -text" });
    const before = gitFiles(clone);
    const first = await runtreeGit(clone, ["setup"]);
    expect([first.code, first.err]).toEqual([
      0,
      "runtree: after Node or Runtree moved to another place, do this again\n",
    ]);
    for (const words of ["merge.runtree.driver", "diff.runtree.textconv", "metadata/**/*.json", "hooks/pre-push"])
      expect(first.out).toContain(words);
    const after = gitFiles(clone);
    const changed = Object.keys(after).filter((name) => JSON.stringify(after[name]) !== JSON.stringify(before[name]));
    expect(changed).toEqual(["config", "hooks/pre-push", "info/attributes"]);
    expect(git(clone, "status", "--porcelain")).toBe("");
    expect(statSync(`${clone}/.git/hooks/pre-push`).mode & 0o111).toBe(0o111);

    expect((await runtreeGit(clone, ["setup"])).out).toBe(first.out);
    expect(gitFiles(clone)).toEqual(after);

    const removed = await runtreeGit(clone, ["setup", "--remove"]);
    expect([removed.code, removed.err]).toEqual([0, ""]);
    // What others wrote stays, but for the end of its last line.
    put(clone, { ".git/info/attributes": "*.csv -text\n" });
    expect(gitFiles(clone)).toEqual({
      ...before,
      "info/attributes": ["*.csv -text\n", statSync(`${clone}/.git/info/attributes`).mode],
    });
    const again = JSON.parse((await runtreeGit(clone, ["setup", "--remove", "--json"])).out) as {
      hook: { state: string };
    };
    expect(again.hook.state).toBe("absent");
  });

  test("git reads the attributes, in a folder below and in a linked work tree too", async () => {
    const { clone } = await cloned({ samples: { "s-1": {} } });
    expect((await runtreeGit(`${clone}/schemas`, ["setup"])).code).toBe(0);
    git(clone, "worktree", "add", "--quiet", "../beside", "-b", "beside");
    const paths = [SAMPLE, "metadata/samples/s-2.json", "schemas/sample.schema.json", "runtree.json", "README.md"];
    for (const folder of [clone, `${clone}/../beside`]) {
      const [deep, flat, schema, configuration, readme] = paths.map((path) =>
        git(folder, "check-attr", "merge", "diff", "--", path)
          .trim()
          .split("\n")
          .map((line) => line.split(": ").at(-1)),
      );
      expect([deep, flat, schema, configuration, readme]).toEqual([
        ["runtree", "runtree"],
        ["runtree", "runtree"],
        ["runtree", "unspecified"],
        ["runtree", "unspecified"],
        ["unspecified", "unspecified"],
      ]);
    }
    expect((await runtreeGit(`${clone}/../beside`, ["setup", "--remove"])).code).toBe(0);
    expect(existsSync(`${clone}/.git/hooks/pre-push`)).toBe(false);
  });

  test("leaves a hook alone that is not ours, and says what line to add to it", async () => {
    const { clone } = await cloned();
    const path = `${clone}/.git/hooks/pre-push`;
    put(clone, { ".git/hooks/pre-push": "#!/bin/sh\necho theirs >&2\n" });
    chmodSync(path, 0o755);
    const { code, out } = await runtreeGit(clone, ["setup"]);
    expect(code).toBe(0);
    expect(out).toContain("is not ours and stays as it is");
    expect(readFileSync(path, "utf8")).toBe("#!/bin/sh\necho theirs >&2\n");
    const line = out.trimEnd().split("\n").at(-1)?.trim() ?? "";
    writeFileSync(path, `#!/bin/sh\n${line}\necho "theirs: $refs" >&2\n`);

    const id = "01hzzzzzzzzzzzzzzzzzzzzzzz";
    git(clone, "switch", "--quiet", "--create", `runs/${id}`);
    commit(clone, { "run.json": { job: "custom", done: true }, [documentPath("studies", "a", 1)]: { id: "b" } });
    const refused = await tryGit(clone, "push", "origin", `runs/${id}`);
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining("id_mismatch studies/a /id")]);
    expect(refused.err).not.toContain("theirs");
    commit(clone, { [documentPath("studies", "a", 1)]: { id: "a" } });
    const pushed = await tryGit(clone, "push", "origin", `runs/${id}`);
    expect([pushed.code, pushed.err]).toEqual([0, expect.stringContaining(`theirs: refs/heads/runs/${id} `)]);

    await runtreeGit(clone, ["setup", "--remove"]);
    expect(readFileSync(path, "utf8")).toContain("theirs");
  });

  test("puts the hook where git looks for it, unless other repositories look there, too", async () => {
    const { clone } = await cloned();
    git(clone, "config", "core.hooksPath", "my hooks");
    await runtreeGit(clone, ["setup"]);
    expect(readdirSync(`${clone}/my hooks`)).toEqual(["pre-push"]);
    expect(existsSync(`${clone}/.git/hooks/pre-push`)).toBe(false);
    await runtreeGit(clone, ["setup", "--remove"]);
    expect(readdirSync(`${clone}/my hooks`)).toEqual([]);

    git(clone, "config", "core.hooksPath", "/dev/null");
    const nowhere = await runtreeGit(clone, ["setup"]);
    expect([nowhere.code, nowhere.err]).toEqual([1, expect.stringContaining("/dev/null/pre-push")]);

    git(clone, "config", "--unset", "core.hooksPath");
    const shared = temporaryFolder();
    put(`${clone}/..`, { ".gitconfig": `[core]\n\thooksPath = ${shared}\n` });
    const { out } = await runtreeGit(clone, ["setup"]);
    expect(out).toContain(`${shared}/pre-push is not ours`);
    expect(readdirSync(shared)).toEqual([]);
  });

  test("is refused where there is no clone of a record", async () => {
    const { clone, remote } = await cloned();
    const nowhere = temporaryFolder();
    const none = await runtreeGit(nowhere, ["setup"]);
    expect([none.code, none.err]).toEqual([6, expect.stringContaining("is in no git repository")]);
    const bare = await runtreeGit(remote, ["setup"]);
    expect([bare.code, bare.err]).toEqual([1, expect.stringContaining("is a bare repository")]);
    git(nowhere, "init", "--quiet");
    const empty = await runtreeGit(nowhere, ["setup", "--json"]);
    expect([empty.code, JSON.parse(empty.err)]).toEqual([
      6,
      {
        error: { code: "repository_not_ours", detail: expect.stringContaining("is not a clone of a record") as string },
      },
    ]);
    git(nowhere, "fetch", "--quiet", clone, "main:refs/remotes/a/b/main");
    expect((await runtreeGit(nowhere, ["setup"])).code).toBe(0);
  });

  test("works from a place whose path shells and git give a meaning, and a place that is gone holds nobody up", async () => {
    const { clone } = await cloned({ samples: { "s-1": { name: "a" } } });
    const program = `${temporaryFolder()}/it's %P "odd" $HOME`;
    mkdirSync(program);
    cpSync(`${ROOT}/dist`, `${program}/dist`, { recursive: true });
    cpSync(`${ROOT}/package.json`, `${program}/package.json`);
    for (const name of ["node_modules", "schemas"]) symlinkSync(`${ROOT}/${name}`, `${program}/${name}`);
    execFileSync(process.execPath, [`${program}/dist/cli/main.js`, "git", "setup"], {
      cwd: clone,
      env: person(clone),
      stdio: "ignore",
    });
    const one = commit(clone, { [SAMPLE]: { id: "s-1", name: "a", depth: 1 } });
    git(clone, "switch", "--quiet", "--create", "other", "HEAD~1");
    commit(clone, { [SAMPLE]: { id: "s-1", name: "a", note: null } });
    expect(git(clone, "diff", "HEAD~1")).toContain("+/note: null");
    const merged = await tryGit(clone, "merge", one);
    expect([merged.code, merged.err]).toEqual([0, ""]);
    const id = "01hzzzzzzzzzzzzzzzzzzzzzzz";
    const checked = await tryGit(clone, "push", "origin", `HEAD:runs/${id}`);
    expect([checked.code, checked.err]).toEqual([0, expect.stringContaining("nothing stands between it and main")]);

    rmSync(program, { recursive: true });
    const unchecked = await tryGit(clone, "push", "origin", "HEAD:runs/01hzzzzzzzzzzzzzzzzzzzzzzy");
    expect([unchecked.code, unchecked.err]).toEqual([0, expect.stringContaining("nothing is checked before the push")]);
  });
});

describe("runtree git textconv", () => {
  test("prints a line for each leaf, in the order of the keys, with nothing that a terminal obeys", async () => {
    const cwd = temporaryFolder();
    put(cwd, { "a.json": { z: [1, { y: null }], "a/b": "x\u001b[1m\u202e", e: {}, l: [] } });
    const { code, out, err } = await runtreeGit(cwd, ["textconv", "a.json"]);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toBe('/a~1b: "x\\u001b[1m\\u202e"\n/e: {}\n/l: []\n/z/0: 1\n/z/1/y: null\n');
  });

  test.each([
    ["what is not JSON", '{"a": '],
    ["a key that stands twice", '{"a": 1, "a": 2}'],
    ["a number that would change", '{"a": 0.10000000000000000001}'],
    ["a key that JavaScript gives a meaning", '{"__proto__": 1}'],
    ["what nests too deep", `${"[".repeat(100)}${"]".repeat(100)}`],
  ])("prints %s as it is", async (_, text) => {
    const { code, out } = await runtree(["git", "textconv", "-"], { input: text });
    expect([code, out]).toEqual([0, text]);
  });

  test("a file that is not there is an error", async () => {
    expect((await runtree(["git", "textconv", "none.json"])).code).toBe(6);
  });

  test("git diff, log and blame speak of fields", async () => {
    const { clone } = await cloned({ samples: { "s-1": { depth: 3 } } });
    await runtreeGit(clone, ["setup"]);
    commit(clone, { [SAMPLE]: { depth: 3, id: "s-1", name: "a" } });
    const diff = git(clone, "diff", "HEAD~1");
    expect(diff.split("\n").filter((line) => /^[+-][^+-]/.test(line))).toEqual(['+/name: "a"']);
    expect(git(clone, "log", "--format=%s", "-G^/depth:").trim().split("\n")).toHaveLength(1);
    const blamed = git(clone, "blame", "-s", "--", SAMPLE).split("\n");
    const [depth, id] = blamed.map((line) => line.split(" ")[0]);
    expect([depth === id, blamed[2]?.startsWith(`${depth}`)]).toEqual([true, false]);
  });
});
