import { dirname } from "node:path/posix";
import { DEFAULT_SHARDS } from "../domain/configuration.ts";
import { collisionKey, decodeId, encodeId, foldId } from "../domain/ids.ts";
import { byUnit, type JsonObject } from "../domain/json.ts";
import { CONFIGURATION_FILE, documentPath } from "../domain/layout.ts";
import { counted, type Violation } from "../domain/verdict.ts";
import type { EncodedObject, Oid, ReadObject } from "../git/objects.ts";
import { findEntry, readTree, type TreeEntry } from "../git/tree.ts";
import { schemaSource, type SchemaSource } from "../schema/closure.ts";
import { blobAt, documentsIn, readDocumentBlob } from "./documents.ts";
import { MainIndex, referencesIn, uniqueValuesIn } from "./main-index.ts";
import type { IndexView } from "./main-view.ts";
import type { MergePlan, PlannedDocument } from "./plan.ts";
import { configViolation, type RuledCollection, type Rules } from "./rules.ts";
import { type CheckedDocument, doesNotCompile, type SchemaChecks } from "./schema-checks.ts";

/** What the checks stand on: `index` is that of the `main` the plan was made for. */
export interface CheckContext {
  readonly read: ReadObject;
  readonly index: IndexView;
  readonly schemas: SchemaChecks;
}

/** What the checks found, whole and in order, and how many documents they looked at. */
export interface CheckOutcome {
  readonly violations: readonly Violation[];
  readonly checked: number;
}

/** What of a plan is checked: the run's own version where the merge conflicts, the merged one elsewhere. */
function resultOf(planned: PlannedDocument): JsonObject | null {
  return planned.conflicts.length > 0 ? planned.theirs : planned.merged;
}

/** The blob of `resultOf`. */
function resultOidOf(planned: PlannedDocument): Oid | null {
  return planned.conflicts.length > 0 ? planned.theirsOid : planned.mergedOid;
}

function nameOf({ collection, id }: Pick<PlannedDocument, "collection" | "id">): string {
  return `${collection}/${id}`;
}

/** The plan's documents that would stand on `main`, by name. */
function standing(plan: MergePlan): CheckedDocument[] {
  return plan.documents
    .map((planned) => ({ planned, name: nameOf(planned) }))
    .sort((left, right) => byUnit(left.name, right.name))
    .flatMap(({ planned }) => {
      const [document, oid] = [resultOf(planned), resultOidOf(planned)];
      if (document === null || oid === null) return [];
      return [{ collection: planned.collection, id: planned.id, document, oid }];
    });
}

/** Every document of the collections that new rules concern, except those the plan has anyway. */
function ruledAnew(read: ReadObject, plan: MergePlan, old: Rules): CheckedDocument[] {
  const planned = new Set(plan.documents.map(({ path }) => path));
  return [...plan.rules.collections.values()].flatMap((collection) => {
    if (sameRules(collection, old.collections.get(collection.name))) return [];
    return [...documentsIn(read, plan.tree, collection.name)].flatMap(({ path, id, oid }) => {
      const document = planned.has(path) ? null : readDocumentBlob(read, oid);
      return document === null ? [] : [{ collection: collection.name, id, oid, document }];
    });
  });
}

function sameRules(left: RuledCollection, right: RuledCollection | undefined): boolean {
  const text = (rules: RuledCollection): string => JSON.stringify([rules.source?.key, rules.references, rules.unique]);
  return right !== undefined && text(left) === text(right);
}

/** Violations of the rules themselves: collections taken away or split anew under their documents. */
function checkSettings(plan: MergePlan, read: ReadObject, { index }: CheckContext): Violation[] {
  return [...index.rules.collections.values()].flatMap((old) => {
    const now = plan.rules.collections.get(old.name);
    if (now?.shards === old.shards) return [];
    const documents = [...documentsIn(read, plan.tree, old.name)].length;
    if (documents === 0) return [];
    const pointer = `/collections/${old.name}`;
    if (now === undefined)
      return [
        configViolation("unknown_collection", pointer, `The collection still has ${counted(documents, "document")}.`),
      ];
    return [
      configViolation(
        "schema",
        `${pointer}/shards`,
        `shards is fixed at ${old.shards} while the collection has documents.`,
      ),
    ];
  });
}

