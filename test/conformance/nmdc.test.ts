import { afterAll, describe, expect, test } from "vitest";
import { isObject, type Json } from "../../src/domain/json.ts";
import { parsePointer, valueAt } from "../../src/domain/pointer.ts";
import type { Violation } from "../../src/domain/verdict.ts";
import { fsck, git } from "../support/git.ts";
import { type Answer, call } from "../support/http.ts";
import {
  closureOf,
  collectionNames,
  danglingIn,
  documentsOf,
  everything,
  examples,
  finishRun,
  type InstallationTimes,
  NMDC_IS_HERE,
  NMDC_TITLE,
  nmdcConfiguration,
  openRun,
  type Payload,
  putConfiguration,
  type Reference,
  referencesOf,
  removeInstallation,
  schemaOf,
  schemaText,
  startWithSchema,
  submittable,
} from "../support/nmdc.ts";
import type { TestServer } from "../support/server.ts";

/** Files of `invalid` whose fault JSON Schema cannot tell, and which therefore merge (those that are there). */
const BEYOND_SCHEMA = new Set([
  "invalid/DataObject-invalid_md5_checksum.json",
  "invalid/Database-plannedprocess-non-string-end_datet.json",
  "invalid/NomAnalysis-non-string-ended_at_time.json",
]);
/** A data object that a sequencing generated: the schema allows it, the derived reference rules do not. */
const BEYOND_RULES = "valid/Database-SAMN39871635_example.json";
const LIMIT = 120_000;

/** What this file did, for the line it prints at its end. */
const tally = { documents: 0, merged: 0, refused: 0, runs: 0, slowest: { ms: 0, file: "" } };
let times: InstallationTimes = { schema: 0, configuration: 0, merge: 0 };

/** Starts a server over the real schema. */
async function start(): Promise<TestServer> {
  const server = await startWithSchema();
  times = server.times;
  return server;
}

/** Submits a payload as one run that is done, and counts it. */
async function submit(server: TestServer, payload: Payload, file: string): Promise<Answer> {
  const began = performance.now();
  const answer = await call(server, "startRun", { params: { job_id: "custom" }, body: { done: true, body: payload } });
  const ms = performance.now() - began;
  const documents = documentsOf(payload).length;
  tally.runs++;
  tally.documents += documents;
  tally[answer.status === 201 ? "merged" : "refused"] += documents;
  if (ms > tally.slowest.ms) tally.slowest = { ms, file };
  return answer;
}

/** Submits a payload that must merge; returns its run's id. */
async function merge(server: TestServer, payload: Payload, file: string): Promise<string> {
  const { status, body } = await submit(server, payload, file);
  expect({ file, status, errors: body.errors }).toEqual({ file, status: 201, errors: undefined });
  expect(body.status).toBe("success");
  return body.id as string;
}

/** Submits a payload that must be refused by the checks; returns the violations and what became of the run. */
async function refuse(server: TestServer, payload: Payload, file: string): Promise<[Violation[], string | undefined]> {
  const { status, body } = await submit(server, payload, file);
  expect({ file, status, code: body.code }).toEqual({ file, status: 422, code: "validation_failed" });
  return [body.errors, body.run?.status];
}

function mainOf(server: TestServer): string {
  return git(server.gitDir, "rev-parse", "main").trim();
}

/** The merges of `main` since a commit, as stock git lists them, oldest first: the run of each and the paths it changed. */
function mergesSince(server: TestServer, commit: string): { run: string; paths: string[] }[] {
  const format = "--format=%x00%(trailers:key=Run-Id,valueonly)";
  return git(server.gitDir, "log", "--first-parent", "--reverse", "--name-only", format, `${commit}..main`)
    .split("\0")
    .slice(1)
    .map((text) => text.split("\n").filter((line) => line !== ""))
    .map(([run = "", ...paths]) => ({ run, paths }));
}

/** Expects that stock git finds the repository sound, with one commit on `main` for each of these runs in turn. */
function expectHistory(server: TestServer, commit: string, runs: readonly string[]): void {
  expect(mergesSince(server, commit).map(({ run }) => run)).toEqual(runs);
  expect(fsck(server.gitDir)).toEqual([]);
}

