import fs from "node:fs";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import type { Commands } from "../../src/domain/commands.ts";
import type { Configuration } from "../../src/domain/configuration.ts";
import type { Json } from "../../src/domain/json.ts";
import type { Authorship } from "../../src/store/authorship.ts";
import { type OpenStore, openStore } from "../../src/store/open.ts";
import { findProgram } from "../../src/config.ts";
import { NativeGit } from "../../src/git/native.ts";
import { temporaryFolder } from "./folders.ts";

/** The git program of this machine. */
export const GIT: NativeGit = new NativeGit(findProgram("git"));

/** Who acts in tests. */
export const TESTER: Authorship = { principal: "tester", idempotency: null };

/** Someone else. */
export const OTHER: Authorship = { principal: "other", idempotency: null };

/** A template folder with this configuration, these schemas and these documents (by path). */
export function templateFolder(configuration: Configuration, files: Readonly<Record<string, Json>> = {}): string {
  const folder = temporaryFolder();
  for (const [path, value] of Object.entries({ "runtree.json": configuration as unknown as Json, ...files })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), JSON.stringify(value));
  }
  return folder;
}

/** The template that ships. */
export const SHIPPED_TEMPLATE: string = new URL("../../data-repo-template", import.meta.url).pathname;

export interface TestStore extends OpenStore {
  readonly data: string;
}

/** Opens a store in a folder of its own (or in `data`), closed when the test ends. The clock may be moved. */
export async function openTestStore(
  options: {
    template?: string;
    data?: string;
    clock?: () => number;
    commands?: Commands;
    report?: (message: string) => void;
  } = {},
): Promise<TestStore> {
  const data = options.data ?? temporaryFolder();
  const open = await openStore({
    fs,
    git: GIT,
    data,
    template: options.template ?? SHIPPED_TEMPLATE,
    node: "node",
    clock: options.clock ?? ((): number => Date.now()),
    report: options.report ?? ((): void => undefined),
    ...(options.commands === undefined ? {} : { commands: options.commands }),
  });
  let closed = false;
  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    await open.close();
  };
  onTestFinished(close);
  return { ...open, close, data };
}