function checkIdentity(documents: readonly CheckedDocument[], plan: MergePlan, read: ReadObject): Violation[] {
  // What main has already collides with nothing there; it is the new ones that may.
  const fresh = new Set(plan.documents.filter(({ ours }) => ours === null).map(nameOf));
  const folders = new Map<string, FolderNames>();
  return documents.flatMap(({ collection, id, document }): Violation[] => {
    const rules = plan.rules.collections.get(collection);
    if (rules === undefined) {
      const message = `There is no collection ${collection}; add it to ${CONFIGURATION_FILE}.`;
      return [{ code: "unknown_collection", collection, id, pointer: "", message }];
    }
    const violations: Violation[] = [];
    if (document["id"] !== id) {
      const message = `The id inside is ${JSON.stringify(document["id"] ?? null)}, the document's is "${id}".`;
      violations.push({ code: "id_mismatch", collection, id, pointer: "/id", message });
    }
    if (!fresh.has(nameOf({ collection, id }))) return violations;
    const folder = dirname(documentPath(collection, id, rules.shards));
    const names = folders.get(folder) ?? namesIn(readTree(read, findEntry(read, plan.tree, folder)?.oid ?? null));
    folders.set(folder, names);
    for (const other of collidingIds(names, id)) {
      const message = `The id differs from "${other}" only in case or normal form.`;
      violations.push({ code: "id_collision", collection, id, pointer: "/id", message, detail: { id: other } });
    }
    return violations;
  });
}

/** The file names of a folder, without `.json`. */
interface FolderNames {
  readonly all: readonly string[];
  /** Those that may belong to one id, by `collisionKey`; null is the key of those that may belong to any. */
  readonly byKey: ReadonlyMap<string | null, readonly string[]>;
}

function namesIn(entries: readonly TreeEntry[]): FolderNames {
  const all = entries.map(({ name }) => name.replace(/\.json$/, ""));
  const byKey = new Map<string | null, string[]>();
  for (const name of all) {
    const key = collisionKey(name);
    const alike = byKey.get(key);
    if (alike === undefined) byKey.set(key, [name]);
    else alike.push(name);
  }
  return { all, byKey };
}

/** The ids of other documents in one folder that collide with an id. */
function collidingIds({ all, byKey }: FolderNames, id: string): string[] {
  const [folded, key] = [foldId(id), collisionKey(encodeId(id))];
  const candidates = key === null ? [...all] : [...(byKey.get(key) ?? []), ...(byKey.get(null) ?? [])];
  return candidates.sort(byUnit).flatMap((name) => {
    const other = decodeId(name);
    return other !== null && other !== id && foldId(other) === folded ? [other] : [];
  });
}

/** References outward from checked documents, and inward to the ones that go. */
function checkReferences(
  documents: readonly CheckedDocument[],
  plan: MergePlan,
  read: ReadObject,
  index: IndexView,
): Violation[] {
  const planned = new Map(plan.documents.map((document) => [`${document.collection}/${document.id}`, document]));
  // Many documents refer to the same few.
  const looked = new Map<string, boolean>();
  const isThere = (collection: string, id: string): boolean => {
    const name = nameOf({ collection, id });
    const known = planned.get(name);
    if (known !== undefined) return resultOf(known) !== null;
    const shards = plan.rules.collections.get(collection)?.shards ?? DEFAULT_SHARDS;
    const found = looked.get(name) ?? blobAt(read, plan.tree, documentPath(collection, id, shards)) !== null;
    looked.set(name, found);
    return found;
  };
  const exists = (id: string, to: readonly string[]): boolean => to.some((collection) => isThere(collection, id));
  const missing = documents.flatMap(({ collection, id, document }) => {
    const rules = plan.rules.collections.get(collection);
    return (rules === undefined ? [] : referencesIn(document, rules)).flatMap(
      ({ target, pointer, to }): Violation[] => {
        if (target !== "" && exists(target, to)) return [];
        return [
          {
            code: "reference_missing",
            collection,
            id,
            pointer,
            message: `"${target}" is not in ${to.join(" or ")}.`,
            detail: { target, to: [...to] },
          },
        ];
      },
    );
  });
  const inUse = plan.documents.flatMap((gone) => {
    if (resultOf(gone) !== null || gone.ours === null) return [];
    return index.referrers(gone.id).flatMap(({ collection, id, pointer, to }): Violation[] => {
      if (planned.has(`${collection}/${id}`) || !to.includes(gone.collection) || exists(gone.id, to)) return [];
      const message = `${collection}/${id} still refers to ${gone.collection}/${gone.id}, which the run deletes.`;
      return [
        {
          code: "reference_in_use",
          collection,
          id,
          pointer,
          message,
          detail: { collection: gone.collection, id: gone.id },
        },
      ];
    });
  });
  return [...missing, ...inUse];
}

