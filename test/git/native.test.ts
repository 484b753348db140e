import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { delimiter } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { NativeGit } from "../../src/git/native.ts";
import { temporaryFolder } from "../support/folders.ts";
import { git } from "../support/git.ts";
import { GIT } from "../support/store.ts";
import { blobs, emptyRepository, linesOf, openRepository, pipeGit, repositoryWithCommits } from "./repositories.ts";

/** Sets variables of this process until the test has ended. */
function withEnvironment(variables: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
  onTestFinished(() => void vi.unstubAllEnvs());
}

/** A program that stands where git should be. */
function program(script: string): string {
  const path = `${temporaryFolder()}/git`;
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

/** Everything by which a caller's environment can lead git astray. */
function hostileEnvironment(elsewhere: string): Record<string, string> {
  mkdirSync(`${elsewhere}/home/git`, { recursive: true });
  for (const path of ["home/.gitconfig", "home/git/config", "global"]) {
    writeFileSync(
      `${elsewhere}/${path}`,
      `[user]\n\tname = from ${path}\n[alias]\n\tfsck = !touch ${elsewhere}/alias-ran\n`,
    );
  }
  return {
    GIT_DIR: elsewhere,
    GIT_WORK_TREE: elsewhere,
    GIT_OBJECT_DIRECTORY: `${elsewhere}/objects`,
    GIT_ALTERNATE_OBJECT_DIRECTORIES: `${elsewhere}/objects`,
    GIT_INDEX_FILE: `${elsewhere}/other-index`,
    GIT_NAMESPACE: "elsewhere",
    GIT_CONFIG_COUNT: "1",
    GIT_CONFIG_KEY_0: "user.name",
    GIT_CONFIG_VALUE_0: "from the count",
    GIT_CONFIG_PARAMETERS: "'user.email'='from@parameters'",
    GIT_CONFIG_GLOBAL: `${elsewhere}/global`,
    GIT_CONFIG_SYSTEM: `${elsewhere}/global`,
    GIT_CONFIG_NOSYSTEM: "0",
    GIT_CONFIG: `${elsewhere}/global`,
    GIT_AUTHOR_NAME: "from the author variable",
    GIT_EXEC_PATH: elsewhere,
    GIT_TRACE: `${elsewhere}/trace`,
    GIT_SSH_COMMAND: `touch ${elsewhere}/ssh-ran`,
    HOME: `${elsewhere}/home`,
    XDG_CONFIG_HOME: `${elsewhere}/home`,
    LC_ALL: "de_DE.UTF-8",
    LANGUAGE: "de",
  };
}

describe("git's environment", () => {
  test("holds nothing of ours: no other repository, no configuration, no trace, no language", async () => {
    const here = emptyRepository();
    const elsewhere = emptyRepository();
    const before = linesOf(git(here, "config", "--list"));
    withEnvironment(hostileEnvironment(elsewhere));
    expect((await GIT.print(["-C", here, "rev-parse", "--absolute-git-dir"])).trim()).toBe(here);
    expect(linesOf(await GIT.print(["-C", here, "config", "--list"]))).toEqual(before);
    const oid = (await GIT.print(["-C", here, "hash-object", "-w", "--", `${elsewhere}/global`])).trim();
    expect(openRepository(here).read(oid)).not.toBeNull();
    expect(openRepository(elsewhere).read(oid)).toBeNull();
    const seen = await GIT.print(["-C", here, "-c", "alias.show-environment=!env", "show-environment"]);
    expect(
      linesOf(seen).filter((line) => /elsewhere|from the|de_DE|=de$/.test(line) || line.includes(elsewhere)),
    ).toEqual([]);
    expect(await GIT.fsck(here)).toEqual([]);
    const traces = ["trace", "alias-ran", "ssh-ran", "other-index"].map((name) => `${elsewhere}/${name}`);
    expect(traces.filter((path) => existsSync(path))).toEqual([]);
  });

  test("finds git where it was found at first, whatever the PATH has become", async () => {
    const trap = program("echo trapped");
    withEnvironment({ PATH: `${trap.slice(0, -"/git".length)}${delimiter}${process.env["PATH"]}` });
    expect(await GIT.version()).toMatch(/^git version \d/);
  });

  test("is not a shell: arguments arrive as they are", async () => {
    const words = ["$(touch trapped)", "; exit 3", "a b", "'", '"', "*", "\\"];
    const printed = await new NativeGit(program('for word in "$@"; do printf "%s\\n" "$word"; done')).print(words);
    expect(linesOf(printed)).toEqual(words);
  });
});

describe("a git that does not do", () => {
  test.each([
    ["is not there", null],
    ["has gone", "/nonexistent/git"],
  ])("%s: git_missing, whatever is asked", async (_, path) => {
    const none = new NativeGit(path);
    for (const ask of [
      () => none.run(["--version"]),
      () => none.print(["--version"]),
      () => none.version(),
      () => none.fsck("/"),
    ]) {
      await expect(ask()).rejects.toMatchObject({ code: "git_missing" });
    }
  });

  test.each(["git version 2.38.9", "git version 1.99.0", "something else"])(
    "is too old (%s): git_missing",
    async (words) => {
      await expect(new NativeGit(program(`echo ${words}`)).version()).rejects.toMatchObject({ code: "git_missing" });
    },
  );

  test.each(["git version 2.39.0", "git version 2.100.1.windows.1", "git version 3.0.0"])(
    "is new enough: %s",
    async (words) => {
      expect(await new NativeGit(program(`echo ${words}`)).version()).toBe(words);
    },
  );

  test("fails: its exit code and words are data for run, an error for print", async () => {
    const failing = new NativeGit(program("echo out; echo err >&2; exit 3"));
    expect(await failing.run(["anything"])).toEqual({ code: 3, stdout: "out\n", stderr: "err\n" });
    await expect(failing.print(["anything"])).rejects.toMatchObject({ code: "git_failed", data: { code: 3 } });
  });

  test("is killed, or cannot be executed: git_failed", async () => {
    const folder = temporaryFolder();
    for (const path of [program("kill -9 $$"), folder]) {
      await expect(new NativeGit(path).run(["anything"])).rejects.toMatchObject({ code: "git_failed" });
    }
  });
});

describe("git's own check", () => {
  test("of a clean repository says nothing, dangling objects and unborn branches included", async () => {
    const { gitDir } = repositoryWithCommits(2);
    expect(await GIT.fsck(emptyRepository())).toEqual([]);
    expect(await GIT.fsck(gitDir)).toEqual([]);
  });

  test("names what is missing, torn, or wrong in a tree", async () => {
    const whole = async (damage: (gitDir: string, loose: string) => void): Promise<string[]> => {
      const gitDir = emptyRepository();
      const objects = blobs(["content"]);
      await openRepository(gitDir).apply({ objects, refs: [] });
      const [{ oid } = { oid: "" }] = objects;
      const tree = pipeGit(gitDir, ["mktree"], { input: `100644 blob ${oid}\tfile\n` })
        .toString()
        .trim();
      git(gitDir, "update-ref", "refs/heads/main", pipeGit(gitDir, ["commit-tree", tree]).toString().trim());
      damage(gitDir, `${gitDir}/objects/${oid.slice(0, 2)}/${oid.slice(2)}`);
      return GIT.fsck(gitDir);
    };
    expect(await whole(() => undefined)).toEqual([]);
    expect(await whole((_, loose) => rmSync(loose))).not.toEqual([]);
    expect(await whole((_, loose) => (rmSync(loose), writeFileSync(loose, "torn")))).not.toEqual([]);
    expect(await whole((gitDir) => writeFileSync(`${gitDir}/refs/heads/other`, `${"1".repeat(40)}\n`))).not.toEqual([]);
    const twice = Buffer.concat(
      ["a", "a"].map((name) => Buffer.concat([Buffer.from(`100644 ${name}\0`), Buffer.alloc(20, 7)])),
    );
    expect(
      await whole(
        (gitDir) =>
          void pipeGit(gitDir, ["hash-object", "-t", "tree", "-w", "--stdin", "--literally"], { input: twice }),
      ),
    ).not.toEqual([]);
  });

  test("does not call missing what a writer had just written", async () => {
    const {
      gitDir,
      commits: [head],
    } = repositoryWithCommits(1);
    const gone = `missing blob ${"1".repeat(40)}`;
    const slow = `case "$*" in *" fsck "*) echo "missing commit ${head}"; echo "${gone}"; exit 2;; esac; exec ${GIT.program} "$@"`;
    expect(await new NativeGit(program(slow)).fsck(gitDir)).toEqual([gone]);
  });

  test("of something that is no repository is not taken for clean", async () => {
    expect(await GIT.fsck(temporaryFolder())).not.toEqual([]);
  });
});
