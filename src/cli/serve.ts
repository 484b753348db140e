import pino from "pino";
import type { CommandModule } from "yargs";
import { resolveSettings, SETTINGS, type SettingName } from "../config.ts";
import { Dispatcher } from "../http/dispatch.ts";
import { makeHandlers } from "../http/handlers.ts";
import { serveHttp } from "../http/server.ts";
import { keepUp } from "./maintain.ts";
import { GIT, LOCAL_PRINCIPAL, openForWriting, openInMemory } from "./target.ts";

/** A second signal within this time is the same one: npm delivers it twice. */
const SAME_SIGNAL_MS = 1000;

/** Bytes of log that wait for a reader which is slow; what comes after is dropped, as requests must not wait for it. */
const LOG_BYTES = 16 * 1024 * 1024;

/** Waits for SIGTERM or SIGINT; a later second one ends the process at once. */
async function toldToStop(): Promise<void> {
  return new Promise((resolve) => {
    let first = 0;
    const onSignal = (): void => {
      const now = Date.now();
      if (first === 0) {
        first = now;
        resolve();
      } else if (now - first > SAME_SIGNAL_MS) process.exit(1);
    };
    process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
  });
}

/** What to try on a server; `gitDir` is null for one in memory. */
function firstSteps(url: string, gitDir: string | null): string {
  return [
    ...(gitDir === null ? ["Everything is in memory: it is gone when the server stops, and git cannot see it."] : []),
    "Try next:",
    `  curl ${url}/collections`,
    `  curl -H 'Content-Type: application/json' -d '{"done": true, "body": {"study_set": {"study-1": {"title": "My first study"}}}}' ${url}/jobs/custom/runs`,
    ...(gitDir === null ? [] : [`  git --git-dir '${gitDir}' log --first-parent --stat main`]),
  ].join("\n");
}

/** Serves until told to stop, then lets requests end and the repository go. */
export async function serve(flags: Readonly<Record<string, unknown>>): Promise<void> {
  const settings = resolveSettings(flags);
  const { values } = settings;
  // Lines that come while one is written share the next write; pino writes what is left when the process exits.
  const destination = pino.destination({ dest: 2, sync: false, maxLength: LOG_BYTES });
  const log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
  const report = (message: string): void => log.warn(message);
  const stop = toldToStop();
  const git = values.memory ? null : await GIT.version();
  const open = values.memory
    ? await openInMemory(settings, report)
    : await openForWriting(settings, values.template, report);
  try {
    const dispatcher = new Dispatcher(open.store, makeHandlers(git));
    const server = await serveHttp({
      dispatcher,
      log,
      maxBody: values["max-body"],
      principal: LOCAL_PRINCIPAL,
      host: values.host,
      port: values.port,
    });
    open.store.warmUp().catch((error: unknown) => log.debug({ err: error }, "warm-up ended early"));
    const upkeep = values.memory ? null : keepUp(open.store, values.data, log);
    const steps = firstSteps(server.url, values.memory ? null : open.gitDir);
    process.stdout.write(`runtree listening on ${server.url}\n${steps}\n`);
    await stop;
    await Promise.all([server.close(), upkeep?.close()]);
  } finally {
    await open.close();
  }
  process.stdout.write("runtree stopped\n");
}

export const serveCommand: CommandModule = {
  command: "serve",
  describe: "serve a data directory over HTTP, making its repository when there is none",
  builder: (yargs) => {
    for (const name of Object.keys(SETTINGS) as SettingName[]) {
      // Without a type yargs tells a flag alone from one with a word, which is not for it to judge.
      yargs.option(name, {
        ...(SETTINGS[name].type === "boolean" ? {} : { type: "string" }),
        describe: `${SETTINGS[name].describe} (default ${SETTINGS[name].fallback})`,
      });
    }
    return yargs;
  },
  handler: serve,
};
