import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Command } from "../../src/domain/commands.ts";
import { type CommandEnd, runCommand } from "../../src/store/run-command.ts";
import { nodeCommand, shellCommand } from "../support/commands.ts";
import { temporaryFolder } from "../support/folders.ts";
import { isAlive, pidIn, soon } from "../support/processes.ts";

async function run(
  command: Command,
  input = "",
  limits: { seconds?: number; outputBytes?: number } = {},
): Promise<CommandEnd> {
  return runCommand(command, input, { seconds: 20, outputBytes: 100_000, ...limits });
}

/** What a command that ended well wrote. */
function written(end: CommandEnd): string {
  return "output" in end ? end.output.toString("utf8") : `FAILED: ${end.failure}`;
}

describe("a command", () => {
  test("reads its input and is read to the end", async () => {
    const input = "x".repeat(3_000_000);
    expect(written(await run(shellCommand("c", "wc -c"), input)).trim()).toBe("3000000");
    const large = await run(shellCommand("c", "head -c 3000000 /dev/zero"), "", { outputBytes: 3_000_000 });
    expect("output" in large && large.output.length).toBe(3_000_000);
  });

  test("has the environment that it is given and nothing of ours, no shell, and a folder", async () => {
    process.env["RUNTREE_SECRET"] = "secret";
    const command = shellCommand("c", 'pwd; env | sort; echo "$1"', { env: { PATH: "/usr/bin:/bin", UNITS: "si" } });
    const end = await run({ ...command, argv: ["./script", "$(touch shell); `touch shell`"] });
    delete process.env["RUNTREE_SECRET"];
    const lines = written(end)
      .split("\n")
      .filter((line) => !/^(PWD|OLDPWD|SHLVL|_)=/.test(line));
    expect(lines).toEqual([command.cwd, "PATH=/usr/bin:/bin", "UNITS=si", "$(touch shell); `touch shell`", ""]);
    expect(existsSync(`${command.cwd}/shell`)).toBe(false);
  });

  test("need not read what it is given", async () => {
    const input = "x".repeat(5_000_000);
    expect(written(await run(shellCommand("c", "echo well"), input))).toBe("well\n");
    expect(written(await run(shellCommand("c", "exec <&-; sleep 0.2; echo well"), input))).toBe("well\n");
  });

  test.each([
    ["exit 3", "ended with exit code 3"],
    ["kill -9 $$", "was ended by SIGKILL"],
    ["echo some; exit 1", "ended with exit code 1"],
  ])("that does `%s` has failed, whatever it wrote", async (script, failure) => {
    expect(await run(shellCommand("c", script))).toEqual({ failure, said: "" });
  });

  test("is heard when it says why", async () => {
    const end = await run(
      shellCommand("c", "head -c 90000 /dev/zero | tr '\\0' x >&2; echo 'no units here' >&2; exit 1"),
    );
    expect(end).toMatchObject({
      failure: "ended with exit code 1",
      said: expect.stringMatching(/xno units here\n$/),
    });
    expect("said" in end && end.said.length).toBe(2000);
  });

  test.each([
    ["a program that is not there", { argv: ["no-such-program"] as const }],
    ["a folder that is not there", { cwd: "/nonexistent" }],
    ["a file that is no program", { argv: ["/etc/passwd"] as const }],
    ["more arguments than the system takes", { argv: ["true", "x".repeat(3_000_000)] as const }],
  ])("cannot be started with %s", async (_, more) => {
    const end = await run(shellCommand("c", "true", more));
    expect(end).toMatchObject({ failure: "could not be started", said: expect.stringMatching(/./) });
  });
});

describe("a command that will not end", () => {
  test("is told to, and takes its group with it", async () => {
    const command = shellCommand("c", "sleep 1000 & echo $! > child; echo $$ > self; wait");
    const end = await run(command, "", { seconds: 0.5 });
    expect(end).toEqual({ failure: "took longer than 0.5 s", said: "" });
    await soon(() => ["self", "child"].some((name) => isAlive(pidIn(`${command.cwd}/${name}`)))).toBe(false);
  });

  test("is killed with its group when it does not listen", async () => {
    const script =
      "trap '' TERM; (trap '' TERM; while :; do sleep 0.1; done) & echo $! > child; echo $$ > self; while :; do sleep 0.1; done";
    const command = shellCommand("c", script);
    const began = performance.now();
    expect(await run(command, "", { seconds: 0.3 })).toMatchObject({ failure: "took longer than 0.3 s" });
    expect(performance.now() - began).toBeGreaterThan(2000);
    await soon(() => ["self", "child"].some((name) => isAlive(pidIn(`${command.cwd}/${name}`)))).toBe(false);
  });

  test.each([
    ["its output", "exec yes"],
    ["its error output", "exec yes >&2"],
    ["its output, and does not listen", "trap '' TERM PIPE; while :; do yes; done"],
  ])("filling %s is ended at the bound", async (_, script) => {
    const command = shellCommand("c", `echo $$ > self; ${script}`);
    expect(await run(command)).toMatchObject({ failure: "wrote more than 100000 bytes" });
    await soon(() => isAlive(pidIn(`${command.cwd}/self`))).toBe(false);
  });

  test("that ended does not count where a child of it fills its output beyond the bound", async () => {
    const command = shellCommand("c", "setsid sh -c 'sleep 0.2; head -c 200000 /dev/zero' & sleep 0.1");
    expect(await run(command)).toMatchObject({ failure: "wrote more than 100000 bytes" });
  });
});

describe("what a command leaves behind", () => {
  test("in its group is ended with it, and what was written counts", async () => {
    const command = shellCommand("c", "(trap '' TERM HUP; sleep 1000) & echo $! > child; echo well");
    expect(written(await run(command))).toBe("well\n");
    await soon(() => isAlive(pidIn(`${command.cwd}/child`))).toBe(false);
  });

  test("outside of its group with its output open means that nobody knows what it would have said", async () => {
    const script = `
      const stay = { detached: true, stdio: "inherit" };
      const child = require("node:child_process").spawn("sleep", ["30"], stay);
      fs.writeFileSync("child", String(child.pid));
      child.unref();
      console.log("well");
    `;
    const command = nodeCommand("c", script, { env: { PATH: process.env["PATH"] ?? "" } });
    const end = await run(command);
    process.kill(pidIn(`${command.cwd}/child`), "SIGKILL");
    expect(end).toMatchObject({ failure: "ended, but left a process behind that keeps its output open" });
  });

  test("outside of its group on its own is left alone", async () => {
    const script = `
      const child = require("node:child_process").spawn("sleep", ["30"], { detached: true, stdio: "ignore" });
      fs.writeFileSync("child", String(child.pid));
      child.unref();
      console.log("well");
    `;
    const command = nodeCommand("c", script, { env: { PATH: process.env["PATH"] ?? "" } });
    expect(written(await run(command))).toBe("well\n");
    const pid = pidIn(`${command.cwd}/child`);
    expect(isAlive(pid)).toBe(true);
    process.kill(pid, "SIGKILL");
  });
});

test("no more is listened for when commands have ended", async () => {
  const before = process.listenerCount("exit");
  await Promise.all(Array.from({ length: 20 }, async () => run(shellCommand("c", "cat"), temporaryFolder())));
  expect(process.listenerCount("exit")).toBe(before);
});