/** Everything on `main`, read over HTTP. */
async function stored(server: TestServer): Promise<Payload> {
  const read = async (collection: string): Promise<[string, Payload[string]]> => {
    const request = { params: { collection }, query: { limit: "500" } };
    const { body } = await call(server, "listDocuments", request);
    return [collection, (body.items as { document: Payload[string][number] }[]).map(({ document }) => document)];
  };
  return Object.fromEntries(await Promise.all(collectionNames().map(read)));
}

/** The documents of a payload in an order that does not depend on how it was come by. */
function sorted(payload: Payload): unknown[] {
  const key = ({ collection, id }: { collection: string; id: string }): string => `${collection} ${id}`;
  return documentsOf(payload).sort((left, right) => (key(left) < key(right) ? -1 : 1));
}

/** Tells whether a pointer names something in a value, or a member that an object lacks. */
function leadsInto(value: Json | undefined, pointer: string): boolean {
  const path = parsePointer(pointer);
  if (path === null) return false;
  return valueAt(value, path) !== undefined || (path.length > 0 && isObject(valueAt(value, path.slice(0, -1))));
}

/** The violations that lead to nothing in the submitted payload. */
function astray(payload: Payload, violations: readonly Violation[]): Violation[] {
  const body = payload as unknown as Json;
  return violations.filter(({ collection, id, pointer }) => {
    if (collection === null) return !leadsInto({ body }, pointer);
    const placed = documentsOf(payload).find((other) => other.collection === collection && other.id === id);
    return placed === undefined || !leadsInto(placed.document, pointer);
  });
}

/** References as texts, to be compared with those that violations name. */
function placesOf(references: readonly Reference[]): string[] {
  return references.map(({ collection, id, pointer, target }) => `${collection} ${id} ${pointer} ${target}`).sort();
}

/** The references that violations of a code name, where a member of their detail is the target. */
function placesIn(violations: readonly Violation[], code: Violation["code"], member: string): string[] {
  return violations
    .filter((violation) => violation.code === code)
    .map(({ collection, id, pointer, detail }) => {
      const target = isObject(detail) ? detail[member] : undefined;
      return `${collection} ${id} ${pointer} ${String(target)}`;
    })
    .sort();
}

/** The references that violations find without a target. */
function missingIn(violations: readonly Violation[]): string[] {
  return placesIn(violations, "reference_missing", "target");
}

if (!NMDC_IS_HERE) process.stdout.write(`${NMDC_TITLE}\n`);

