import { type ChildProcess, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import type { Command } from "../domain/commands.ts";
import { systemCode } from "../domain/errors.ts";

/** How a command ended: with its whole output; or why that does not count, and what it or the system said last. */
export type CommandEnd = { readonly output: Buffer } | { readonly failure: string; readonly said: string };

/** What a command may take. */
export interface CommandLimits {
  readonly seconds: number;
  /** Bytes of standard output, and as many of standard error. */
  readonly outputBytes: number;
}

/** A command to be run by another process. */
export interface CommandRequest {
  readonly number: number;
  readonly command: Command;
  readonly input: string;
  readonly limits: CommandLimits;
}

/** How it ended there. */
export interface CommandReport {
  readonly number: number;
  readonly end: CommandEnd;
}

/** How long (ms) a process group has to end between SIGTERM and SIGKILL. */
const GRACE_MS = 2000;

/** How long (ms) is waited for what should come at once: the end of a killed process, and of the output of one that has ended. */
const LAST_MS = 1000;

/** How much of standard error is kept, in bytes. */
const SAID_BYTES = 2000;

/** Process groups that are alive. */
const groups = new Set<number>();

/** Ends a whole process group; one that is gone already is fine. */
function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (systemCode(error) !== "ESRCH" && systemCode(error) !== "EPERM") throw error;
  }
}

/** They are no part of this process's own group, so nothing else would end them with it. */
function endGroups(): void {
  for (const pid of groups) signalGroup(pid, "SIGKILL");
}

function remember(pid: number): void {
  if (groups.size === 0) process.on("exit", endGroups);
  groups.add(pid);
}

function forget(pid: number): void {
  if (groups.delete(pid) && groups.size === 0) process.off("exit", endGroups);
}

function notStarted(command: Command, error: unknown): CommandEnd {
  const said =
    systemCode(error) === "ENOENT"
      ? `there is no program ${command.argv[0]}, or no folder ${command.cwd}`
      : String(error);
  return { failure: "could not be started", said };
}

/**
 * Runs a command without a shell, in a process group of its own, with this text as its standard input, which it need not
 * read. The group is ended whole: on a time-out or too much output by SIGTERM, then SIGKILL; what the command leaves
 * running when it ends itself, at once. Never rejects.
 */
export async function runCommand(command: Command, input: string, limits: CommandLimits): Promise<CommandEnd> {
  const [program, ...args] = command.argv;
  const { cwd, env } = command;
  let child: ChildProcess;
  try {
    child = spawn(program, args, { cwd, env, detached: true, shell: false, windowsHide: true });
  } catch (error) {
    return notStarted(command, error);
  }
  return new Promise((resolve) => {
    child.on("error", (error) => resolve(notStarted(command, error)));
    const { pid, stdin, stdout, stderr } = child;
    // Without a process there may be no streams, either.
    if (pid === undefined || stdin === null || stdout === null || stderr === null) return;
    const running = new RunningCommand({ pid, stdin, stdout, stderr }, limits, resolve);
    child.on("exit", () => running.exited());
    child.on("close", (code, signal) => running.closed(code, signal));
    stdin.end(input);
  });
}

/** A process that began, and its ends of the pipes. */
interface Started {
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
}

/** A command at work: what it said so far, and why it is being ended if it is. */
class RunningCommand {
  readonly #process: Started;
  readonly #limits: CommandLimits;
  readonly #resolve: (end: CommandEnd) => void;
  readonly #output: Buffer[] = [];
  #said: Buffer = Buffer.alloc(0);
  #failure: string | null = null;
  #ended = false;
  #timer: NodeJS.Timeout;

  constructor(process: Started, limits: CommandLimits, resolve: (end: CommandEnd) => void) {
    this.#process = process;
    this.#limits = limits;
    this.#resolve = resolve;
    remember(process.pid);
    this.#timer = setTimeout(() => this.#stop(`took longer than ${limits.seconds} s`), limits.seconds * 1000);
    const { stdin, stdout, stderr } = process;
    let [told, complained] = [0, 0];
    stdout.on("data", (bytes: Buffer) => {
      told += bytes.length;
      this.#output.push(bytes);
      if (told > limits.outputBytes) this.#tooMuch();
    });
    stderr.on("data", (bytes: Buffer) => {
      complained += bytes.length;
      this.#said = Buffer.concat([this.#said, bytes]).subarray(-SAID_BYTES);
      if (complained > limits.outputBytes) this.#tooMuch();
    });
    // A command need not read what it is given: how it ends and what it writes count.
    for (const stream of [stdin, stdout, stderr]) stream.on("error", () => undefined);
  }

  #tooMuch(): void {
    this.#stop(`wrote more than ${this.#limits.outputBytes} bytes`);
    this.#process.stdout.destroy();
    this.#process.stderr.destroy();
  }

  #wait(ms: number, then: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(then, ms);
  }

  /** Ends the whole group, and settles even if the system does not let it end. */
  #stop(failure: string): void {
    if (this.#failure !== null) return;
    this.#failure = failure;
    // Of a command that has ended only the rest of its output is awaited; its number may be another's by now.
    if (this.#ended) return;
    signalGroup(this.#process.pid, "SIGTERM");
    this.#wait(GRACE_MS, () => {
      signalGroup(this.#process.pid, "SIGKILL");
      this.#wait(LAST_MS, () => this.#settle());
    });
  }

  /** The command itself ended. What is left of its group has nobody to report to; only the end of the output tells that all of it was read. */
  exited(): void {
    this.#ended = true;
    signalGroup(this.#process.pid, "SIGKILL");
    forget(this.#process.pid);
    this.#process.stdin.destroy();
    this.#wait(LAST_MS, () => {
      this.#failure ??= "ended, but left a process behind that keeps its output open";
      this.#settle();
    });
  }

  /** The command ended, and so did its output. */
  closed(code: number | null, signal: NodeJS.Signals | null): void {
    if (code !== 0) this.#failure ??= signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
    this.#settle();
  }

  #settle(): void {
    clearTimeout(this.#timer);
    this.#process.stdout.destroy();
    this.#process.stderr.destroy();
    forget(this.#process.pid);
    if (this.#failure === null) this.#resolve({ output: Buffer.concat(this.#output) });
    else this.#resolve({ failure: this.#failure, said: this.#said.toString("utf8") });
  }
}
