import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect } from "vitest";

/** The fenced blocks of one language in a Markdown text, in order, without their fences. */
export function fencedBlocks(markdown: string, language: string): string[] {
  return [...markdown.matchAll(/^```(\S*)[^\n]*\n(.*?)^```$/gms)]
    .filter(([, found]) => found === language)
    .map(([, , text]) => text ?? "");
}

/** Some lines of a walk-through: what they are promised to print, and what they printed; lines without the space around them. */
export interface Step {
  readonly commands: string;
  readonly promised: readonly string[];
  readonly printed: readonly string[];
}

/** A comment that promises a line of what the commands above it print. */
const PROMISE = /^# → (.*)$/;

/** Splits a script behind every group of promises. */
function steps(script: string): { commands: string; promised: string[] }[] {
  const found = [{ commands: "", promised: [] as string[] }];
  for (const line of script.split("\n")) {
    const promise = PROMISE.exec(line)?.[1];
    const last = found.at(-1);
    if (promise !== undefined) last?.promised.push(promise.trim());
    else if (last !== undefined && last.promised.length === 0) last.commands += `${line}\n`;
    else found.push({ commands: `${line}\n`, promised: [] });
  }
  return found;
}

/**
 * Runs a shell script word for word in one `bash -e`, and tells what each step printed. Only comments are replaced:
 * those that promise output, by a line that separates the steps. Throws with what it said when a command fails.
 */
export async function runScript(
  script: string,
  { cwd, env }: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Promise<Step[]> {
  const mark = `---- ${Math.random().toString(36).slice(2)} ----`;
  const parts = steps(script);
  const whole = parts.map(({ commands }) => `${commands}echo '${mark}'\n`).join("");
  const shell = spawn("bash", ["-e", "-c", whole], { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  let [printed, said] = ["", ""];
  shell.stdout.on("data", (chunk: Buffer) => (printed += chunk.toString("utf8")));
  shell.stderr.on("data", (chunk: Buffer) => (said += chunk.toString("utf8")));
  const [code] = (await once(shell, "close")) as [number | null];
  const outputs = printed.split(`${mark}\n`);
  if (code !== 0) {
    const failed = parts[outputs.length - 1]?.commands ?? "";
    throw new Error(`bash ended with ${code} in:\n${failed}\nIt printed:\n${outputs.at(-1) ?? ""}\nand said:\n${said}`);
  }
  return parts.map(({ commands, promised }, index) => ({
    commands,
    promised,
    printed: (outputs[index] ?? "").split("\n").map((line) => line.trim()),
  }));
}

/** Where a reader pastes the lines of a page, and what their shell knows. */
export function readersShell(cwd: string, url: string): { cwd: string; env: Record<string, string> } {
  const env = { PATH: process.env["PATH"] ?? "", HOME: cwd, GIT_CONFIG_NOSYSTEM: "1", RUNTREE_URL: url };
  return { cwd, env };
}

/** Fails where a step does not print what its page promises. */
export function expectKept(steps: readonly Step[]): void {
  for (const { commands, promised, printed } of steps) {
    const kept = promised.filter((line) => printed.includes(line));
    expect({ commands, kept, printed }).toEqual({ commands, kept: promised, printed });
  }
}

/** A request of an `.http` file. */
export interface HttpRequest {
  readonly title: string;
  /** By which later requests refer to its answer. */
  readonly name: string | null;
  /** The status that its title promises, as in `### Read a run → 200`. */
  readonly status: number;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

/** The text of an `.http` file as requests: `###` begins one, `#` is a comment, `# @name` names it. Variables stand as they are. */
export function httpRequests(text: string): HttpRequest[] {
  return text
    .split(/^### /m)
    .slice(1)
    .map((part) => {
      const [title = "", ...rest] = part.split("\n");
      const lines = rest.filter((line) => !line.startsWith("#"));
      const begin = lines.findIndex((line) => line.trim() !== "");
      const [method = "", url = ""] = (lines[begin] ?? "").split(" ");
      const blank = lines.findIndex((line, index) => index > begin && line.trim() === "");
      const headers = lines.slice(begin + 1, blank < 0 ? undefined : blank).map((line) => line.split(/: (.*)/s));
      const body = blank < 0 ? "" : lines.slice(blank).join("\n").trim();
      return {
        title,
        name: /^# @name (\S+)$/m.exec(part)?.[1] ?? null,
        status: Number(/→ (\d{3})$/.exec(title)?.[1]),
        method,
        url,
        headers: Object.fromEntries(headers.map(([key = "", value = ""]) => [key, value])),
        body: body === "" ? null : body,
      };
    });
}

/** The variables that an `.http` file sets: `@name = value`. */
export function httpVariables(text: string): Map<string, string> {
  return new Map([...text.matchAll(/^@(\w+) = (.*)$/gm)].map(([, name = "", value = ""]) => [name, value]));
}
