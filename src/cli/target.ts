import fs from "node:fs";
import { randomUUID } from "node:crypto";
import { resolve } from "node:path";
import type { Argv } from "yargs";
import { RuntreeClient, type Transport } from "../client/client.ts";
import { httpTransport } from "../client/http-transport.ts";
import { findProgram, type ResolvedSettings, resolveSettings, serverKey, serverUrl } from "../config.ts";
import { LOCAL } from "../domain/roles.ts";
import { operation } from "../contract/operations.ts";
import { Dispatcher } from "../http/dispatch.ts";
import { makeHandlers } from "../http/handlers.ts";
import { makeMemoryDisk } from "../git/memory-disk.ts";
import { NativeGit } from "../git/native.ts";
import { Validator } from "../schema/validator.ts";
import { CommandChecks } from "../store/command-checks.ts";
import { openForReading, type OpenStore, openStore } from "../store/open.ts";
import type { Progress } from "../store/progress.ts";
import { SnapshotFile } from "../store/snapshot.ts";
import { Store } from "../store/store.ts";
import { note } from "./output.ts";

/** The git program of this machine. */
export const GIT: NativeGit = new NativeGit(findProgram("git"));

/** Flags of a command that asks a server or a repository; every command has `json`. */
export interface CommonFlags {
  readonly json: boolean;
  readonly url?: string | undefined;
  readonly data?: string | undefined;
}

/** Adds the flags that say where a command works: on a server (`--url`) or on a repository (`--data`). */
export function targetFlags<Given>(
  yargs: Argv<Given>,
): Argv<Given & { url: string | undefined; data: string | undefined }> {
  return yargs
    .option("url", {
      type: "string",
      describe: "server to talk to (default: RUNTREE_URL, or the configured host and port)",
    })
    .option("data", { type: "string", describe: "work on the repository in this data directory instead of a server" })
    .conflicts("url", "data");
}

/** Adds the flags of a command that works on a data directory only. */
export function dataFlags<Given>(yargs: Argv<Given>): Argv<Given & { json: boolean; data: string | undefined }> {
  return yargs.option("data", { type: "string", describe: "data directory (default ./data)" }) as unknown as Argv<
    Given & { json: boolean; data: string | undefined }
  >;
}

/**
 * Opens a data directory as its one writer; with a template its repository is made when there is none. With `anew` the
 * snapshot of the index is laid aside for good.
 */
export async function openForWriting(
  { values: { data, node }, commands }: ResolvedSettings,
  template: string | null,
  report: (message: string) => void = note,
  anew?: Progress,
): Promise<OpenStore> {
  const more = anew === undefined ? {} : { anew };
  return openStore({ fs, git: GIT, data, template, node, clock: () => Date.now(), commands, report, ...more });
}

/** Opens a store that is wholly in memory, made from a template folder. */
export async function openInMemory(
  { values: { data, node, template }, commands }: ResolvedSettings,
  report: (message: string) => void,
): Promise<OpenStore> {
  const clock = (): number => Date.now();
  return openStore({ fs: makeMemoryDisk(), git: null, lasting: false, data, template, node, clock, commands, report });
}

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
function localTransport(settings: ResolvedSettings): Transport {
  return async ({ operation: id, params, query, headers, body }) => {
    const reading = operation(id).method === "GET" || id === "previewRun" || query["dryRun"] === "true";
    const { store, close } = await (reading ? openBeside(settings) : openForWriting(settings, null));
    try {
      const dispatcher = new Dispatcher(store, makeHandlers({ git: await GIT.version() }));
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
      return {
        status: reply.status,
        headers: Object.fromEntries(names) as Record<string, string>,
        body: reply.body?.toString("utf8") ?? "",
      };
    } finally {
      await close();
    }
  };
}

/** Where a command works: on a server, by its address, or on the repository of a data directory. */
export type Target = { readonly url: string } | { readonly data: string };

/** Where the flags of a command say that it works. */
export function targetOf({ url, data }: CommonFlags): Target {
  if (data !== undefined) return { data: resolve(data) };
  return { url: url ?? serverUrl(resolveSettings({}).values) };
}

/** The client for a command's flags. */
export function clientFor(flags: CommonFlags): RuntreeClient {
  const target = targetOf(flags);
  if ("url" in target) return new RuntreeClient(httpTransport(target.url, { key: serverKey() }));
  return new RuntreeClient(localTransport(resolveSettings({ data: target.data })));
}
