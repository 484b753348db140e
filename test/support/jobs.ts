import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { expect } from "vitest";
import { call } from "./http.ts";
import type { TestServer } from "./server.ts";

type Server = Pick<TestServer, "url">;

/** A command as an operator's configuration has it. */
export interface CommandSettings {
  readonly argv: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeout_s?: number;
}

/** Commands of an operator's configuration, each a line of sh unless more is said of it. */
export type Scripts = Readonly<Record<string, string | CommandSettings>>;

/** Some that many tests use. */
export const SCRIPTS: Scripts = {
  noop: "exit 0",
  hang: "exec sleep 600",
  brings: 'echo brought; echo art >"$RUNTREE_ARTIFACTS/art.txt"',
  fails: "echo oops >&2; exit 3",
  skips: "exit 75",
};

/** A command that runs a program for Node, written below a folder. */
export function nodeProgram(folder: string, name: string, text: string, more: object = {}): CommandSettings {
  const path = join(folder, `${name}.mjs`);
  writeFileSync(path, text);
  return { argv: [process.execPath, path], ...more };
}

/** Writes an operator's configuration with these commands into a data directory. */
export function writeScripts(data: string, scripts: Scripts = SCRIPTS, more: object = {}): void {
  const commands = Object.fromEntries(
    Object.entries(scripts).map(([name, script]) => [
      name,
      typeof script === "string" ? { argv: ["sh", "-c", script] } : script,
    ]),
  );
  writeFileSync(join(data, "runtree.config.json"), JSON.stringify({ commands, ...more }));
}

/** Makes a template of the same name for a command. */
export async function makeTemplate(server: Server, name: string, more: object = {}): Promise<void> {
  const body = { template_id: name, executor: "process", command: name, ...more };
  const { status, body: answer } = await call(server, "createTemplate", { body });
  if (status !== 201) throw new Error(JSON.stringify(answer));
}

/** Puts a job of a template in the queue, and returns its id. */
export async function enqueue(server: Server, template_id: string, more: object = {}): Promise<string> {
  const { status, body } = await call(server, "createJob", { body: { template_id, ...more } });
  if (status !== 201) throw new Error(JSON.stringify(body));
  return body.job_id;
}

/** What a job looks like, for tests that look into it. */
// oxlint-disable-next-line typescript/no-explicit-any
export type SeenJob = any;

export async function readJob(server: Server, job_id: string): Promise<SeenJob> {
  return (await call(server, "getJob", { params: { job_id } })).body;
}

/** Waits until a job fits, told of every change by the server's events. */
export async function jobUntil(
  server: Server,
  id: string,
  fits: (job: SeenJob) => boolean,
  headers: Record<string, string> = {},
): Promise<SeenJob> {
  const gone = new AbortController();
  const { body } = await fetch(`${server.url}/events`, { signal: gone.signal, headers });
  if (body === null) throw new Error("no events");
  const read = async (): Promise<SeenJob> => (await call(server, "getJob", { params: { job_id: id }, headers })).body;
  try {
    const first = await read();
    if (fits(first)) return first;
    for await (const _ of body) {
      const job = await read();
      if (fits(job)) return job;
    }
    throw new Error(`the events ended before job ${id} was so`);
  } finally {
    gone.abort();
  }
}

/** Waits until a job has ended, and returns it. */
export async function jobEnded(server: Server, id: string, headers: Record<string, string> = {}): Promise<SeenJob> {
  return jobUntil(server, id, ({ status }) => status !== "queued" && status !== "running", headers);
}

/** Waits until a job's process has begun, and returns it. No event tells that: it is nothing that is kept. */
export async function jobBegun(server: Server, id: string): Promise<SeenJob> {
  let job = await jobUntil(server, id, ({ status }) => status !== "queued");
  while (job.status === "running" && job.pid === null) {
    await pause(10);
    job = await readJob(server, id);
  }
  expect(job.status).toBe("running");
  return job;
}

/** Has a job of a template done, and returns how it ended. */
export async function runJob(server: Server, template_id: string, more: object = {}): Promise<SeenJob> {
  return jobEnded(server, await enqueue(server, template_id, more));
}

/** Waits until a job and all that tries it again have ended, and returns them, the first first. */
export async function chainEnded(server: Server, id: string): Promise<readonly SeenJob[]> {
  const chain: SeenJob[] = [];
  for (let next: string | undefined = id; next !== undefined;) {
    const job = await jobEnded(server, next);
    chain.push(job);
    const { items } = (await call(server, "listJobs", { query: { limit: "500" } })).body;
    next = items.find(({ retry_of }: SeenJob) => retry_of === job.job_id)?.job_id;
  }
  return chain;
}

/** The run of a job. */
export async function runOf(server: Server, { run_id }: SeenJob): Promise<SeenJob> {
  return (await call(server, "getRun", { params: { run_id } })).body;
}
