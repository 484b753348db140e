import type { ResolvedSettings } from "../config.ts";
import { everyTime } from "../daemon/cron.ts";
import { GalaxyWork } from "../daemon/galaxy-work.ts";
import { RuntreeError } from "../domain/errors.ts";
import type { Store } from "../store/store.ts";

/** The Galaxies of a configuration, ready to be asked; `close` lets their connections go. Throws `bad_configuration`. */
export async function galaxiesOf(
  { galaxies, values }: ResolvedSettings,
  store: Store,
  report: (message: string) => void,
): Promise<{ readonly work: GalaxyWork; readonly close: () => Promise<void> }> {
  if (values["galaxy-url"] === "" && (values["galaxy-key"] !== "" || values["galaxy-workflows"] !== ""))
    throw new RuntreeError("bad_configuration", "--galaxy-key and --galaxy-workflows need --galaxy-url.");
  const repeat = everyTime(values.poll);
  // Loaded here, as most servers have no Galaxy.
  const { GalaxyClient } = galaxies.size === 0 ? { GalaxyClient: null } : await import("../galaxy/galaxy-client.ts");
  const clock = (): number => Date.now();
  const clients = [...galaxies.values()].flatMap(({ name, url, key, workflows }) =>
    GalaxyClient === null
      ? []
      : [{ server: new GalaxyClient({ name, url, key: key(), clock, random: Math.random }), workflows }],
  );
  const later = (awaited: () => void, ms: number): (() => void) => {
    const timer = setTimeout(awaited, ms);
    return () => clearTimeout(timer);
  };
  const work = new GalaxyWork({ store, servers: clients, repeat, later, report });
  const close = async (): Promise<void> => {
    await Promise.all(clients.map(async ({ server }) => server.close()));
  };
  return { work, close };
}
