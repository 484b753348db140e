import { execFileSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { findProgram } from "../../src/config.ts";
import { temporaryFolder } from "../support/folders.ts";
import { runtree } from "../support/program.ts";

const PROGRAM = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** A folder to put on the PATH, with the program in it under its own name. */
function folderWithProgram(): string {
  const folder = temporaryFolder();
  writeFileSync(`${folder}/runtree`, `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`);
  chmodSync(`${folder}/runtree`, 0o755);
  return folder;
}

/** What a real bash offers for the last of some words, by the script that the program prints. */
function offeredBy(words: readonly string[], shell: string): string[] {
  const script = [
    "source <(runtree completion bash)",
    'complete -p runtree | grep -q -- "-F _runtree runtree" || exit 9',
    'COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))',
    "_runtree",
    'printf "%s\\n" "${COMPREPLY[@]}"',
  ];
  const env = { PATH: `${folderWithProgram()}:${process.env["PATH"]}`, SHELL: shell };
  const out = execFileSync("bash", ["--norc", "-c", script.join("\n"), "bash", ...words], { env, encoding: "utf8" });
  return out.split("\n").filter((line) => line !== "");
}

describe("completion", () => {
  test.each<[string, readonly string[], readonly string[]]>([
    ["commands", ["st"], ["status"]],
    ["commands of a group", ["run", "s"], ["start", "submit", "show"]],
    ["flags", ["run", "start", "--bo"], ["--body"]],
    ["flags but for those that are there", ["log", "--json", "--f"], ["--follow"]],
    ["words that a flag may have", ["run", "list", "--status", "wa"], ["waiting"]],
    ["words that an argument may have", ["completion", "b"], ["bash"]],
    ["nothing where a file is wanted, so that bash offers files", ["validate", ""], []],
    ["nothing for what is no word of ours", ["$(touch /tmp/x)"], []],
  ])("bash offers %s", (_, words, offered) => {
    for (const shell of ["/bin/bash", "/bin/zsh"]) expect(offeredBy(["runtree", ...words], shell)).toEqual(offered);
  });

  test("prints the script of the shell that is asked for, or of one's own", async () => {
    const zsh = (await runtree(["completion", "zsh"])).out;
    expect(zsh).toMatch(/^#compdef runtree\n/);
    const program = findProgram("zsh");
    if (program !== null) execFileSync(program, ["-n"], { input: zsh });
    expect((await runtree(["completion"], { env: { SHELL: "/usr/bin/zsh" } })).out).toBe(zsh);
    const bash = (await runtree(["completion"])).out;
    expect(bash).toContain("complete -o bashdefault -o default -F _runtree runtree\n");
    expect(JSON.parse((await runtree(["completion", "--json"])).out)).toEqual({ shell: "bash", script: bash });
    const refused = await runtree(["completion", "fish"]);
    expect([refused.code, refused.err]).toEqual([2, expect.stringContaining('<shell> cannot be "fish"')]);
  });
});
