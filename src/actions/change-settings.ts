import type { Configuration } from "../domain/configuration.ts";
import { DEFAULT_SHARDS } from "../domain/configuration.ts";
import { encodeId } from "../domain/ids.ts";
import { canonicalJson, isObject, type Json } from "../domain/json.ts";
import { CONFIGURATION_FILE, documentAt, documentPath, SCHEMA_PATH, schemaPath } from "../domain/layout.ts";
import type { Notice } from "../domain/verdict.ts";
import { readCommit } from "../git/commit.ts";
import { diffTrees } from "../git/tree.ts";
import type { Authorship } from "../store/authorship.ts";
import { readBlob } from "../store/documents.ts";
import { configurationProblems } from "../store/rules.ts";
import type { RunView } from "../store/run-view.ts";
import type { Store } from "../store/store.ts";
import { advanceRun, onBranch } from "./advance-run.ts";
import type { Precondition } from "./patch-run.ts";
import { refuseAtDoor, refuseMember, requireOpenRun } from "./refusal.ts";

/** A schema or a configuration as somebody sent it. */
export interface SentSettings {
  readonly value: Json;
  readonly notices: readonly Notice[];
  readonly precondition: Precondition;
}

type Files = ReadonlyMap<string, string | null>;

async function putFiles(
  store: Store,
  author: Authorship,
  id: string,
  path: string,
  sent: SentSettings,
  more: (view: RunView) => Files,
): Promise<RunView> {
  return store.turns.take(`run ${id}`, async () => {
    const view = requireOpenRun(store, id);
    sent.precondition(view);
    return advanceRun(store, author, {
      ...onBranch(store, view),
      files: new Map([...more(view), [path, canonicalJson(sent.value)]]),
      lines: [`put ${path}`],
      notices: sent.notices,
      record: { ...view.record, updated_at: new Date(store.clock()).toISOString() },
      subject: `Change ${path} in run ${id}`,
    });
  });
}

/**
 * Puts a schema on a run's branch. Whether it compiles, and whether the documents under it still fit, is a warning now
 * and the gate's question later. Throws `run_not_found`, `run_closed`, `pushed_run`, `precondition_failed`,
 * `validation_failed`.
 */
export async function putSchema(
  store: Store,
  author: Authorship,
  id: string,
  name: string,
  sent: SentSettings,
): Promise<RunView> {
  requireOpenRun(store, id);
  const path = schemaPath(name);
  if (!SCHEMA_PATH.test(path) || encodeId(name) !== name) {
    refuseMember(
      "bad_id",
      "",
      `"${name}" cannot name a schema: letters, digits, ".", "_" and "-", a letter or digit first, at most 100.`,
    );
  }
  if (name.endsWith(".schema.json")) {
    refuseMember("bad_id", "", `Name the schema without its ending: ${name.slice(0, -".schema.json".length)}.`);
  }
  if (!isObject(sent.value)) refuseMember("schema", "", "A schema file is a JSON object.");
  return putFiles(store, author, id, path, sent, () => new Map());
}

/** Documents of the run that lie elsewhere under a new configuration: those of a collection it did not know before. */
function moved(store: Store, { record, head }: RunView, { collections }: Configuration): Files {
  const read = store.reader();
  const files = new Map<string, string | null>();
  for (const { path, after } of diffTrees(read, readCommit(read, record.base).tree, readCommit(read, head).tree)) {
    const named = documentAt(path);
    const settings = named === null ? undefined : collections[named.collection];
    if (named === null || settings === undefined || after === null) continue;
    const place = documentPath(named.collection, named.id, settings.shards ?? DEFAULT_SHARDS);
    if (place === path) continue;
    files.set(path, null).set(place, readBlob(read, after.oid).toString("utf8"));
  }
  return files;
}

/**
 * Puts `runtree.json` on a run's branch. A configuration of the wrong shape is refused at the door; otherwise throws
 * as `putSchema` does.
 */
export async function putConfiguration(
  store: Store,
  author: Authorship,
  id: string,
  sent: SentSettings,
): Promise<RunView> {
  requireOpenRun(store, id);
  refuseAtDoor(configurationProblems(sent.value).map((violation) => ({ ...violation, collection: null, id: null })));
  const configuration = sent.value as unknown as Configuration;
  return putFiles(store, author, id, CONFIGURATION_FILE, sent, (view) => moved(store, view, configuration));
}
