import type { CommandModule } from "yargs";
import { resolveSettings } from "../config.ts";
import { note, printData } from "./output.ts";
import { withProgress } from "./progress-bar.ts";
import { facts } from "./table.ts";
import { dataFlags, openForWriting } from "./target.ts";

export const reindexCommand: CommandModule<object, { json: boolean; data: string | undefined }> = {
  command: "reindex",
  describe: "build the index anew from Git, in place of its snapshot; not beside a server",
  builder: dataFlags,
  handler: async (flags) => {
    const settings = resolveSettings(flags.data === undefined ? {} : { data: flags.data });
    const begun = performance.now();
    const built = await withProgress(async (progress) => {
      const { store, close } = await openForWriting(settings, null, note, progress);
      try {
        await store.writeSnapshot();
        const { main, runs, jobs } = store.derived;
        return { documents: main.index.size, commits: main.history.length, runs: runs.size, jobs: jobs.size };
      } finally {
        await close();
      }
    });
    const done = { ...built, seconds: Math.round(performance.now() - begun) / 1000 };
    printData(flags.json, done, facts(Object.entries(done).map(([name, count]) => [name, String(count)])));
  },
};
