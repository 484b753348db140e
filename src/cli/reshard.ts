import type { CommandModule } from "yargs";
import { reshardCollection, type Shards } from "../actions/reshard-collection.ts";
import { resolveSettings, type ResolvedSettings } from "../config.ts";
import { hasCode, RuntreeError } from "../domain/errors.ts";
import { LOCAL } from "../domain/roles.ts";
import { counted } from "../domain/verdict.ts";
import type { OpenStore } from "../store/open.ts";
import { note, printData } from "./output.ts";
import { dataFlags, openForWriting } from "./target.ts";

/** So many documents take long enough to be told what goes on. */
const MANY = 2_000;

/** Opens a data directory, and says what to do when somebody has it open. */
async function openAlone(settings: ResolvedSettings): Promise<OpenStore> {
  try {
    return await openForWriting(settings, null);
  } catch (error) {
    const holder = hasCode(error, "repository_locked") ? (error.data["holder"] as { pid: number } | null) : null;
    if (holder === null) throw error;
    const words = `${settings.values.data} is in use by process ${holder.pid}. Resharding needs the repository for itself: stop that server first, and start it again afterwards.`;
    throw new RuntreeError("repository_locked", words, { holder }, error);
  }
}

export const reshardCommand: CommandModule<
  object,
  { json: boolean; data: string | undefined; collection: string; levels: string }
> = {
  command: "reshard <collection> <levels>",
  describe: "change how many levels of folders a collection's documents lie in; while no server runs",
  builder: (yargs) =>
    dataFlags(yargs)
      .positional("collection", { type: "string", demandOption: true, describe: "collection of runtree.json" })
      .positional("levels", {
        type: "string",
        demandOption: true,
        choices: ["0", "1", "2"],
        describe: "0 up to about 1,000 documents, 1 up to about 100,000, 2 beyond",
      }),
  handler: async ({ json, collection, levels, ...flags }) => {
    const { store, close } = await openAlone(resolveSettings(flags.data === undefined ? {} : { data: flags.data }));
    try {
      const many = store.main.index.count(collection) >= MANY;
      const progress = many ? (words: string): void => note(`${words} …`) : (): void => undefined;
      const shards = Number(levels) as Shards;
      const done = await reshardCollection(store, LOCAL.name, collection, shards, progress);
      const { from, to, documents, commit } = done;
      const text =
        commit === null
          ? `${collection} has ${counted(to, "level")} of folders already; nothing was changed.`
          : `${collection} has ${counted(to, "level")} of folders now, it had ${from}: ${counted(documents, "document")} moved, main at ${commit}.`;
      printData(json, done, text);
      if (commit === null) return;
      progress("letting stock git see it");
      // Under other rules all that is derived is read anew; the next start need not do so again.
      await store
        .writeSnapshot()
        .catch((error: unknown) => note(`the index is read anew by the next start: ${String(error)}`));
    } finally {
      await close();
    }
  },
};
