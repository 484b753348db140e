import type { ResolvedSettings } from "../config.ts";
import { everyTime } from "../daemon/cron.ts";
import { GalaxyWork } from "../daemon/galaxy-work.ts";
import { RuntreeError } from "../domain/errors.ts";
import type { GalaxyServer } from "../domain/galaxy-servers.ts";
import type { Store } from "../store/store.ts";

/** How long (ms) a Galaxy that is only looked at may take for one answer. */
const LOOK_MS = 5000;

/** Throws `bad_configuration` for settings of a Galaxy that has no address, and for a `--poll` that is no cron rule. */
function checked({ values }: ResolvedSettings): ReturnType<typeof everyTime> {
  if (values["galaxy-url"] === "" && (values["galaxy-key"] !== "" || values["galaxy-workflows"] !== ""))
    throw new RuntreeError("bad_configuration", "--galaxy-key and --galaxy-workflows need --galaxy-url.");
  return everyTime(values.poll);
}

/** When a server would look at its invocations. Throws `bad_configuration` for settings with which it would not start. */
export function pollOf(settings: ResolvedSettings): string {
  checked(settings);
  return `a server looks at open invocations by ${settings.values.poll}`;
}

/** What a Galaxy is, once it took the key and has every workflow that may be invoked. Throws what keeps it from being used. */
export async function galaxyAt({ name, url, key, workflows }: GalaxyServer): Promise<string> {
  const { GalaxyClient } = await import("../galaxy/galaxy-client.ts");
  const limits = { connectMs: LOOK_MS, answerMs: LOOK_MS, callMs: LOOK_MS, retries: 0 };
  const galaxy = new GalaxyClient({ name, url, key: key(), clock: () => Date.now(), random: Math.random, limits });
  try {
    const version = await galaxy.version();
    // Only calls that need a key tell whether it is a good one.
    if (workflows.length === 0) await galaxy.workflowsNamed("");
    const found = await Promise.all(workflows.map(async (each) => (await galaxy.workflowsNamed(each)).length));
    const missing = workflows.filter((_, at) => found[at] === 0);
    if (missing.length === 0) return `${url} is Galaxy ${version}, and takes the key`;
    const words = missing.map((each) => JSON.stringify(each)).join(", ");
    throw new RuntreeError("bad_configuration", `it has no workflow called ${words}, which the settings allow.`);
  } catch (error) {
    if (!(error instanceof RuntreeError)) throw error;
    throw new RuntreeError(error.code, `${url}: ${error.message}`, error.data, error);
  } finally {
    await galaxy.close();
  }
}

/** The work on Galaxies that a server does; `close` lets its connections go. */
interface OpenGalaxies {
  readonly work: GalaxyWork;
  readonly close: () => Promise<void>;
}

/**
 * Makes ready, before anything is made, what works on the Galaxies of a configuration once there is a store. Throws
 * `bad_configuration`.
 */
export function galaxiesOf(
  settings: ResolvedSettings,
): (store: Store, report: (message: string) => void) => Promise<OpenGalaxies> {
  const repeat = checked(settings);
  const known = [...settings.galaxies.values()].map(({ key, ...rest }) => ({ ...rest, key: key() }));
  const clock = (): number => Date.now();
  const later = (awaited: () => void, ms: number): (() => void) => {
    const timer = setTimeout(awaited, ms);
    return () => clearTimeout(timer);
  };
  return async (store, report) => {
    // Loaded here, as most servers have no Galaxy.
    const module = known.length === 0 ? null : await import("../galaxy/galaxy-client.ts");
    const servers = known.flatMap(({ workflows, ...address }) =>
      module === null
        ? []
        : [{ server: new module.GalaxyClient({ ...address, clock, random: Math.random }), workflows }],
    );
    const work = new GalaxyWork({ store, servers, repeat, later, report });
    const close = async (): Promise<void> => {
      await Promise.all(servers.map(async ({ server }) => server.close()));
    };
    return { work, close };
  };
}
