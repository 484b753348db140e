import { readFileSync } from "node:fs";
import { join } from "node:path";
import { makeTemplate } from "../support/jobs.ts";
import { type ScriptsIn, startServerForFile, type TestServer } from "../support/server.ts";

/** Makes a template for each command of a server's configuration, of the same name. */
export async function makeTemplates(server: TestServer, more: object = {}): Promise<void> {
  const { commands } = JSON.parse(readFileSync(join(server.data, "runtree.config.json"), "utf8"));
  for (const name of Object.keys(commands)) await makeTemplate(server, name, more);
}

/** Starts a server for all tests of a file that has these commands, and a template for each. For `beforeAll`. */
export async function serverOfCommands(
  use: (server: TestServer) => void,
  scripts: ScriptsIn,
  flags: readonly string[] = [],
): Promise<() => Promise<void>> {
  return startServerForFile(
    async (server) => {
      use(server);
      await makeTemplates(server);
    },
    flags,
    scripts,
  );
}

/** A line of sh that submits documents. */
export function submits(body: unknown): string {
  return `cat >"$RUNTREE_OUTPUT" <<'END'\n${JSON.stringify(body)}\nEND\n`;
}
