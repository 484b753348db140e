import { DEFAULT_SHARDS } from "../domain/configuration.ts";
import { documentAt, documentPath } from "../domain/layout.ts";
import type { Violation } from "../domain/verdict.ts";
import type { Oid, ReadObject } from "../git/objects.ts";
import { FILE_MODE, findEntry, isTree, walkFiles } from "../git/tree.ts";
import { type CheckOutcome, checkPlan } from "./checks.ts";
import type { CommandChecks } from "./command-checks.ts";
import type { SchemaChecks } from "./schema-checks.ts";
import { readDocumentBlob } from "./documents.ts";
import { MainIndex } from "./main-index.ts";
import type { PlannedDocument } from "./plan.ts";
import { configViolation, danglingSettings, makeRules, type Rules } from "./rules.ts";

/**
 * Checks a whole tree as if every document in it were new: its layout, and everything the gate checks; by the operator's
 * commands unless `commands` is null.
 */
export async function checkWholeTree(
  read: ReadObject,
  tree: Oid,
  rules: Rules,
  schemas: SchemaChecks,
  commands: CommandChecks | null,
): Promise<CheckOutcome> {
  const documents: PlannedDocument[] = [];
  const violations: Violation[] = danglingSettings(rules);
  const metadata = findEntry(read, tree, "metadata");
  const files = metadata !== null && isTree(metadata) ? walkFiles(read, metadata.oid, "metadata/") : [];
  for (const { path, entry } of files) {
    const named = documentAt(path);
    const merged = named === null || entry.mode !== FILE_MODE ? null : readDocumentBlob(read, entry.oid);
    if (named === null || merged === null) {
      violations.push(configViolation("forbidden_path", "", `${path} is not a document.`, path));
      continue;
    }
    const shards = rules.collections.get(named.collection)?.shards ?? DEFAULT_SHARDS;
    const place = documentPath(named.collection, named.id, shards);
    if (place !== path)
      violations.push({
        code: "forbidden_path",
        ...named,
        pointer: "",
        message: `${path} is not this document's place; it is ${place}.`,
      });
    const { oid } = entry;
    const versions = { ours: null, theirs: merged, merged, theirsOid: oid, mergedText: null, mergedBlob: null };
    documents.push({ ...named, path, ...versions, conflicts: [] });
  }
  const nothing = makeRules({ format: rules.configuration.format, collections: {} }, []);
  const index = new MainIndex(read, tree, nothing);
  const nothingElse = { settings: [], conflicts: [], objects: [] };
  const plan = { rules, rulesChanged: true, documents, violations, main: tree, tree, ...nothingElse };
  const asked = commands === null ? null : { round: commands.round(), wait: true };
  return checkPlan(plan, { read, index, schemas, ahead: schemas.ahead(), commands: asked });
}