describe.skipIf(!NMDC_IS_HERE)(NMDC_TITLE, { timeout: LIMIT }, () => {
  afterAll(() => {
    removeInstallation();
    const unplaced = [...examples("valid"), ...examples("invalid")].filter(({ payload }) => payload === null).length;
    const withoutId = documentsOf(everything()).filter(({ id }) => id === "").length;
    const ms = (value: number): string => `${Math.round(value)} ms`;
    // oxlint-disable-next-line no-console -- the figures are for whoever reads the test run
    console.info(
      `NMDC: ${tally.documents} documents submitted in ${tally.runs} runs, ${tally.merged} merged, ${tally.refused} refused; ` +
        `${unplaced} files of no collection, ${withoutId} valid documents without an id; schema put in ${ms(times.schema)}, ` +
        `configuration in ${ms(times.configuration)}, merged in ${ms(times.merge)}; ` +
        `slowest submission ${ms(tally.slowest.ms)} (${tally.slowest.file})`,
    );
  });

  test("the real schema is installed by one run and rules every collection", async () => {
    const server = await start();
    const { body } = await call(server, "listCollections");
    const expected = collectionNames().map((name) => ({ name, schema: schemaOf(name), shards: 1, documents: 0 }));
    expect(new Map(body.items.map((item: { name: string }) => [item.name, item]))).toEqual(
      new Map(expected.map((item) => [item.name, item])),
    );
    expect(JSON.parse(git(server.gitDir, "show", "main:schemas/nmdc.schema.json"))).toEqual(JSON.parse(schemaText()));
    expect(fsck(server.gitDir)).toEqual([]);
  });

  test("every valid document merges, is read back, and merges again as nothing but a record", async () => {
    const server = await start();
    const before = mainOf(server);
    const runs: string[] = [];
    const repeated: string[] = [];
    for (const { file, payload } of submittable("valid")) {
      runs.push(await merge(server, payload, file), await merge(server, payload, `${file} again`));
      repeated.push(runs.at(-1) ?? "");
    }
    expect(sorted(await stored(server))).toEqual(sorted(everything()));
    expectHistory(server, before, runs);
    const merges = mergesSince(server, before).filter(({ run }) => repeated.includes(run));
    for (const { run, paths } of merges) expect(paths).toEqual([expect.stringMatching(`^runs/.*/${run}\\.json$`)]);
  });

  test("reference rules that stored documents break are refused, all counted and the first hundred named", async () => {
    const server = await start();
    const before = mainOf(server);
    const run = await merge(server, everything(), "everything at once");
    const dangling = danglingIn(everything());
    expect(dangling).not.toEqual([]);
    const rules = await openRun(server);
    await putConfiguration(server, rules, nmdcConfiguration({ references: true }));
    const { status, body } = await finishRun(server, rules, {});
    expect(status).toBe(422);
    expect(body.run.merge.verdict.violation_count).toBe(dangling.length);
    expect(body.errors).toHaveLength(Math.min(dangling.length, 100));
    expect(missingIn(body.errors)).toHaveLength(body.errors.length);
    expect(placesOf(dangling)).toEqual(expect.arrayContaining(missingIn(body.errors)));
    expectHistory(server, before, [run]);
  });

  test("every invalid document is refused where it is wrong, except what JSON Schema cannot tell", async () => {
    const server = await start();
    const before = mainOf(server);
    const runs: string[] = [];
    for (const { file, payload } of submittable("invalid")) {
      if (BEYOND_SCHEMA.has(file)) {
        runs.push(await merge(server, payload, file));
        continue;
      }
      const [violations, run] = await refuse(server, payload, file);
      expect({ file, astray: astray(payload, violations) }).toEqual({ file, astray: [] });
      expect({ file, inside: violations.some(({ pointer }) => pointer !== "") }).toEqual({ file, inside: true });
      const doorRefuses = documentsOf(payload).some(({ id }) => id === "");
      expect({ file, run }).toEqual({ file, run: doorRefuses ? undefined : "rejected" });
    }
    expectHistory(server, before, runs);
  });

  test("dangling references are refused by name, merge once their targets are there, and hold these", async () => {
    const server = await start();
    const settings = await openRun(server);
    await putConfiguration(server, settings, nmdcConfiguration({ references: true }));
    expect((await finishRun(server, settings, {})).status).toBe(200);
    const before = mainOf(server);

    const valid = submittable("valid");
    for (const { file, payload } of valid.filter(({ payload }) => danglingIn(payload).length > 0)) {
      const [violations] = await refuse(server, payload, file);
      expect({ file, missing: missingIn(violations) }).toEqual({ file, missing: placesOf(danglingIn(payload)) });
      expect({ file, others: violations.length - missingIn(violations).length }).toEqual({ file, others: 0 });
    }
    expect(mainOf(server)).toBe(before);

    const { closing, open } = closureOf(valid.map(({ payload }) => payload));
    const runs = [await merge(server, closing, "stand-ins")];
    for (const { file, payload } of valid) {
      if (file !== BEYOND_RULES) runs.push(await merge(server, payload, file));
      else expect(missingIn((await refuse(server, payload, file))[0])).toEqual(placesOf(open));
    }
    expectHistory(server, before, runs);
    await expectHeld(server);
  });

  /** Expects that the document most referred to cannot be deleted, and that every document which refers to it is named. */
  async function expectHeld(server: TestServer): Promise<void> {
    const documents = await stored(server);
    expect(danglingIn(documents)).toEqual([]);
    const references = referencesOf(documents);
    const to = (id: string): Reference[] => references.filter(({ target }) => target === id);
    const [most = ""] = [...new Set(references.map(({ target }) => target))].sort(
      (left, right) => to(right).length - to(left).length,
    );
    const home = documentsOf(documents).find(({ id }) => id === most)?.collection ?? "";
    const { status, body } = await finishRun(server, await openRun(server), { [home]: { [most]: null } });
    expect(status).toBe(422);
    expect(placesIn(body.errors, "reference_in_use", "id")).toEqual(placesOf(to(most)));
    expect(body.errors).toHaveLength(to(most).length);
  }
});
