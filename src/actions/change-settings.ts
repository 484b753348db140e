import { canonicalJson, isObject, type Json } from "../domain/json.ts";
import { CONFIGURATION_FILE, SCHEMA_PATH, schemaPath } from "../domain/layout.ts";
import type { Notice } from "../domain/verdict.ts";
import type { Authorship } from "../store/authorship.ts";
import { configurationProblems } from "../store/rules.ts";
import type { RunView } from "../store/run-view.ts";
import type { Store } from "../store/store.ts";
import { advanceRun, onBranch } from "./advance-run.ts";
import { refuseAtDoor, refuseMember, requireOpenRun } from "./refusal.ts";
import type { Precondition } from "./patch-run.ts";

async function putFile(
  store: Store,
  author: Authorship,
  id: string,
  path: string,
  value: Json,
  notices: readonly Notice[],
  precondition: Precondition,
): Promise<RunView> {
  return store.runTurns.take(id, async () => {
    const view = requireOpenRun(store, id);
    precondition(view);
    return advanceRun(store, author, {
      ...onBranch(store, view),
      files: new Map([[path, canonicalJson(value)]]),
      lines: [`put ${path}`],
      notices,
      record: { ...view.record, updated_at: new Date(store.clock()).toISOString() },
      subject: `Change ${path} in run ${id}`,
    });
  });
}

/**
 * Puts a schema on a run's branch. Whether it compiles, and whether the documents under it still fit, is a warning now
 * and the gate's question later. Throws `run_not_found`, `run_closed`, `pushed_run`, `validation_failed`.
 */
export async function putSchema(
  store: Store,
  author: Authorship,
  id: string,
  name: string,
  value: Json,
  notices: readonly Notice[],
  precondition: Precondition,
): Promise<RunView> {
  requireOpenRun(store, id);
  const path = schemaPath(name);
  if (!SCHEMA_PATH.test(path))
    refuseMember("bad_id", "", `"${name}" cannot name a schema: letters, digits, ".", "_" and "-", at most 100.`);
  if (!isObject(value)) refuseMember("schema", "", "A schema file is a JSON object.");
  return putFile(store, author, id, path, value, notices, precondition);
}

/** Puts `runtree.json` on a run's branch. Throws as `putSchema` does; a configuration of the wrong shape is refused at the door. */
export async function putConfiguration(
  store: Store,
  author: Authorship,
  id: string,
  value: Json,
  notices: readonly Notice[],
  precondition: Precondition,
): Promise<RunView> {
  requireOpenRun(store, id);
  refuseAtDoor(configurationProblems(value).map((violation) => ({ ...violation, collection: null, id: null })));
  return putFile(store, author, id, CONFIGURATION_FILE, value, notices, precondition);
}
