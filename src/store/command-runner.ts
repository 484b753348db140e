import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { Command } from "../domain/commands.ts";
import type { CommandEnd, CommandLimits, CommandRequest, CommandReport } from "./run-command.ts";

/** In a source tree the helper runs from the build, as Node 20 cannot run TypeScript. */
const HELPER = new URL(
  import.meta.url.endsWith(".ts") ? "../../dist/store/command-helper.js" : "./command-helper.js",
  import.meta.url,
);

/**
 * Runs commands from a small process of their own: to begin one stops the process that does it for as long as its memory
 * is large, and what it began outlives it. That process is started when it is first needed, and again should it end.
 */
export class CommandRunner {
  #helper: ChildProcess | null = null;
  readonly #waiting = new Map<number, (end: CommandEnd) => void>();
  #asked = 0;

  /** Starts the process that runs commands, which takes the longer the more memory this one has. */
  start(): void {
    this.#helper ??= this.#begin();
  }

  /** Runs a command as `runCommand` does. Never rejects. */
  async run(command: Command, input: string, limits: CommandLimits): Promise<CommandEnd> {
    const helper = (this.#helper ??= this.#begin());
    const number = this.#asked++;
    const request: CommandRequest = { number, command, input, limits };
    return new Promise((resolve) => {
      this.#waiting.set(number, resolve);
      helper.ref();
      helper.channel?.ref();
      helper.send(request, (error) => {
        if (error !== null) this.#answer({ number, end: notRun(error) });
      });
    });
  }

  #begin(): ChildProcess {
    const helper = fork(HELPER, {
      execArgv: [],
      env: {},
      serialization: "advanced",
      stdio: ["ignore", "ignore", "ignore", "ipc"],
      detached: true,
    });
    const onEnd = (why: unknown): void => {
      if (helper !== this.#helper) return;
      this.#helper = null;
      this.#giveUp(why);
    };
    helper.on("error", onEnd).on("exit", () => onEnd("the process that runs commands ended"));
    helper.on("message", (report) => this.#answer(report as CommandReport));
    this.#rest(helper);
    return helper;
  }

  #giveUp(why: unknown): void {
    for (const number of this.#waiting.keys()) this.#answer({ number, end: notRun(why) });
  }

  #answer({ number, end }: CommandReport): void {
    this.#waiting.get(number)?.(end);
    this.#waiting.delete(number);
    if (this.#waiting.size === 0 && this.#helper !== null) this.#rest(this.#helper);
  }

  /** While it has nothing to do, the helper keeps no process from ending. */
  #rest(helper: ChildProcess): void {
    helper.unref();
    helper.channel?.unref();
  }

  /** Ends the process that runs commands, and what it runs. */
  async close(): Promise<void> {
    const helper = this.#helper;
    this.#helper = null;
    if (helper === null || helper.exitCode !== null || !helper.connected) return;
    const ended = once(helper, "exit");
    helper.ref();
    helper.disconnect();
    await ended;
    this.#giveUp("the repository is being closed");
  }
}

function notRun(why: unknown): CommandEnd {
  return { failure: "could not be run", said: String(why) };
}
