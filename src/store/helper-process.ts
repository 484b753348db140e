import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";

/** In a source tree helpers run from the build, as Node 20 cannot run TypeScript; `url` is the module beside which one lies. */
export function helperBeside(url: string, name: string): URL {
  const room = new URL(".", url).pathname.split("/").at(-2) ?? "";
  return new URL(url.endsWith(".ts") ? `../../dist/${room}/${name}.js` : `./${name}.js`, url);
}

/**
 * A small process of its own that starts other processes: to begin one stops the process that does it for as long as its
 * memory is large. It is started when it is first needed, and again should it end.
 */
export class HelperProcess<Request extends object, Report> {
  readonly #program: URL;
  readonly #onReport: (report: Report) => void;
  readonly #onEnd: (why: unknown) => void;
  #helper: ChildProcess | null = null;

  /** `onEnd` hears that it ended without being told to: what it was asked is lost. */
  constructor(program: URL, onReport: (report: Report) => void, onEnd: (why: unknown) => void) {
    this.#program = program;
    this.#onReport = onReport;
    this.#onEnd = onEnd;
  }

  /** Starts the process, which takes the longer the more memory this one has. */
  start(): void {
    this.#helper ??= this.#begin();
  }

  /** Sends a request; `onError` hears that it could not be. Keeps this process from ending until `rest` is called. */
  send(request: Request, onError: (error: unknown) => void): void {
    const helper = (this.#helper ??= this.#begin());
    helper.ref();
    helper.channel?.ref();
    helper.send(request, (error) => {
      if (error !== null) onError(error);
    });
  }

  /** While it has nothing to do, it keeps no process from ending. */
  rest(helper: ChildProcess | null = this.#helper): void {
    helper?.unref();
    helper?.channel?.unref();
  }

  #begin(): ChildProcess {
    const helper = fork(this.#program, {
      execArgv: [],
      env: {},
      serialization: "advanced",
      stdio: ["ignore", "ignore", "ignore", "ipc"],
      detached: true,
    });
    const onEnd = (why: unknown): void => {
      if (helper !== this.#helper) return;
      this.#helper = null;
      this.#onEnd(why);
    };
    // Not when it exits: it may have told something that is still to be read.
    helper.on("error", onEnd).on("close", () => onEnd("the process that runs commands ended"));
    helper.on("message", (report) => this.#onReport(report as Report));
    this.rest(helper);
    return helper;
  }

  /** Ends the process, and what it runs with it. */
  async close(): Promise<void> {
    const helper = this.#helper;
    this.#helper = null;
    if (helper === null || helper.exitCode !== null || !helper.connected) return;
    const ended = once(helper, "exit");
    helper.ref();
    helper.disconnect();
    await ended;
  }
}
