import fs from "node:fs";
import pino from "pino";
import type { CommandModule } from "yargs";
import { resolveSettings, SETTINGS, type SettingName } from "../config.ts";
import { counted } from "../domain/verdict.ts";
import { Dispatcher } from "../http/dispatch.ts";
import { makeHandlers } from "../http/handlers.ts";
import { EventStreams } from "../http/events.ts";
import { isLoopback } from "../http/loopback.ts";
import { Metrics } from "../http/metrics.ts";
import { RequestRate } from "../http/request-rate.ts";
import { serveHttp } from "../http/server.ts";
import { keepFree } from "../store/free-disk.ts";
import { KeyRing } from "../store/key-ring.ts";
import { keepUp } from "./maintain.ts";
import { GIT, openForWriting, openInMemory } from "./target.ts";

/** A second signal within this time is the same one: npm delivers it twice. */
const SAME_SIGNAL_MS = 1000;

/** How long (ms) a stop may take: requests, streams, maintenance and settling each end sooner. */
const STOP_MS = 30_000;

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

/** Ends a stop that hangs. What was acknowledged is in the journal, and the next start brings it where stock git looks. */
function giveUp(): never {
  process.stderr.write(`runtree: not everything ended in ${STOP_MS / 1000} s; the next start finishes the rest\n`);
  process.exit(1);
}

/** Who may do what, for whoever starts the server. */
function whoMay(ring: KeyRing, anonymousRead: boolean): string {
  if (!ring.closed)
    return "No keys: whoever is on this machine may do everything, as local. Make keys with `runtree key create`.";
  const keys = counted(ring.usable, "key");
  return `Requests need a key (there ${ring.usable === 1 ? "is" : "are"} ${keys})${anonymousRead ? ", but for GET, which anybody may" : ""}.`;
}

/** What to try on a server; `gitDir` is null for one in memory. */
function firstSteps(url: string, gitDir: string | null, keyed: boolean): string {
  const key = keyed ? "-H 'X-API-Key: …' " : "";
  return [
    ...(gitDir === null ? ["Everything is in memory: it is gone when the server stops, and git cannot see it."] : []),
    "Try next:",
    `  curl ${key}${url}/collections`,
    `  curl ${key}-H 'Content-Type: application/json' -d '{"done": true, "body": {"study_set": {"study-1": {"title": "My first study"}}}}' ${url}/jobs/custom/runs`,
    ...(gitDir === null ? [] : [`  git --git-dir '${gitDir}' log --first-parent --stat main`]),
  ].join("\n");
}

/** Serves until told to stop, then lets requests end and the repository go. */
export async function serve(flags: Readonly<Record<string, unknown>>): Promise<void> {
  const { values, limits } = resolveSettings(flags);
  // Lines that come while one is written share the next write; pino writes what is left when the process exits.
  const destination = pino.destination({ dest: 2, sync: false, maxLength: LOG_BYTES });
  const log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
  const report = (message: string): void => log.warn(message);
  const stop = toldToStop();
  const git = values.memory ? null : await GIT.version();
  const open = values.memory
    ? await openInMemory(values, report)
    : await openForWriting(values, values.template, report);
  try {
    const clock = (): number => Date.now();
    const ring = new KeyRing(fs, values.data, clock, !isLoopback(values.host));
    const requireRoom = values.memory ? () => undefined : keepFree(values.data, limits.free_disk_bytes, clock);
    const events = new EventStreams({
      start: clock().toString(36),
      stillGood: (principal) => ring.stillGood(principal),
    });
    const metrics = new Metrics({ store: open.store, journal: open.journal, git: () => GIT.counts, events });
    open.store.listen((news) => {
      events.tell(news);
      metrics.tell(news);
    });
    const handlers = makeHandlers({ git, requireRoom, events, metrics });
    const dispatcher = new Dispatcher(open.store, handlers, { openRuns: limits.open_runs, requireRoom });
    const server = await serveHttp({
      dispatcher,
      log,
      maxBody: values["max-body"],
      ring,
      anonymousRead: values["anonymous-read"],
      rate: new RequestRate(limits.requests_per_minute),
      metrics,
      events,
      limits,
      host: values.host,
      port: values.port,
    });
    open.store.warmUp().catch((error: unknown) => log.debug({ err: error }, "warm-up ended early"));
    const upkeep = values.memory ? null : keepUp(open.store, values.data, log);
    const steps = firstSteps(server.url, values.memory ? null : open.gitDir, ring.closed);
    const who = whoMay(ring, values["anonymous-read"]);
    process.stdout.write(`runtree listening on ${server.url}\n${who}\n${steps}\n`);
    await stop;
    setTimeout(giveUp, STOP_MS).unref();
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
