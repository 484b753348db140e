import type { Command } from "../domain/commands.ts";
import { helperBeside, HelperProcess } from "./helper-process.ts";
import type { CommandEnd, CommandLimits, CommandReport, CommandRequest } from "./run-command.ts";

/** Runs commands from a small process of their own, which ends with this one, and they with it. */
export class CommandRunner {
  readonly #helper = new HelperProcess<CommandRequest, CommandReport>(
    helperBeside(import.meta.url, "command-helper"),
    (report) => this.#answer(report),
    (why) => this.#giveUp(why),
  );
  readonly #waiting = new Map<number, (end: CommandEnd) => void>();
  #asked = 0;

  /** Starts the process that runs commands. */
  start(): void {
    this.#helper.start();
  }

  /** Runs a command as `runCommand` does. Never rejects. */
  async run(command: Command, input: string, limits: CommandLimits): Promise<CommandEnd> {
    const number = this.#asked++;
    return new Promise((resolve) => {
      this.#waiting.set(number, resolve);
      this.#helper.send({ number, command, input, limits }, (error) => this.#answer({ number, end: notRun(error) }));
    });
  }

  #giveUp(why: unknown): void {
    for (const number of this.#waiting.keys()) this.#answer({ number, end: notRun(why) });
  }

  #answer({ number, end }: CommandReport): void {
    this.#waiting.get(number)?.(end);
    this.#waiting.delete(number);
    if (this.#waiting.size === 0) this.#helper.rest();
  }

  /** Ends the process that runs commands, and what it runs. */
  async close(): Promise<void> {
    await this.#helper.close();
    this.#giveUp("the repository is being closed");
  }
}

function notRun(why: unknown): CommandEnd {
  return { failure: "could not be run", said: String(why) };
}
