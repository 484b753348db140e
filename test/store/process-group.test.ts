import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { type GroupEnd, ProcessGroup } from "../../src/store/process-group.ts";
import { shellCommand } from "../support/commands.ts";
import { endWithTest, soon } from "../support/processes.ts";

interface Begun {
  readonly group: ProcessGroup;
  readonly ended: Promise<GroupEnd>;
  readonly cwd: string;
}

/** Starts a script of sh at the head of a group. */
function begin(script: string, seconds: number): Begun {
  const command = shellCommand("c", script);
  let onEnd: (end: GroupEnd) => void = () => undefined;
  const ended = new Promise<GroupEnd>((resolve) => (onEnd = resolve));
  const watch = { input: "", seconds, graceMs: 1000, onOutput: () => undefined, onEnd: (end: GroupEnd) => onEnd(end) };
  return { group: ProcessGroup.start(command, watch), ended, cwd: command.cwd };
}

const BY_ITSELF = { code: 0, signal: null, stopped: null };

test("what is told to end when it has ended did not end because of that", async () => {
  const { group, ended, cwd } = begin("setsid sleep 600 & echo $! >child; sleep 0.1", 20);
  endWithTest(`${cwd}/child`);
  // Its child keeps the output open.
  await soon(() => existsSync(`/proc/${group.pid}`)).toBe(false);
  group.stop("was told to");
  expect(await ended).toMatchObject({ ...BY_ITSELF, leftOpen: true });
});

test("what ended in time did not take too long, however long nobody looked", async () => {
  const { ended } = begin("exit 0", 0.2);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
  expect(await ended).toMatchObject(BY_ITSELF);
});
