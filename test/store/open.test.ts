import fs, { mkdirSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { fsck, git } from "../support/git.ts";
import { temporaryFolder } from "../support/folders.ts";
import { merged } from "../support/situations.ts";
import { openTestStore, SHIPPED_TEMPLATE, templateFolder } from "../support/store.ts";
import { lockData } from "../../src/store/data-lock.ts";

const code = (expected: string): object => expect.objectContaining({ code: expected });

describe("a repository that is refused at start, with the way out", () => {
  test.each<[string, (data: string) => void, string]>([
    ["a folder that is not a repository", (data) => mkdirSync(`${data}/repo.git`), "repository_not_ours"],
    ["a file", (data) => writeFileSync(`${data}/repo.git`, ""), "repository_not_ours"],
    [
      "a repository with a work tree",
      (data) => void git(data, "init", "-q", "-b", "main", "repo.git"),
      "repository_not_ours",
    ],
    [
      "an empty bare repository",
      (data) => void git(data, "init", "-q", "--bare", "-b", "main", "repo.git"),
      "repository_not_ours",
    ],
    [
      "a repository of SHA-256 objects",
      (data) => void git(data, "init", "-q", "--bare", "-b", "main", "--object-format=sha256", "repo.git"),
      "repository_unsupported",
    ],
    [
      "refs kept as reftable",
      (data) => {
        git(data, "init", "-q", "--bare", "-b", "main", "repo.git");
        git(`${data}/repo.git`, "config", "extensions.refStorage", "reftable");
      },
      "repository_unsupported",
    ],
    ["another record", (data) => foreign(data, "readme.txt", "hello"), "repository_not_ours"],
    ["a newer format", (data) => foreign(data, "runtree.json", '{"format": 2, "new": []}'), "repository_unsupported"],
    [
      "a configuration that cannot be used",
      (data) => foreign(data, "runtree.json", '{"format": 1}'),
      "repository_not_ours",
    ],
  ])("%s", async (_, prepare, expected) => {
    const data = temporaryFolder();
    prepare(data);
    const before = fs.readdirSync(data, { recursive: true });
    await expect(openTestStore({ data })).rejects.toThrow(code(expected));
    expect(fs.readdirSync(data, { recursive: true })).toEqual(before);
  });

  test("a template that breaks its own rules leaves nothing behind", async () => {
    const configuration = { format: 1, collections: { notes: { schema: "schemas/note.schema.json" } } };
    const files = {
      "schemas/note.schema.json": { type: "object", required: ["text"] },
      "metadata/notes/aa/n1.json": { id: "n1" },
    };
    const data = temporaryFolder();
    const template = templateFolder(configuration, files);
    await expect(openTestStore({ data, template })).rejects.toThrow(code("template_invalid"));
    expect(fs.readdirSync(data)).toEqual([]);
  });

  test.each<[string, (folder: string) => void]>([
    ["a link", (folder) => fs.symlinkSync("/etc/hostname", `${folder}/README.md`)],
    ["a name that git takes for its own", (folder) => writeFileSync(`${folder}/.gitmodules`, "")],
    ["a run record", (folder) => writeFileSync(`${folder}/run.json`, "{}")],
    [
      "one document at two places",
      (folder) => {
        for (const place of ["aa", "bb"]) {
          mkdirSync(`${folder}/metadata/notes/${place}`, { recursive: true });
          writeFileSync(`${folder}/metadata/notes/${place}/n1.json`, '{"id": "n1"}');
        }
      },
    ],
  ])("a template with %s", async (_, arrange) => {
    const template = templateFolder({ format: 1, collections: { notes: {} } });
    arrange(template);
    await expect(openTestStore({ template })).rejects.toThrow(code("template_invalid"));
  });

  test("a template that is not one", async () => {
    await expect(openTestStore({ template: temporaryFolder() })).rejects.toThrow(code("template_invalid"));
  });
});

/** A bare repository whose main holds one file. */
function foreign(data: string, path: string, text: string): void {
  git(data, "init", "-q", "--bare", "-b", "main", "repo.git");
  writeFileSync(`${data}/file`, text);
  const gitDir = `${data}/repo.git`;
  const blob = git(gitDir, "hash-object", "-w", `${data}/file`).trim();
  fs.rmSync(`${data}/file`);
  git(gitDir, "update-index", "--add", "--cacheinfo", `100644,${blob},${path}`);
  const tree = git(gitDir, "write-tree").trim();
  git(gitDir, "update-ref", "refs/heads/main", git(gitDir, "commit-tree", tree, "-m", "Foreign").trim());
}

describe("the repository that is made", () => {
  test("is bare, clean, durable by its settings, and places the template's documents", async () => {
    const configuration = { format: 1, collections: { notes: {} } };
    const { gitDir, made } = await openTestStore({
      template: templateFolder(configuration, { "metadata/notes/n1.json": { text: "a", id: "n1" } }),
    });
    expect(made).toBe(true);
    expect(fsck(gitDir)).toEqual([]);
    expect(git(gitDir, "config", "core.fsync").trim()).toBe("committed,reference");
    expect(git(gitDir, "rev-parse", "--is-bare-repository").trim()).toBe("true");
    const [path = ""] = git(gitDir, "ls-tree", "-r", "--name-only", "main", "metadata/").trim().split("\n");
    expect(path).toMatch(/^metadata\/notes\/[0-9a-f]{2}\/n1\.json$/);
    expect(git(gitDir, "show", `main:${path}`)).toBe('{\n  "id": "n1",\n  "text": "a"\n}\n');
  });

  test("lets stock git read and bisect, and move no ref", async () => {
    const { store, gitDir } = await openTestStore();
    for (const title of ["one", "two, wrong", "three, wrong"]) await merged(store, { study_set: { s: { title } } });
    await store.repository.settle();
    for (const args of [
      ["branch", "mine", "main"],
      ["tag", "v1"],
      ["update-ref", "-d", "refs/heads/main"],
      ["update-ref", "refs/runtree/x", "main"],
    ]) {
      expect(() => git(gitDir, ...args)).toThrow(/moved by Runtree only/);
    }
    git(gitDir, "bisect", "start", "--first-parent", "--no-checkout", "main", "main~3");
    const found = git(gitDir, "bisect", "run", "sh", "-c", "! git grep -q wrong BISECT_HEAD -- metadata");
    expect(found).toContain(`${git(gitDir, "rev-parse", "main~1").trim()} is the first bad commit`);
    git(gitDir, "bisect", "reset");
    expect(git(gitDir, "for-each-ref", "--format=%(refname)").trim()).toBe("refs/heads/main");
  });
});

describe("one writer per data directory", () => {
  test("a second one is refused and told who holds it", async () => {
    const { data } = await openTestStore();
    const second = openTestStore({ data, template: SHIPPED_TEMPLATE });
    await expect(second).rejects.toThrow(code("repository_locked"));
    await expect(second).rejects.toThrow(String(process.pid));
  });

  test("the lock of a process that is gone is taken over", () => {
    const data = temporaryFolder();
    writeFileSync(
      `${data}/runtree.lock`,
      JSON.stringify({
        pid: process.pid,
        host: fs.readFileSync("/etc/hostname", "utf8").trim(),
        started: "another boot 1",
      }),
    );
    lockData(fs, data)();
    expect(fs.readdirSync(data)).toEqual([]);
  });

  test("after a stop the directory is free", async () => {
    const { data, close } = await openTestStore();
    await close();
    const { store } = await openTestStore({ data });
    expect(store.main.commit).toMatch(/^[0-9a-f]{40}$/);
  });
});
