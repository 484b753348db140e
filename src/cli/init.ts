import type { CommandModule } from "yargs";
import { resolveSettings } from "../config.ts";
import { printData } from "./output.ts";
import { dataFlags, openForWriting } from "./target.ts";

export const initCommand: CommandModule<
  object,
  { json: boolean; data: string | undefined; template: string | undefined; node: string | undefined }
> = {
  command: "init",
  describe: "make a repository in a data directory, from a template folder",
  builder: (yargs) =>
    dataFlags(yargs)
      .option("template", { type: "string", describe: "template folder" })
      .option("node", { type: "string", describe: "committer name" }),
  handler: async ({ json, ...flags }) => {
    const settings = resolveSettings(flags);
    const { store, gitDir, made, close } = await openForWriting(settings, settings.values.template);
    const main = store.main.commit;
    await close();
    printData(
      json,
      { repository: gitDir, made, main },
      `${made ? "Made" : "There is already"} ${gitDir}, main at ${main}.`,
    );
  },
};
