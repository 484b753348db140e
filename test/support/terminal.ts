import { createInterface } from "node:readline";
import { expect } from "vitest";
import { type Command, type Ended, runtree, startProgram } from "./program.ts";

/** The command line, for tests that say again and again where it works. */
export interface Terminal {
  /** Runs a command that goes well and says nothing besides, and returns what it prints. */
  text(...args: string[]): Promise<string>;
  /** The same with --json, read. */
  // The tests look into answers of every shape.
  // oxlint-disable-next-line typescript/no-explicit-any
  json(...args: string[]): Promise<any>;
  /** Runs a command that is refused, and returns its exit code and the code of its error. */
  refusal(...args: string[]): Promise<[exit: number | null, code: string]>;
  /** Runs a command to its end, however that is. */
  run(...args: string[]): Promise<Ended>;
  /** Starts a command that goes on. */
  start(...args: string[]): Followed;
}

/** A command at work, and the lines that it printed so far. */
export interface Followed extends Command {
  readonly lines: readonly string[];
  /** Resolves when there is a line that fits. */
  until(fits: (line: string) => boolean): Promise<void>;
}

function followed(command: Command): Followed {
  const lines: string[] = [];
  let look = (): void => undefined;
  createInterface({ input: command.process.stdout as NodeJS.ReadableStream }).on("line", (line) => {
    lines.push(line);
    look();
  });
  const until = async (fits: (line: string) => boolean): Promise<void> =>
    new Promise((resolve, reject) => {
      look = () => (lines.some(fits) ? resolve() : undefined);
      look();
      void command.ended.then(({ err }) => reject(new Error(`it ended before: ${lines.join("\n")}\n${err}`)));
    });
  return { ...command, lines, until };
}

/** The command line over a server (`--url`) or a data directory (`--data`). */
export function terminal(...target: readonly string[]): Terminal {
  const run = async (...args: string[]): Promise<Ended> => runtree([...args, ...target]);
  const text = async (...args: string[]): Promise<string> => {
    const { code, out, err } = await run(...args);
    expect([args, code, err]).toEqual([args, 0, ""]);
    return out;
  };
  return {
    run,
    text,
    json: async (...args) => JSON.parse(await text(...args, "--json")) as unknown,
    refusal: async (...args) => {
      const { code, out, err } = await run(...args, "--json");
      expect([args, out]).toEqual([args, ""]);
      return [code, (JSON.parse(err) as { error: { code: string } }).error.code];
    },
    start: (...args) => followed(startProgram([...args, ...target])),
  };
}
