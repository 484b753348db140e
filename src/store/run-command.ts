import type { Command } from "../domain/commands.ts";
import { type GroupEnd, ProcessGroup } from "./process-group.ts";

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

/** How much of standard error is kept, in bytes. */
const SAID_BYTES = 2000;

/**
 * Runs a command without a shell, in a process group of its own, with this text as its standard input, which it need not
 * read, and keeps what it writes. The group is ended whole, also on too much output. Never rejects.
 */
export async function runCommand(command: Command, input: string, limits: CommandLimits): Promise<CommandEnd> {
  const output: Buffer[] = [];
  let said: Buffer = Buffer.alloc(0);
  const written = { stdout: 0, stderr: 0 };
  let excess: string | null = null;
  return new Promise((resolve) => {
    const group = ProcessGroup.start(command, {
      input,
      seconds: limits.seconds,
      graceMs: GRACE_MS,
      onOutput: (from, bytes) => {
        if (from === "stdout") output.push(bytes);
        else said = Buffer.concat([said, bytes]).subarray(-SAID_BYTES);
        written[from] += bytes.length;
        if (written[from] <= limits.outputBytes) return;
        excess ??= `wrote more than ${limits.outputBytes} bytes`;
        group.stop(excess);
        group.silence();
      },
      onEnd: (end) => {
        // It may have been over before it was stopped for that.
        const failure = end.stopped ?? excess ?? failureOf(end);
        if (end.notStarted !== null) resolve({ failure: "could not be started", said: end.notStarted.words });
        else if (failure === null) resolve({ output: Buffer.concat(output) });
        else resolve({ failure, said: said.toString("utf8") });
      },
    });
  });
}

function failureOf({ code, signal, leftOpen }: GroupEnd): string | null {
  if (leftOpen) return "ended, but left a process behind that keeps its output open";
  if (code === 0) return null;
  return signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
}
