import { readdirSync, readFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import type { Command } from "../../src/domain/commands.ts";
import { CommandRunner } from "../../src/store/command-runner.ts";
import type { CommandEnd } from "../../src/store/run-command.ts";
import { shellCommand } from "../support/commands.ts";
import { isAlive, pidIn, soon } from "../support/processes.ts";

function runner(): { runner: CommandRunner; run(command: Command, input?: string): Promise<CommandEnd> } {
  const runner = new CommandRunner();
  onTestFinished(() => runner.close());
  const limits = { seconds: 20, outputBytes: 10_000_000 };
  return { runner, run: (command, input = "") => runner.run(command, input, limits) };
}

function written(end: CommandEnd): string {
  return "output" in end ? Buffer.from(end.output).toString("utf8") : `FAILED: ${end.failure}`;
}

/** The processes that a process started. */
function childrenOf(pid: number): number[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "latin1");
      return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1] === String(pid) ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

/** The process that runs a command, which wrote its own number. */
function helperOf(command: Command): number {
  const status = readFileSync(`/proc/${pidIn(`${command.cwd}/self`)}/status`, "utf8");
  return Number(/^PPid:\t(\d+)/m.exec(status)?.[1]);
}

const waits = (): Command => shellCommand("waits", "echo $$ > self; sleep 1000");

async function atWork(command: Command): Promise<void> {
  await soon(() => pidIn(`${command.cwd}/self`)).toBeGreaterThan(0);
}

test("runs commands side by side, each with its own input, whatever it is", async () => {
  const { run } = runner();
  const inputs = ["", "a\n", "ä\u{1f600}\0", "x".repeat(5_000_000)];
  const ends = await Promise.all(inputs.map(async (input) => run(shellCommand("cat", "cat"), input)));
  expect(ends.map(written)).toEqual(inputs);
  expect(await run(shellCommand("fails", "echo why >&2; exit 4"))).toEqual({
    failure: "ended with exit code 4",
    said: "why\n",
  });
});

test("has one process for all of them, with nothing in its environment", async () => {
  const { run } = runner();
  const [one, other] = [waits(), waits()];
  void run(one);
  void run(other);
  await Promise.all([atWork(one), atWork(other)]);
  expect(helperOf(one)).toBe(helperOf(other));
  expect(readFileSync(`/proc/${helperOf(one)}/environ`, "utf8")).not.toContain("PATH=");
});

test("tells of commands that were under way when that process died, and starts another", async () => {
  const { run } = runner();
  const command = waits();
  const end = run(command);
  await atWork(command);
  process.kill(helperOf(command), "SIGKILL");
  expect(await end).toEqual({ failure: "could not be run", said: "the process that runs commands ended" });
  process.kill(pidIn(`${command.cwd}/self`), "SIGKILL");
  expect(written(await run(shellCommand("well", "echo well")))).toBe("well\n");
});

test("that process heeds no signal that is meant for all", async () => {
  const { run } = runner();
  const command = waits();
  void run(command);
  await atWork(command);
  const helper = helperOf(command);
  for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"]) process.kill(helper, signal);
  expect(written(await run(shellCommand("well", "echo well")))).toBe("well\n");
  expect(isAlive(helper)).toBe(true);
});

test("is closed with its process and its commands", async () => {
  const { runner: closing, run } = runner();
  const command = waits();
  const end = run(command);
  await atWork(command);
  const [helper, pid] = [helperOf(command), pidIn(`${command.cwd}/self`)];
  await closing.close();
  expect(await end).toMatchObject({ failure: "could not be run" });
  expect([isAlive(helper), childrenOf(process.pid).includes(helper)]).toEqual([false, false]);
  await soon(() => isAlive(pid)).toBe(false);
  await closing.close();
});
