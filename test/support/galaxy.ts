import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import type { Json, JsonObject } from "../../src/domain/json.ts";
import { type DemoOptions, type GalaxyDemo, startGalaxyDemo } from "../../src/galaxy-demo/start.ts";
import type { Until } from "./folders.ts";

/** A clock that stands until it is moved. */
export class HandClock {
  #now = Date.UTC(2026, 0, 1);

  now(): number {
    return this.#now;
  }

  /** Moves it by so many seconds. */
  pass(seconds: number): void {
    this.#now += seconds * 1000;
  }
}

/** A stand-in with the clock that moves it. */
export interface LiveGalaxy extends GalaxyDemo {
  readonly clock: HandClock;
}

/** Starts a stand-in Galaxy on a free port, with a clock of its own, ended with the test (or whatever `until` names). */
export async function startGalaxy({
  until = onTestFinished,
  ...options
}: Partial<DemoOptions> & { until?: Until } = {}): Promise<LiveGalaxy> {
  const clock = new HandClock();
  const demo = await startGalaxyDemo({ clock, ...options });
  until(() => demo.close());
  return { ...demo, clock };
}

/** Where real workflows are; they are not part of the project. */
export const GALAXY_FOLDER: string = fileURLToPath(new URL("../../../shared/data/galaxy", import.meta.url));

/** Whether they are there. */
export const GALAXY_IS_HERE: boolean = existsSync(join(GALAXY_FOLDER, "paste_columns.ga"));

/** What tests with them go under: the title says so when they are skipped for want of it. */
export const GALAXY_TITLE: string = `real workflows${GALAXY_IS_HERE ? "" : " (skipped: ../shared/data/galaxy is not there)"}`;

/** A real workflow by the name of its file. */
export function realWorkflow(name: string): Json {
  return JSON.parse(readFileSync(join(GALAXY_FOLDER, `${name}.ga`), "utf8")) as Json;
}

/** A dataset, as an input of an invocation. */
export const DATASET = { src: "hda", id: "0123456789abcdef" } as const;

/** What a step of a made workflow says beside its number. */
export type MadeStep = JsonObject & { readonly type: string };

/** An input of a dataset with a label. */
export function dataInput(label: string, state: JsonObject = { optional: false }): MadeStep {
  return { type: "data_input", label, tool_state: JSON.stringify(state) };
}

/** A step that takes what another gives out; a tool where nothing else is said. */
export function stepAfter(step: number, more: JsonObject = {}): MadeStep {
  return { type: "tool", tool_id: "cat1", input_connections: { input: { id: step, output_name: "output" } }, ...more };
}

/** A `.ga` file of some steps. */
export function gaFile(name: string, steps: readonly MadeStep[]): JsonObject {
  const numbered = steps.map((step, at) => [at, { id: at, ...step }] as const);
  return { a_galaxy_workflow: "true", "format-version": "0.1", name, steps: Object.fromEntries(numbered) };
}

/** A workflow of one input, `reads`, and so many tools one behind the other. */
export function chainFile(name: string, tools = 1): JsonObject {
  return gaFile(name, [dataInput("reads"), ...Array.from({ length: tools }, (_, at) => stepAfter(at))]);
}

/** An answer of Galaxy's, with whatever members it has. */
export interface Shown {
  readonly id: string;
  readonly state: string;
  readonly states: Readonly<Record<string, number>>;
  readonly [member: string]: unknown;
}

/** Asks a stand-in as its user; returns the status and the JSON. */
export async function askGalaxy(
  { url, key }: Pick<GalaxyDemo, "url" | "key">,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ readonly status: number; readonly body: unknown }> {
  const reply = await fetch(url + path, {
    method,
    headers: { "x-api-key": key, "Content-Type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: reply.status, body: await reply.json() };
}

/** Asks for what has to be answered well, an object. */
export function galaxyCaller(
  demo: Pick<GalaxyDemo, "url" | "key">,
): (method: string, path: string, body?: unknown) => Promise<Shown> {
  return async (method, path, body) => {
    const answer = await askGalaxy(demo, method, path, body);
    if (answer.status !== 200) throw new Error(JSON.stringify(answer));
    return answer.body as Shown;
  };
}
