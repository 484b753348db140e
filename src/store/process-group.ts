import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import type { Command } from "../domain/commands.ts";
import { systemCode } from "../domain/errors.ts";

/** How a process ended that was at the head of a group of its own. */
export interface GroupEnd {
  /** Null when it was ended by a signal, or never began. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why it was stopped, in the words of whoever did; null when it ended by itself. */
  readonly stopped: string | null;
  /** Something that it left behind keeps its output open: not all of it was read. */
  readonly leftOpen: boolean;
  /** Null when it was started. */
  readonly notStarted: NotStarted | null;
}

/** Why a process could not be started. */
export interface NotStarted {
  readonly words: string;
  /** This machine had not what it takes: the command is not to blame. */
  readonly isLack: boolean;
}

/** What is done with a process while it runs. */
export interface GroupWatch {
  /** Its standard input, which it need not read. */
  readonly input: string;
  readonly seconds: number;
  /** How long (ms) the group has to end between SIGTERM and SIGKILL. */
  readonly graceMs: number;
  readonly onOutput: (from: "stdout" | "stderr", bytes: Buffer) => void;
  readonly onEnd: (end: GroupEnd) => void;
}

/** How long (ms) is waited for what should come at once: the end of a killed process, and of the output of one that has ended. */
const LAST_MS = 1000;

/** Process groups that are alive. */
const groups = new Set<number>();

/** Ends a whole process group; one that is gone already is fine. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (systemCode(error) !== "ESRCH" && systemCode(error) !== "EPERM") throw error;
  }
}

/** Ends all groups at once. They are no part of this process's own group, so nothing else would end them with it. */
export function killGroups(): void {
  for (const pid of groups) signalGroup(pid, "SIGKILL");
}

function remember(pid: number): void {
  if (groups.size === 0) process.on("exit", killGroups);
  groups.add(pid);
}

function forget(pid: number): void {
  if (groups.delete(pid) && groups.size === 0) process.off("exit", killGroups);
}

const NOT_STARTED = { code: null, signal: null, stopped: null, leftOpen: false } as const;

/** What the system says when it has no more processes, open files or memory to give. */
const LACKING = new Set(["EAGAIN", "EMFILE", "ENFILE", "ENOMEM"]);

function whyNotStarted({ name, argv: [program], cwd }: Command, error: unknown): NotStarted {
  const code = systemCode(error) ?? "";
  const known: Readonly<Record<string, string>> = {
    ENOENT: existsSync(cwd) ? `there is no program ${program}` : `there is no folder ${cwd}`,
    EACCES: `${program} may not be run`,
  };
  const words = `the command ${name} runs ${program}, and ${known[code] ?? String(error)}`;
  return { words, isLack: LACKING.has(code) };
}

/**
 * A process without a shell, at the head of a group of its own. The group is ended whole: on a time-out or when told to by
 * SIGTERM, then SIGKILL; what the process leaves running when it ends itself, at once.
 */
export class ProcessGroup {
  /** Null when it could not be started. */
  readonly pid: number | null;
  readonly #watch: GroupWatch;
  readonly #silence: () => void;
  #stopped: string | null = null;
  #code: number | null = null;
  #signal: NodeJS.Signals | null = null;
  #leftOpen = false;
  #ended = false;
  #settled = false;
  #timer: NodeJS.Timeout | undefined;

  private constructor(pid: number | null, watch: GroupWatch, silence: () => void) {
    this.pid = pid;
    this.#watch = watch;
    this.#silence = silence;
  }

  /** Starts a command; `onEnd` is called once, also when it cannot be started. */
  static start(command: Command, watch: GroupWatch): ProcessGroup {
    const [program, ...args] = command.argv;
    const { cwd, env } = command;
    const notStarted = (error: unknown): void =>
      watch.onEnd({ ...NOT_STARTED, notStarted: whyNotStarted(command, error) });
    try {
      const child = spawn(program, args, { cwd, env, detached: true, shell: false, windowsHide: true });
      child.on("error", (error) => {
        if (child.pid === undefined) notStarted(error);
      });
      const { pid, stdin, stdout, stderr } = child;
      // Without a process there may be no streams, either.
      if (pid === undefined || stdin === null || stdout === null || stderr === null)
        return new ProcessGroup(null, watch, () => undefined);
      const group = new ProcessGroup(pid, watch, () => {
        stdout.destroy();
        stderr.destroy();
      });
      remember(pid);
      // Where nobody looked for a while, it may have ended long ago: that is heard of before what is called next.
      const isOver = (): void => group.stop(`took longer than ${watch.seconds} s`);
      group.#wait(watch.seconds * 1000, () => setImmediate(isOver));
      stdout.on("data", (bytes: Buffer) => watch.onOutput("stdout", bytes));
      stderr.on("data", (bytes: Buffer) => watch.onOutput("stderr", bytes));
      // It need not read what it is given: how it ends and what it writes count.
      for (const stream of [stdin, stdout, stderr]) stream.on("error", () => undefined);
      child.on("exit", (code, signal) => {
        stdin.destroy();
        group.#exited(code, signal);
      });
      child.on("close", () => group.#settle());
      stdin.end(watch.input);
      return group;
    } catch (error) {
      notStarted(error);
      return new ProcessGroup(null, watch, () => undefined);
    }
  }

  /**
   * Ends the whole group, and settles even if the system does not let it end. The first reason counts; one that comes when
   * the process has ended does not, as only the rest of its output is awaited.
   */
  stop(reason: string): void {
    if (this.#stopped !== null || this.pid === null || this.#ended || this.#settled) return;
    this.#stopped = reason;
    const { pid } = this;
    signalGroup(pid, "SIGTERM");
    this.#wait(this.#watch.graceMs, () => {
      signalGroup(pid, "SIGKILL");
      this.#wait(LAST_MS, () => this.#settle());
    });
  }

  /** Reads no more of what the group writes. */
  silence(): void {
    this.#silence();
  }

  #wait(ms: number, then: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(then, ms);
  }

  /** The process itself ended. What is left of its group has nobody to report to; only the end of the output tells that all of it was read. */
  #exited(code: number | null, signal: NodeJS.Signals | null): void {
    [this.#ended, this.#code, this.#signal] = [true, code, signal];
    if (this.pid !== null) {
      signalGroup(this.pid, "SIGKILL");
      forget(this.pid);
    }
    this.#wait(LAST_MS, () => {
      this.#leftOpen = true;
      this.#settle();
    });
  }

  #settle(): void {
    if (this.#settled) return;
    this.#settled = true;
    clearTimeout(this.#timer);
    this.#silence();
    if (this.pid !== null) forget(this.pid);
    this.#watch.onEnd({
      code: this.#code,
      signal: this.#signal,
      stopped: this.#stopped,
      leftOpen: this.#leftOpen,
      notStarted: null,
    });
  }
}
