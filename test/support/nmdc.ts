import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import type { Configuration, ReferenceSettings } from "../../src/domain/configuration.ts";
import { isArray, type Json, type JsonObject } from "../../src/domain/json.ts";
import { temporaryFolder } from "./folders.ts";
import { type Answer, call } from "./http.ts";
import { startServer, type TestServer } from "./server.ts";

const FOLDER = fileURLToPath(new URL("../../../shared/data/nmdc", import.meta.url));

/** Whether the real schema and its example documents are there; they are not part of the project. */
export const NMDC_IS_HERE: boolean = existsSync(join(FOLDER, "nmdc.schema.json"));

/** What tests with real data go under: the title says so when they are skipped for want of it. */
export const NMDC_TITLE: string = `real NMDC metadata${NMDC_IS_HERE ? "" : " (skipped: ../shared/data/nmdc is not there)"}`;

/** Whole documents by collection: the body of a submission. */
export type Payload = Readonly<Record<string, readonly JsonObject[]>>;

/** An example file; no payload when nothing of its class lives in a collection. */
export interface Example {
  readonly file: string;
  readonly payload: Payload | null;
}

/** An example that can be submitted. */
export interface Submittable extends Example {
  readonly payload: Payload;
}

/** A document with its collection. */
export interface Placed {
  readonly collection: string;
  readonly id: string;
  readonly document: JsonObject;
}

/** A reference that a document holds, and the collections its target may live in. */
export interface Reference {
  readonly collection: string;
  readonly id: string;
  readonly pointer: string;
  readonly target: string;
  readonly to: readonly string[];
}

interface ReferenceFile {
  readonly collections: Readonly<Record<string, readonly string[]>>;
  readonly typecode_to_collection: Readonly<Record<string, string>>;
  readonly references: readonly { readonly class: string; readonly field: string; readonly collections: string[] }[];
}

function read(name: string): string {
  return readFileSync(join(FOLDER, name), "utf8");
}

let referenceRead: ReferenceFile | undefined;

function referenceFile(): ReferenceFile {
  referenceRead ??= JSON.parse(read("references.json")) as ReferenceFile;
  return referenceRead;
}

/** The collections of the real schema. */
export function collectionNames(): string[] {
  return Object.keys(referenceFile().collections);
}

/** The text of the real schema. */
export function schemaText(): string {
  return read("nmdc.schema.json");
}

/** The part of the schema that rules a collection, as `runtree.json` names it. */
export function schemaOf(collection: string): string {
  return `schemas/nmdc.schema.json#/properties/${collection}/items`;
}

/** The example files of a folder. The letters a name begins with are the class; a `Database` is a whole payload. */
export function examples(folder: "valid" | "invalid"): Example[] {
  const { collections } = referenceFile();
  return readdirSync(join(FOLDER, folder)).map((name) => {
    const value = JSON.parse(read(`${folder}/${name}`)) as Json;
    const [type = ""] = /^[A-Za-z]+/.exec(name) ?? [];
    const home = Object.keys(collections).find((collection) => collections[collection]?.includes(type));
    const alone = home === undefined ? null : { [home]: (isArray(value) ? value : [value]) as JsonObject[] };
    return { file: `${folder}/${name}`, payload: type === "Database" ? (value as Payload) : alone };
  });
}

/** The examples of a folder that have a place in a collection. */
export function submittable(folder: "valid" | "invalid"): Submittable[] {
  return examples(folder).filter((example): example is Submittable => example.payload !== null);
}

/** Every document of a payload. A document without an id that is text has "". */
export function documentsOf(payload: Payload): Placed[] {
  return Object.entries(payload).flatMap(([collection, documents]) =>
    documents.map((document) => ({
      collection,
      id: typeof document["id"] === "string" ? document["id"] : "",
      document,
    })),
  );
}

