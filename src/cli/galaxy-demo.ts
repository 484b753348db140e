import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { CommandModule } from "yargs";
import { RuntreeError, systemCode } from "../domain/errors.ts";
import type { Json } from "../domain/json.ts";
import { DEMO_KEY, type GalaxyDemo, startGalaxyDemo } from "../galaxy-demo/start.ts";
import { toldToStop } from "./stop.ts";

interface Flags {
  readonly port: number;
  readonly workflows: readonly string[];
  readonly key: string;
  readonly seconds: number;
  readonly json: boolean;
}

/** Does something with a path; what fails is told in words. */
function using<Result>(path: string, what: string, act: (path: string) => Result): Result {
  try {
    return act(path);
  } catch (error) {
    throw new RuntreeError("bad_request", `${path} ${what}.`, { path }, error);
  }
}

/** Imports every `.ga` file of a folder, and returns the names of the workflows. */
function importFolder({ galaxy }: GalaxyDemo, folder: string): string[] {
  const names = using(folder, "is no folder that can be read", (path) => readdirSync(path));
  const files = names.filter((name) => name.endsWith(".ga")).sort();
  return files.map((name) =>
    using(join(folder, name), "is no workflow of Galaxy's", (path) => {
      const file = JSON.parse(readFileSync(path, "utf8")) as Json;
      return galaxy.workflows.import(file, galaxy.now()).file.name;
    }),
  );
}

async function start({ port, key, seconds }: Flags): Promise<GalaxyDemo> {
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new RuntreeError("bad_request", "--port is a whole number from 0 to 65535.");
  if (seconds < 0) throw new RuntreeError("bad_request", "--seconds is a number from 0.");
  try {
    return await startGalaxyDemo({ clock: Date, port, key, seconds });
  } catch (error) {
    if (systemCode(error) !== "EADDRINUSE") throw error;
    throw new RuntreeError("busy", `Port ${port} is taken. Give another with --port, or --port 0 for any free one.`);
  }
}

async function serveDemo(flags: Flags): Promise<void> {
  const stop = toldToStop();
  const demo = await start(flags);
  try {
    const workflows = flags.workflows.flatMap((folder) => importFolder(demo, folder));
    const lines = [
      `galaxy-demo listening on ${demo.url}`,
      `Key (header x-api-key): ${demo.key}`,
      workflows.length === 0 ? "No workflows; POST /api/workflows brings some." : `Workflows: ${workflows.join(", ")}`,
      "Any 16 hexadecimal digits are the id of a dataset. What is here is gone when it stops.",
    ];
    const value = { listening: demo.url, key: demo.key, workflows };
    process.stdout.write(`${flags.json ? JSON.stringify(value) : lines.join("\n")}\n`);
    await stop;
  } finally {
    await demo.close();
  }
}

export const galaxyDemoCommand: CommandModule = {
  command: "galaxy-demo",
  describe: "a stand-in Galaxy on this machine, to try Runtree without one",
  builder: (yargs) =>
    yargs
      .option("port", { type: "number", default: 8080, describe: "port on 127.0.0.1; 0 for any free one" })
      .option("workflows", { type: "string", array: true, default: [], describe: "folders of .ga files to import" })
      .option("key", { type: "string", default: DEMO_KEY, describe: "the key that it asks for" })
      .option("seconds", { type: "number", default: 5, describe: "how long a job takes" }),
  handler: (flags) => serveDemo(flags as unknown as Flags),
};
