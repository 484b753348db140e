import fs from "node:fs";
import type { Logger } from "pino";
import type { Limits } from "../domain/limits.ts";
import type { Galaxies } from "../actions/request-invocation.ts";
import { KeyRing } from "../store/key-ring.ts";
import { readKeys } from "../store/keys.ts";
import type { JobNews, News } from "../store/news.ts";
import type { OpenStore } from "../store/open.ts";
import { Admission } from "./admission.ts";
import { Dispatcher } from "./dispatch.ts";
import { EventStreams } from "./events.ts";
import type { GitServing } from "./git-door.ts";
import { GitTurns } from "./git-turns.ts";
import { makeHandlers } from "./handlers.ts";
import { isLoopback } from "./loopback.ts";
import { LogFollowers } from "./log-followers.ts";
import { Metrics, type Measured } from "./metrics.ts";
import { type PushAnswer, PushAnswers, type PushQuestion } from "./push-answers.ts";
import { RequestRate } from "./request-rate.ts";
import { UnreadAnswers } from "./unread.ts";
import { type Listening, serveHttp } from "./server.ts";

/** How a store is served. */
export interface Serving {
  readonly host: string;
  readonly port: number;
  /** Where the keys lie. */
  readonly data: string;
  /** Bytes of a request body. */
  readonly maxBody: number;
  readonly anonymousRead: boolean;
  readonly limits: Limits;
  /** Throws `disk_full` when there is not enough left to write. */
  readonly requireRoom: () => void;
  /** git's version; null for a store in memory. */
  readonly git: string | null;
  readonly gitCounts: Measured["git"];
  /** Serves the repository to stock git; null for a store in memory. */
  readonly backend: GitServing | null;
  /** Lets the hooks of the repository ask; resolves to null where there are none. */
  readonly openPushDoor: (
    answer: (question: PushQuestion) => Promise<PushAnswer>,
  ) => Promise<{ readonly close: () => Promise<void> } | null>;
  /** Names of templates by what older programs call them. */
  readonly aliases: Readonly<Record<string, string>>;
  /** Those who work on jobs, from when the server listens. */
  readonly workers: readonly Executing[];
  /** The Galaxies of the configuration. */
  readonly galaxies: Galaxies;
  /** The folder that logs of runs are kept below. */
  readonly logs: string;
  readonly log: Logger;
}

/** What works on jobs (`daemon/executor.ts`, `daemon/galaxy-work.ts`), as a server needs it. */
export interface Executing {
  start(url: string): Promise<void>;
  tell(news: News): void;
  close(): Promise<void>;
}

/** A store that is served, and the keys it asks for. */
export interface ServedStore extends Listening {
  readonly ring: KeyRing;
}

/** Tells the operator how a job that a node works on gets on; agents do that for theirs. */
function logJob(log: Logger, { job, was, status }: JobNews): void {
  const { id, executor, template_id, run_id, ended } = job;
  if (executor === "external" || status === was || status === null) return;
  const error = ended?.error === undefined ? {} : { error: ended.error };
  log.info({ job_id: id, template_id, run_id, status, ...error }, "job");
}

/** Serves an open store over HTTP: keys, limits, events and counters around it. Throws what `serveHttp` throws. */
export async function serveStore(
  { store, journal }: Pick<OpenStore, "store" | "journal">,
  {
    data,
    limits,
    requireRoom,
    git,
    gitCounts,
    backend,
    openPushDoor,
    aliases,
    workers,
    galaxies,
    logs,
    ...serving
  }: Serving,
): Promise<ServedStore> {
  const clock = (): number => Date.now();
  // A file of keys that cannot be read ends a start; later it keeps everybody out.
  readKeys(fs, data);
  const report = (message: string): void => serving.log.error(message);
  const ring = new KeyRing(fs, data, clock, !isLoopback(serving.host), report);
  const events = new EventStreams({
    start: clock().toString(36),
    stillGood: (principal) => ring.stillGood(principal),
  });
  const metrics = new Metrics({ store, journal, git: gitCounts, events });
  store.listen((news) => {
    events.tell(news);
    metrics.tell(news);
    for (const worker of workers) worker.tell(news);
    for (const job of news.jobs) logJob(serving.log, job);
  });
  const admission = new Admission(store, { openRuns: limits.open_runs, requireRoom });
  const followers = new LogFollowers(limits.request_s * 1000);
  const handlers = makeHandlers({
    git,
    requireRoom,
    events,
    metrics,
    aliases,
    galaxies,
    logs: { root: logs, followers },
  });
  const dispatcher = new Dispatcher(store, handlers, admission);
  const unread = new UnreadAnswers(limits.request_s * 1000);
  const rate = new RequestRate(limits.requests_per_minute);
  const pushSeconds = limits.push_s;
  const answers = new PushAnswers(store, ring, { openRuns: limits.open_runs, requireRoom });
  const door = backend === null ? null : { backend, store, pushSeconds, pushes: answers, turns: new GitTurns() };
  const { executions } = store;
  const served = { ...serving, dispatcher, ring, executions, rate, metrics, events, limits, unread, git: door };
  // Before anybody can push over HTTP, whose hooks would find nobody to ask.
  const pushes = await openPushDoor(async (question) => answers.answer(question));
  const listening = await serveHttp(served).catch(async (error: unknown) => {
    await pushes?.close();
    throw error;
  });
  for (const worker of workers) await worker.start(listening.url);
  const close = async (): Promise<void> => {
    followers.close();
    // Side by side: requests at work may wait for a job to end.
    await Promise.all([listening.close(), ...workers.map(async (worker) => worker.close())]);
    await pushes?.close();
  };
  return { ...listening, close, ring };
}