/** The valid examples as one payload; where an id recurs the last document stands. */
export function everything(): Payload {
  const last = new Map<string, Placed>();
  for (const { payload } of submittable("valid")) {
    for (const placed of documentsOf(payload)) last.set(`${placed.collection} ${placed.id}`, placed);
  }
  const all = [...last.values()];
  return Object.fromEntries(
    collectionNames().map((name) => [
      name,
      all.filter(({ collection }) => collection === name).map(({ document }) => document),
    ]),
  );
}

/** Documents of valid examples whose id occurred before, each with the document that had it first. */
export function recurring(): { readonly first: Placed; readonly second: Placed }[] {
  const seen = new Map<string, Placed>();
  const found: { first: Placed; second: Placed }[] = [];
  for (const second of submittable("valid").flatMap(({ payload }) => documentsOf(payload))) {
    const key = `${second.collection} ${second.id}`;
    const first = seen.get(key);
    if (first === undefined) seen.set(key, second);
    else if (!found.some((pair) => pair.first === first)) found.push({ first, second });
  }
  return found;
}

/** The fields of a collection that refer to others, and to which: the rules of all its classes taken together. */
function referenceFields(collection: string): Map<string, Set<string>> {
  const { collections, references } = referenceFile();
  const fields = new Map<string, Set<string>>();
  for (const rule of references.filter((rule) => collections[collection]?.includes(rule.class))) {
    fields.set(rule.field, new Set([...(fields.get(rule.field) ?? []), ...rule.collections]));
  }
  return fields;
}

/** The reference rules as `runtree.json` states them: a field may hold one id or several. */
function referenceRules(): ReferenceSettings[] {
  return collectionNames().flatMap((from) =>
    [...referenceFields(from)].flatMap(([field, to]) =>
      [`/${field}`, `/${field}/*`].map((at) => ({ from, at, to: [...to] })),
    ),
  );
}

/** Every collection of the real schema, with or without rules on references between them. */
export function nmdcConfiguration(rules: { readonly references: boolean }): Configuration {
  const collections = Object.fromEntries(collectionNames().map((name) => [name, { schema: schemaOf(name) }]));
  return { format: 1, collections, references: rules.references ? referenceRules() : [] };
}

/** The references that documents hold, read without any of the program's own code. */
export function referencesOf(payload: Payload): Reference[] {
  return documentsOf(payload).flatMap(({ collection, id, document }) =>
    [...referenceFields(collection)].flatMap(([field, to]) => {
      const value = document[field];
      const held = isArray(value)
        ? value.map((item, at) => [`/${field}/${at}`, item] as const)
        : [[`/${field}`, value] as const];
      return held.flatMap(([pointer, target]) =>
        typeof target === "string" ? [{ collection, id, pointer, target, to: [...to] }] : [],
      );
    }),
  );
}

/** The references of a payload whose target is not in the payload itself. */
export function danglingIn(payload: Payload): Reference[] {
  const there = new Set(documentsOf(payload).map(({ collection, id }) => `${collection} ${id}`));
  return referencesOf(payload).filter(
    ({ target, to }) => !to.some((collection) => there.has(`${collection} ${target}`)),
  );
}

/** The code in an id that tells its type: `bsm` in `nmdc:bsm-11-a`. */
function typeCode(id: string): string {
  return /^nmdc:([a-z]+)-/.exec(id)?.[1] ?? "";
}

/**
 * A document for an id that is only referred to: the example that has it, else the plainest example of its type under
 * that id, else the barest one. Null when an id of this type lives in none of the collections.
 */
function standIn({ target, to }: Reference, all: readonly Placed[]): Placed | null {
  const { collections, typecode_to_collection } = referenceFile();
  const collection = typecode_to_collection[typeCode(target)] ?? "";
  if (!to.includes(collection)) return null;
  const weight = ({ id, document }: Placed): number =>
    id === target ? -1 : referencesOf({ [collection]: [document] }).length * 1e6 + JSON.stringify(document).length;
  const [plainest] = all
    .filter((placed) => placed.collection === collection && typeCode(placed.id) === typeCode(target))
    .sort((left, right) => weight(left) - weight(right));
  const barest = { type: `nmdc:${collections[collection]?.[0] ?? ""}` };
  return { collection, id: target, document: { ...(plainest?.document ?? barest), id: target } };
}

