import { collisionKey, decodeId, encodeId, foldId } from "../domain/ids.ts";
import { byUnit } from "../domain/json.ts";
import { CONFIGURATION_FILE } from "../domain/layout.ts";
import { addTo } from "../domain/lists.ts";
import type { Violation } from "../domain/verdict.ts";
import type { ReadObject } from "../git/objects.ts";
import { findEntry, readTree } from "../git/tree.ts";
import type { MergePlan, PlannedDocument } from "./plan.ts";
import type { StandingDocument } from "./standing.ts";

/** Checks that collections are known, that ids are those of the paths, and that no two differ in case or normal form only. */
export function checkIdentity(documents: readonly StandingDocument[], plan: MergePlan, read: ReadObject): Violation[] {
  const violations: Violation[] = [];
  const namesIn = foldersAhead(plan, read);
  for (const { collection, id, document, planned } of documents) {
    if (!plan.rules.collections.has(collection)) {
      const message = `There is no collection ${collection}; add it to ${CONFIGURATION_FILE}.`;
      violations.push({ code: "unknown_collection", collection, id, pointer: "", message });
      continue;
    }
    if (document["id"] !== id) {
      const message = `The id inside is ${JSON.stringify(document["id"] ?? null)}, the document's is "${id}".`;
      violations.push({ code: "id_mismatch", collection, id, pointer: "/id", message });
    }
    // What main has already collides with nothing there; it is the new ones that may.
    if (planned.ours !== null) continue;
    for (const other of collidingIds(namesIn(folderOf(planned)), id)) {
      const message = `The id differs from "${other}" only in case or normal form.`;
      violations.push({ code: "id_collision", collection, id, pointer: "/id", message, detail: { id: other } });
    }
  }
  return violations;
}

/** File names without `.json`: those that may belong to one id, by `collisionKey`; null is the key of those that may belong to any. */
type NamesByKey = ReadonlyMap<string | null, readonly string[]>;

const NO_NAMES: readonly string[] = [];

/** Finds the names in a folder of `main` as the plan would leave it. */
function foldersAhead(plan: MergePlan, read: ReadObject): (folder: string) => NamesByKey {
  const planned = new Map<string, PlannedDocument[]>();
  for (const document of plan.documents) addTo(planned, folderOf(document), document);
  const known = new Map<string, NamesByKey>();
  return (folder) => {
    const found = known.get(folder);
    if (found !== undefined) return found;
    const entries = readTree(read, findEntry(read, plan.main, folder)?.oid ?? null);
    const names = new Set(entries.map(({ name }) => withoutJson(name)));
    for (const { path, merged } of planned.get(folder) ?? []) {
      const name = withoutJson(path.slice(folder.length + 1));
      if (merged === null) names.delete(name);
      else names.add(name);
    }
    const byKey = new Map<string | null, string[]>();
    for (const name of names) addTo(byKey, collisionKey(name), name);
    known.set(folder, byKey);
    return byKey;
  };
}

function folderOf({ path }: PlannedDocument): string {
  return path.slice(0, path.lastIndexOf("/"));
}

function withoutJson(name: string): string {
  return name.endsWith(".json") ? name.slice(0, -".json".length) : name;
}

/** The ids of other documents in one folder that collide with an id. */
function collidingIds(names: NamesByKey, id: string): string[] {
  const [name, folded] = [encodeId(id), foldId(id)];
  const key = collisionKey(name);
  const candidates =
    key === null ? [...names.values()].flat() : [...(names.get(key) ?? NO_NAMES), ...(names.get(null) ?? NO_NAMES)];
  const others = candidates.filter((candidate) => candidate !== name);
  return others.sort(byUnit).flatMap((candidate) => {
    const other = decodeId(candidate);
    return other !== null && foldId(other) === folded ? [other] : [];
  });
}
