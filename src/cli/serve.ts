import pino from "pino";
import type { CommandModule } from "yargs";
import { resolveSettings, SETTINGS, type SettingName } from "../config.ts";
import { Dispatcher } from "../http/dispatch.ts";
import { makeHandlers } from "../http/handlers.ts";
import { serveHttp } from "../http/server.ts";
import { GIT, LOCAL_PRINCIPAL, openForWriting } from "./target.ts";

/** A second signal within this time is the same one: npm delivers it twice. */
const SAME_SIGNAL_MS = 1000;

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

function firstSteps(url: string, gitDir: string): string {
  return [
    "Try next:",
    `  curl ${url}/collections`,
    `  curl -H 'Content-Type: application/json' -d '{"done": true, "body": {"study_set": {"study-1": {"title": "My first study"}}}}' ${url}/jobs/custom/runs`,
    `  git --git-dir '${gitDir}' log --first-parent --stat main`,
  ].join("\n");
}

/** Serves until told to stop, then lets requests end and the repository go. */
export async function serve(flags: Readonly<Record<string, unknown>>): Promise<void> {
  const { values } = resolveSettings(flags);
  const log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ dest: 2, sync: true }));
  const git = await GIT.version();
  const stop = toldToStop();
  const open = await openForWriting(values, values.template, (message) => log.warn(message));
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
    process.stdout.write(`runtree listening on ${server.url}\n${firstSteps(server.url, open.gitDir)}\n`);
    await stop;
    await server.close();
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
      yargs.option(name, {
        type: "string",
        describe: `${SETTINGS[name].describe} (default ${SETTINGS[name].fallback})`,
      });
    }
    return yargs;
  },
  handler: serve,
};
