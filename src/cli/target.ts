import fs from "node:fs";
import { resolve } from "node:path";
import type { Argv } from "yargs";
import { RuntreeClient, type Transport } from "../client/client.ts";
import { findProgram, type ResolvedSettings, resolveSettings, serverKey, serverUrl } from "../config.ts";
import { NativeGit } from "../git/native.ts";
import type { OpenStore } from "../store/open.ts";
import type { Progress } from "../store/progress.ts";
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
  { values: { data, node, "dataset-collection": datasets }, commands }: ResolvedSettings,
  template: string | null,
  report: (message: string) => void = note,
  anew?: Progress,
): Promise<OpenStore> {
  const more = anew === undefined ? {} : { anew };
  const { openStore } = await import("../store/open.ts");
  return openStore({
    fs,
    git: GIT,
    data,
    template,
    node,
    clock: () => Date.now(),
    commands,
    datasets,
    report,
    ...more,
  });
}

/** Opens a store that is wholly in memory, made from a template folder. */
export async function openInMemory(
  { values: { data, node, template, "dataset-collection": datasets }, commands }: ResolvedSettings,
  report: (message: string) => void,
): Promise<OpenStore> {
  const clock = (): number => Date.now();
  const [{ makeMemoryDisk }, { openStore }] = await Promise.all([
    import("../git/memory-disk.ts"),
    import("../store/open.ts"),
  ]);
  return openStore({
    fs: makeMemoryDisk(),
    git: null,
    lasting: false,
    data,
    template,
    node,
    clock,
    commands,
    datasets,
    report,
  });
}

/** Where a command works: on a server, by its address, or on the repository of a data directory. */
export type Target = { readonly url: string } | { readonly data: string };

/** Where the flags of a command say that it works. */
export function targetOf({ url, data }: CommonFlags): Target {
  if (data !== undefined) return { data: resolve(data) };
  return { url: url ?? serverUrl(resolveSettings({}).values) };
}

/** Carries requests to a target. What each kind needs is loaded when it is asked: most commands need one of them. */
async function transportTo(target: Target): Promise<Transport> {
  if ("url" in target) {
    const { httpTransport } = await import("../client/http-transport.ts");
    return httpTransport(target.url, { key: serverKey() });
  }
  const { localTransport } = await import("./local-transport.ts");
  return localTransport(resolveSettings({ data: target.data }));
}

/** The client for a command's flags. */
export function clientFor(flags: CommonFlags): RuntreeClient {
  const target = targetOf(flags);
  let transport: Promise<Transport> | undefined;
  return new RuntreeClient(async (request) => (await (transport ??= transportTo(target)))(request));
}