/** Documents that give every dangling reference of some payloads, and their own, a target; and the references nothing can be made for. */
export function closureOf(payloads: readonly Payload[]): { closing: Payload; open: Reference[] } {
  const all = payloads.flatMap(documentsOf);
  const closing: Record<string, JsonObject[]> = {};
  const open: Reference[] = [];
  const made = new Set<string>();
  const wanted = payloads.flatMap(danglingIn);
  // Grows while it is walked: a stand-in refers to others.
  for (const reference of wanted) {
    const placed = standIn(reference, all);
    if (placed === null) open.push(reference);
    else if (!made.has(`${placed.collection} ${placed.id}`)) {
      made.add(`${placed.collection} ${placed.id}`);
      (closing[placed.collection] ??= []).push(placed.document);
      wanted.push(...referencesOf({ [placed.collection]: [placed.document] }));
    }
  }
  return { closing, open };
}

/** Puts `runtree.json` on a run's branch. */
export async function putConfiguration(server: TestServer, runId: string, configuration: Configuration): Promise<void> {
  await call(server, "putConfiguration", { params: { run_id: runId }, body: configuration });
}

/** Opens a run of `custom` and returns its id. */
export async function openRun(server: TestServer): Promise<string> {
  const { status, body } = await call(server, "startRun", { params: { job_id: "custom" }, body: {} });
  expect(status).toBe(201);
  return body.id as string;
}

/** Submits to an open run and says that it is done. */
export async function finishRun(server: TestServer, runId: string, body: unknown): Promise<Answer> {
  return call(server, "patchRun", { params: { run_id: runId }, body: { done: true, body } });
}

/** How long it took to put the schema, to put the configuration, and to merge both, in milliseconds. */
export interface InstallationTimes {
  readonly schema: number;
  readonly configuration: number;
  readonly merge: number;
}

interface Installation {
  readonly data: string;
  readonly times: Promise<InstallationTimes>;
}

let installation: Installation | undefined;

async function install(data: string): Promise<InstallationTimes> {
  const server = await startServer({ data });
  const marks = [performance.now()];
  const run_id = await openRun(server);
  const steps = [
    () => call(server, "putSchema", { params: { run_id, name: "nmdc" }, body: schemaText() }),
    () => call(server, "putConfiguration", { params: { run_id }, body: nmdcConfiguration({ references: false }) }),
    () => call(server, "patchRun", { params: { run_id }, body: { done: true } }),
  ];
  for (const step of steps) {
    const { status, body } = await step();
    expect({ status, warnings: body.warnings }).toEqual({ status: 200, warnings: [] });
    marks.push(performance.now());
  }
  expect(await server.stop()).toBe(0);
  const [start = 0, schema = 0, configuration = 0, merge = 0] = marks;
  return { schema: schema - start, configuration: configuration - schema, merge: merge - configuration };
}

/** Starts a server over a repository of its own, in which the real schema was installed over HTTP, without reference rules. */
export async function startWithSchema(): Promise<TestServer & { readonly times: InstallationTimes }> {
  if (installation === undefined) {
    const data = realpathSync(mkdtempSync(join(tmpdir(), "runtree-test-nmdc-")));
    installation = { data, times: install(data) };
  }
  const times = await installation.times;
  const data = temporaryFolder();
  cpSync(installation.data, data, { recursive: true });
  return { ...(await startServer({ data })), times };
}

/** Removes the repository that `startWithSchema` copies. */
export function removeInstallation(): void {
  if (installation !== undefined) rmSync(installation.data, { recursive: true, force: true });
  installation = undefined;
}
