import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { temporaryFolder, type Until } from "./folders.ts";
import { type Scripts, writeScripts } from "./jobs.ts";

const PROGRAM = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** Commands of a configuration, which may depend on the data directory that it lies in. */
export type ScriptsIn = Scripts | ((data: string) => Scripts);

export interface TestServer {
  readonly url: string;
  readonly data: string;
  readonly gitDir: string;
  readonly process: ChildProcess;
  /** Everything the process wrote to stderr so far. */
  log(): string;
  /** Ends it as an operator would and returns its exit code. */
  stop(): Promise<number | null>;
  /** Ends it as a power cut would. */
  kill(): Promise<void>;
}

/** Starts a real `runtree serve` on a free port, ended with the test (or whatever `until` names) at the latest. */
export async function startServer(
  options: {
    data?: string;
    template?: string;
    flags?: readonly string[];
    path?: string;
    until?: Until;
    scripts?: ScriptsIn;
    more?: object;
    env?: Readonly<Record<string, string>>;
  } = {},
): Promise<TestServer> {
  const until = options.until ?? onTestFinished;
  const data = options.data ?? temporaryFolder(until);
  const { scripts, more } = options;
  if (scripts !== undefined) writeScripts(data, typeof scripts === "function" ? scripts(data) : scripts, more);
  const template = options.template === undefined ? [] : ["--template", options.template];
  const child = spawn(
    process.execPath,
    [PROGRAM, "serve", "--port", "0", "--data", data, ...template, ...(options.flags ?? [])],
    {
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: options.path ?? process.env["PATH"] ?? "", ...options.env },
    },
  );
  let log = "";
  child.stderr.on("data", (chunk: Buffer) => (log += chunk.toString("utf8")));
  const gone = once(child, "exit");
  const ended = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (!ended()) child.kill(signal);
    await gone;
  };
  until(() => end("SIGKILL"));
  const lines = createInterface({ input: child.stdout });
  const url = await Promise.race([
    new Promise<string>((resolve) =>
      lines.on(
        "line",
        (line) => line.startsWith("runtree listening on ") && resolve(line.slice("runtree listening on ".length)),
      ),
    ),
    gone.then(() => {
      throw new Error(`the server ended before it listened: ${log}`);
    }),
  ]);
  return {
    url,
    data,
    gitDir: `${data}/repo.git`,
    process: child,
    log: () => log,
    stop: async () => {
      await end("SIGTERM");
      return child.exitCode;
    },
    kill: () => end("SIGKILL"),
  };
}

/**
 * Starts a server for all tests of a file. Called in `beforeAll`, it returns what ends the server, which `beforeAll`
 * in turn hands to vitest: `afterAll` inside a hook would be passed over. What `env` starts for it ends after it.
 */
export async function startServerForFile(
  use: (server: TestServer) => void | Promise<void>,
  flags: readonly string[] = [],
  scripts?: ScriptsIn,
  env?: (until: Until) => Promise<Readonly<Record<string, string>>>,
): Promise<() => Promise<void>> {
  const cleanUps: (() => void | Promise<void>)[] = [];
  const end = async (): Promise<void> => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  };
  try {
    const until: Until = (cleanUp) => cleanUps.push(cleanUp);
    const more = env === undefined ? {} : { env: await env(until) };
    await use(await startServer({ flags, until, ...more, ...(scripts === undefined ? {} : { scripts }) }));
    return end;
  } catch (error) {
    await end();
    throw error;
  }
}
