import { randomUUID } from "node:crypto";
import fs from "node:fs";
import { resolve } from "node:path";
import { type Transport, wholeReply } from "../client/client.ts";
import type { ResolvedSettings } from "../config.ts";
import { operation } from "../contract/operations.ts";
import { LOCAL } from "../domain/roles.ts";
import { Dispatcher } from "../http/dispatch.ts";
import { makeHandlers } from "../http/handlers.ts";
import { Validator } from "../schema/validator.ts";
import { CommandChecks } from "../store/command-checks.ts";
import { openForReading, type OpenStore } from "../store/open.ts";
import { SnapshotFile } from "../store/snapshot.ts";
import { Store } from "../store/store.ts";
import { note } from "./output.ts";
import { GIT, openForWriting } from "./target.ts";

/** Opens a data directory beside whoever writes to it. */
async function openBeside({
  values: { data, node },
  commands,
}: ResolvedSettings): Promise<Pick<OpenStore, "store" | "close">> {
  const repository = await openForReading(fs, GIT, data);
  const snapshot = new SnapshotFile(fs, resolve(data), () => undefined);
  const judges = { validator: new Validator(), commands: new CommandChecks(commands, note) };
  const store = new Store({ repository, ...judges, node, clock: () => Date.now(), snapshot });
  return { store, close: () => store.close() };
}

/** Carries requests to a repository in this process, through the same handlers a server has: same verdicts, same problems. */
export function localTransport(settings: ResolvedSettings): Transport {
  return async ({ operation: id, params, query, headers, body }) => {
    const { method, readsOnly } = operation(id);
    const reading = method === "GET" || readsOnly === true || query["dryRun"] === "true";
    const { store, close } = await (reading ? openBeside(settings) : openForWriting(settings, null));
    try {
      const dispatcher = new Dispatcher(
        store,
        makeHandlers({
          git: await GIT.version(),
          logs: { root: resolve(settings.values.data), followers: null },
          aliases: settings.aliases,
        }),
      );
      const reply = await dispatcher.answer({
        operation: id,
        params,
        query,
        headers,
        body: Buffer.from(body ?? ""),
        principal: LOCAL,
        requestId: randomUUID(),
      });
      const names = Object.entries(reply.headers).map(([name, value]) => [name.toLowerCase(), value]);
      const head = { status: reply.status, headers: Object.fromEntries(names) as Record<string, string> };
      return wholeReply(id, head, reply.body ?? Buffer.alloc(0));
    } finally {
      await close();
    }
  };
}
