import type { Argv, CommandModule } from "yargs";
import { counted } from "../domain/verdict.ts";
import { printData } from "./output.ts";
import { facts } from "./table.ts";
import { clientFor, type CommonFlags, targetFlags, targetOf } from "./target.ts";

export const statusCommand: CommandModule<object, CommonFlags> = {
  command: "status",
  describe: "show which server or repository this is, and what it holds",
  builder: (yargs) => targetFlags(yargs) as unknown as Argv<CommonFlags>,
  handler: async (flags) => {
    const client = clientFor(flags);
    const { body: readiness } = await client.call("getReadiness", { params: {} });
    const { body: collections } = await client.call("listCollections", { params: {} });
    const { body: runs } = await client.call("listRuns", { params: {}, query: { limit: 10 } });
    const target = targetOf(flags);
    const rows = [
      "url" in target ? ["server", target.url] : ["data", `${target.data}, read directly`],
      ["main", readiness.main ?? "absent"],
      ["open runs", String(readiness.open_runs)],
      ["runs", String(runs.total)],
      ...collections.items.map(({ name, documents }) => [name, counted(documents, "document")]),
    ];
    printData(flags.json, { target, ...readiness, collections: collections.items, runs: runs.total }, facts(rows));
  },
};
