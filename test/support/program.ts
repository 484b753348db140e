import { type ChildProcess, execFile } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { findProgram } from "../../src/config.ts";
import { temporaryFolder } from "./folders.ts";

const PROGRAM = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** A command that has ended; the code is null when a signal ended it. */
export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A command at work. */
export interface Command {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
}

/** Starts a command of the built program, ended with the test at the latest. */
export function startProgram(
  args: readonly string[],
  path: string = process.env["PATH"] ?? "",
  env: Readonly<Record<string, string>> = {},
): Command {
  let end: (ended: Ended) => void;
  const ended = new Promise<Ended>((resolve) => (end = resolve));
  const child = execFile(process.execPath, [PROGRAM, ...args], { env: { PATH: path, ...env } }, (_, out, err) =>
    end({ code: child.exitCode, out, err }),
  );
  onTestFinished(() => void child.kill("SIGKILL"));
  return { process: child, ended };
}

/** Runs a command of the built program to its end, in an environment of its own. */
export async function runtree(
  args: readonly string[],
  options: { readonly env?: Readonly<Record<string, string>>; readonly input?: string; readonly cwd?: string } = {},
): Promise<Ended> {
  return new Promise((resolve) => {
    const env = { PATH: process.env["PATH"] ?? "", ...options.env };
    const child = execFile(process.execPath, [PROGRAM, ...args], { env, cwd: options.cwd }, (_, out, err) =>
      resolve({ code: child.exitCode, out, err }),
    );
    child.stdin?.end(options.input ?? "");
  });
}

/** A folder of programs whose git stops at `repack`: it says so by a file `waiting`, and goes on when there is a file `go`, or with the folder's end. */
export function gitThatWaits(): { readonly folder: string; readonly path: string } {
  const folder = temporaryFolder();
  const script = [
    "#!/bin/sh",
    `case "$*" in *" repack "*) echo $$ > ${folder}/waiting; while test -e ${folder}/waiting -a ! -e ${folder}/go; do sleep 0.05; done ;; esac`,
    `exec ${findProgram("git")} "$@"`,
  ];
  writeFileSync(`${folder}/git`, `${script.join("\n")}\n`);
  chmodSync(`${folder}/git`, 0o755);
  return { folder, path: `${folder}:${process.env["PATH"] ?? ""}` };
}

/** The first that a command prints on stderr. */
export async function firstNote({ process: child }: Command): Promise<string> {
  return new Promise((resolve) => child.stderr?.once("data", (text) => resolve(String(text))));
}
