import { patchRun, type PatchRun } from "../../src/actions/patch-run.ts";
import { startRun, type StartRun } from "../../src/actions/start-run.ts";
import type { Configuration } from "../../src/domain/configuration.ts";
import { RuntreeError } from "../../src/domain/errors.ts";
import type { Json } from "../../src/domain/json.ts";
import type { Conflict, Violation } from "../../src/domain/verdict.ts";
import type { Authorship } from "../../src/store/authorship.ts";
import type { RunView } from "../../src/store/run-view.ts";
import type { Store } from "../../src/store/store.ts";
import { openTestStore, type TestStore, templateFolder, TESTER } from "./store.ts";

const text = { type: "string" };

const STUDY: Json = {
  $schema: "http://json-schema.org/draft-07/schema#",
  type: "object",
  required: ["id"],
  properties: { id: text, title: text, doi: { ...text, "x-unique": true } },
};

const SAMPLE: Json = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  required: ["id"],
  properties: {
    id: text,
    name: text,
    note: { type: ["string", "null"] },
    depth: { type: "number" },
    size: { type: "object", "x-merge": "atomic" },
    place: { type: "object" },
    studies: { type: "array", items: text },
    tags: { type: "array", items: text, "x-merge": "set" },
    parts: { type: "array", items: { type: "object" }, "x-merge": { by: "key" } },
    parent: { ...text, "x-ref": "samples" },
    list: { type: "array" },
  },
};

/** Two linked collections in two drafts: samples refer to studies and to each other, a study's doi is unique. */
export const CONFIGURATION: Configuration = {
  format: 1,
  collections: {
    studies: { schema: "schemas/study.schema.json" },
    samples: { schema: "schemas/sample.schema.json" },
  },
  references: [{ from: "samples", at: "/studies/*", to: ["studies"] }],
};

export const SCHEMAS: Readonly<Record<string, Json>> = {
  "schemas/study.schema.json": STUDY,
  "schemas/sample.schema.json": SAMPLE,
};

/** A store with the two linked collections, and these documents merged into it by a first run. */
export async function storeWith(body?: Json, files: Readonly<Record<string, Json>> = {}): Promise<TestStore> {
  const open = await openTestStore({ template: templateFolder(CONFIGURATION, { ...SCHEMAS, ...files }) });
  if (body !== undefined) await merged(open.store, body);
  return open;
}

/** Opens a run, with a submission when there is a body. */
export async function open(
  store: Store,
  body?: Json,
  more: Partial<StartRun> = {},
  author: Authorship = TESTER,
): Promise<RunView> {
  return startRun(store, author, { job_id: "custom", notices: [], ...(body === undefined ? {} : { body }), ...more });
}

/** Opens a run that is done at once. Throws when the gate refuses it. */
export async function merged(store: Store, body: Json, author: Authorship = TESTER): Promise<RunView> {
  return open(store, body, { done: true }, author);
}

export async function patch(
  store: Store,
  view: RunView,
  input: Omit<PatchRun, "notices">,
  author: Authorship = TESTER,
): Promise<RunView> {
  return patchRun(store, author, view.record.id, { notices: [], ...input }, () => undefined);
}

/** Says done; throws when the gate refuses. */
export async function finish(store: Store, view: RunView, author: Authorship = TESTER): Promise<RunView> {
  return patch(store, view, { done: true }, author);
}

export interface Refusal {
  readonly code: string;
  readonly errors: readonly Violation[];
  readonly conflicts: readonly Conflict[];
  readonly run: RunView;
}

/** What a promise was refused with; fails when it was not. */
export async function refusal(promise: Promise<unknown>): Promise<Refusal> {
  try {
    await promise;
  } catch (error) {
    if (!(error instanceof RuntreeError)) throw error;
    const { errors = [], conflicts = [], run } = error.data as unknown as Partial<Refusal>;
    return { code: error.code, errors, conflicts, run: run as RunView };
  }
  throw new Error("it was not refused");
}