function checkUniqueness(documents: readonly CheckedDocument[], plan: MergePlan, index: IndexView): Violation[] {
  const replaced = new Set(plan.documents.map(({ collection, id }) => `${collection}/${id}`));
  const seen = new Map<string, string>();
  return documents.flatMap(({ collection, id, document }) => {
    const rules = plan.rules.collections.get(collection);
    return (rules === undefined ? [] : uniqueValuesIn(document, rules)).flatMap(({ key, pointer }): Violation[] => {
      const stands = [...index.holders(key)].find((other) => other !== id && !replaced.has(`${collection}/${other}`));
      const other = stands ?? seen.get(key);
      seen.set(key, id);
      if (other === undefined || other === id) return [];
      return [
        {
          code: "duplicate",
          collection,
          id,
          pointer,
          message: `"${other}" has the same value, which must be unique.`,
          detail: { id: other },
        },
      ];
    });
  });
}

function byCollection(documents: readonly CheckedDocument[]): Map<string, CheckedDocument[]> {
  const groups = new Map<string, CheckedDocument[]>();
  for (const document of documents) {
    const group = groups.get(document.collection);
    if (group === undefined) groups.set(document.collection, [document]);
    else group.push(document);
  }
  return groups;
}

/** The schemas that a plan brings or changes; each must compile, used or not. */
function changedSources(plan: MergePlan, old: Rules): SchemaSource[] {
  const known = new Set([...old.collections.values()].map(({ source }) => source?.key));
  const used = [...plan.rules.collections.values()].flatMap(({ source }) =>
    source === null || known.has(source.key) ? [] : [source],
  );
  const covered = new Set(used.flatMap(({ files }) => files.map(({ path }) => path)));
  const oldFiles = new Set(old.schemaFiles.map(({ oid }) => oid));
  const alone = plan.rules.schemaFiles.filter(({ path, oid }) => !covered.has(path) && !oldFiles.has(oid));
  return [...used, ...alone.flatMap(({ path }) => schemaSource(plan.rules.schemaFiles, path) ?? [])];
}

/**
 * Checks what `main` would become: identity, references both ways, uniqueness, then schemas. Everything that depends on
 * the index is worked out before the first wait, so that it speaks of one `main`. The plan's own violations come first.
 */
export async function checkPlan(plan: MergePlan, context: CheckContext): Promise<CheckOutcome> {
  let added: Map<Oid, EncodedObject> | null = null;
  const read: ReadObject = (oid) =>
    (added ??= new Map(plan.objects.map((object) => [object.oid, object]))).get(oid) ?? context.read(oid);
  const documents = standing(plan);
  const anew = plan.rulesChanged ? ruledAnew(read, plan, context.index.rules) : [];
  const all = [...documents, ...anew];
  const index = plan.rulesChanged ? new MainIndex(read, plan.tree, plan.rules) : context.index;

  const violations = [
    ...plan.violations,
    ...(plan.rulesChanged ? checkSettings(plan, read, context) : []),
    ...checkIdentity(documents, plan, read),
    ...checkReferences(all, plan, read, index),
    ...checkUniqueness(all, plan, index),
  ];
  for (const source of plan.rulesChanged ? changedSources(plan, context.index.rules) : []) {
    const words = await context.schemas.compileError(source);
    if (words !== null) violations.push(doesNotCompile(source, words));
  }
  const broken = new Set(violations.map(({ id }) => id));
  // Asked for at once, so that they share a message to the worker.
  const found = [...byCollection(all)].map(async ([name, inside]) => {
    const source = plan.rules.collections.get(name)?.source ?? null;
    return source === null || broken.has(source.files[0]?.path ?? "") ? [] : context.schemas.check(source, inside);
  });
  for (const some of await Promise.all(found)) for (const violation of some) violations.push(violation);
  const order = (violation: Violation): string =>
    `${violation.collection ?? ""}\0${violation.id ?? ""}\0${violation.pointer}`;
  return { violations: violations.sort((left, right) => byUnit(order(left), order(right))), checked: all.length };
}
