import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { CommandModule } from "yargs";
import { resolveSettings, SETTINGS, type SettingName } from "../config.ts";
import { Executor } from "../daemon/executor.ts";
import { KeptForAWhile } from "../daemon/retention.ts";
import { counted } from "../domain/verdict.ts";
import { GitBackend } from "../git/git-backend.ts";
import type { GitCounts } from "../git/native.ts";
import { type AnswerPush, PushDoor } from "../git/push-door.ts";
import { keepFree } from "../store/free-disk.ts";
import type { KeyRing } from "../store/key-ring.ts";
import { galaxiesOf } from "./galaxies.ts";
import { keepUp, repeat } from "./maintain.ts";
import { toldToStop } from "./stop.ts";
import { GIT, openForWriting, openInMemory } from "./target.ts";

/** Bytes of log that wait for a reader which is slow; what comes after is dropped, as requests must not wait for it. */
const LOG_BYTES = 16 * 1024 * 1024;

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
    ...(Number(new URL(url).port) === SETTINGS.port.fallback
      ? []
      : [`  export RUNTREE_URL=${url}   # so that commands as runtree status find it`]),
    `  curl ${key}${url}/collections`,
    `  curl ${key}-H 'Content-Type: application/json' -d '{"done": true, "body": {"study_set": {"study-1": {"title": "My first study"}}}}' ${url}/jobs/custom/runs`,
    ...(gitDir === null
      ? []
      : [`  git clone ${url}/git/repo.git record`, `  git --git-dir '${gitDir}' log --first-parent --stat main`]),
  ].join("\n");
}

/** Serves until told to stop, then lets requests end and the repository go. */
export async function serve(flags: Readonly<Record<string, unknown>>): Promise<void> {
  // Loaded here, as no other command needs them.
  const [{ default: pino }, { serveStore }] = await Promise.all([import("pino"), import("../http/serve-store.ts")]);
  const settings = resolveSettings(flags);
  const { values } = settings;
  const openGalaxies = galaxiesOf(settings);
  const json = flags["json"] === true;
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
    const { limits } = settings;
    const [maxBody, anonymousRead] = [values["max-body"], values["anonymous-read"]];
    const { host, port, data } = values;
    const gitCounts = (): GitCounts => GIT.counts;
    const backend = values.memory ? null : new GitBackend(GIT.program, open.gitDir, report);
    const openPushDoor = async (answer: AnswerPush): Promise<PushDoor | null> =>
      values.memory ? null : PushDoor.open(open.gitDir, answer, report);
    // A store in memory has its logs go with it, too.
    const folder = values.memory ? mkdtempSync(join(tmpdir(), "runtree-")) : resolve(data);
    const { aliases } = settings;
    const requireRoom = values.memory ? () => undefined : keepFree(folder, limits.free_disk_bytes, () => Date.now());
    const work = { slots: values.concurrency, folder, maxBody, requireFree: requireRoom, report };
    const executor = new Executor({ store: open.store, ...work });
    const door = { git, gitCounts, backend, openPushDoor };
    const galaxies = await openGalaxies(open.store, report);
    const workers = [executor, galaxies.work];
    const jobs = { aliases, workers, galaxies: galaxies.work, logs: folder };
    const allowed = { maxBody, anonymousRead, limits, requireRoom };
    const server = await serveStore(open, { host, port, data, ...allowed, ...door, ...jobs, log });
    for (const { id, status, command = "" } of open.store.templates.all())
      if (status === "active" && command !== "" && !open.store.commands.has(command))
        report(
          `template ${id} names the command ${command}, which runtree.config.json does not have: its jobs will fail`,
        );
    open.store.warmUp().catch((error: unknown) => log.debug({ err: error }, "warm-up ended early"));
    const upkeep = values.memory ? null : keepUp(open.store, data, log);
    const { retention } = settings;
    const kept = new KeptForAWhile({
      store: open.store,
      retention,
      folder,
      repeat,
      report: (words) => log.info(words),
    });
    const gitDir = values.memory ? null : open.gitDir;
    const keys = { asked_for: server.ring.closed, usable: server.ring.usable };
    const words = `runtree listening on ${server.url}\n${whoMay(server.ring, anonymousRead)}\n${firstSteps(server.url, gitDir, keys.asked_for)}`;
    process.stdout.write(`${json ? JSON.stringify({ listening: server.url, git_dir: gitDir, keys }) : words}\n`);
    await stop;
    await Promise.all([server.close(), upkeep?.close(), kept.close()]);
    await Promise.all([backend?.close(), galaxies.close()]);
    if (values.memory) rmSync(folder, { recursive: true, force: true });
  } finally {
    await open.close();
  }
  process.stdout.write(json ? `${JSON.stringify({ stopped: true })}\n` : "runtree stopped\n");
}

export const serveCommand: CommandModule = {
  command: "serve",
  describe: "serve a data directory over HTTP, making its repository when there is none",
  builder: (yargs) => {
    for (const name of Object.keys(SETTINGS) as SettingName[]) {
      // Without a type yargs tells a flag alone from one with a word, which is not for it to judge.
      yargs.option(name, {
        ...(SETTINGS[name].type === "boolean" ? {} : { type: "string" }),
        describe: `${SETTINGS[name].describe} (default ${String(SETTINGS[name].fallback) || "none"})`,
      });
    }
    return yargs;
  },
  handler: serve,
};
