import { DEFAULT_SHARDS } from "../domain/configuration.ts";
import { documentPath } from "../domain/layout.ts";
import type { Violation } from "../domain/verdict.ts";
import type { ReadObject } from "../git/objects.ts";
import { blobAt } from "./documents.ts";
import { referencesIn, uniqueValuesIn } from "./main-index.ts";
import type { IndexView } from "./main-view.ts";
import type { MergePlan, PlannedDocument } from "./plan.ts";
import type { CheckedDocument } from "./checked-document.ts";
import { nameOf, resultOf } from "./standing.ts";

/** What links between documents are checked against: the plan's documents by name, and `main` for all others. */
export interface LinkContext {
  readonly plan: MergePlan;
  readonly planned: ReadonlyMap<string, PlannedDocument>;
  readonly read: ReadObject;
  readonly index: IndexView;
}

/** Tells whether a document stands after the plan. Many documents refer to the same few, so what was found is kept. */
function existence({ plan, planned, read }: LinkContext): (id: string, to: readonly string[]) => boolean {
  const looked = new Map<string, boolean>();
  const isThere = (collection: string, id: string): boolean => {
    const name = nameOf({ collection, id });
    const known = looked.get(name);
    if (known !== undefined) return known;
    const document = planned.get(name);
    const shards = plan.rules.collections.get(collection)?.shards ?? DEFAULT_SHARDS;
    const found =
      document === undefined
        ? blobAt(read, plan.main, documentPath(collection, id, shards)) !== null
        : resultOf(document) !== null;
    looked.set(name, found);
    return found;
  };
  return (id, to) => to.some((collection) => isThere(collection, id));
}

/** Checks references outward from documents, and inward to the ones that go. */
export function checkReferences(documents: readonly CheckedDocument[], context: LinkContext): Violation[] {
  const { plan, planned, index } = context;
  const exists = existence(context);
  const violations: Violation[] = [];
  for (const { collection, id, document } of documents) {
    const rules = plan.rules.collections.get(collection);
    if (rules === undefined) continue;
    for (const { target, pointer, to } of referencesIn(document, rules)) {
      if (target !== "" && exists(target, to)) continue;
      const message = `"${target}" is not in ${to.join(" or ")}.`;
      const detail = { target, to: [...to] };
      violations.push({ code: "reference_missing", collection, id, pointer, message, detail });
    }
  }
  for (const gone of plan.documents) {
    if (resultOf(gone) !== null || gone.ours === null) continue;
    for (const { collection, id, pointer, to } of index.referrers(gone.id)) {
      if (planned.has(nameOf({ collection, id })) || !to.includes(gone.collection) || exists(gone.id, to)) continue;
      const message = `${collection}/${id} still refers to ${nameOf(gone)}, which the run deletes.`;
      const detail = { collection: gone.collection, id: gone.id };
      violations.push({ code: "reference_in_use", collection, id, pointer, message, detail });
    }
  }
  return violations;
}

/** Checks that no two documents have the same value where it must be unique. */
export function checkUniqueness(
  documents: readonly CheckedDocument[],
  { plan, planned, index }: LinkContext,
): Violation[] {
  const violations: Violation[] = [];
  const seen = new Map<string, string>();
  for (const { collection, id, document } of documents) {
    const rules = plan.rules.collections.get(collection);
    if (rules === undefined) continue;
    for (const { key, pointer } of uniqueValuesIn(document, rules)) {
      const other = holderThatStays(index, planned, collection, key, id) ?? seen.get(key);
      seen.set(key, id);
      if (other === undefined || other === id) continue;
      const message = `"${other}" has the same value, which must be unique.`;
      violations.push({ code: "duplicate", collection, id, pointer, message, detail: { id: other } });
    }
  }
  return violations;
}

/** The first other document of `main` with a unique value, of those that the plan leaves alone. */
function holderThatStays(
  index: IndexView,
  planned: ReadonlyMap<string, PlannedDocument>,
  collection: string,
  key: string,
  id: string,
): string | undefined {
  for (const other of index.holders(key))
    if (other !== id && !planned.has(nameOf({ collection, id: other }))) return other;
  return undefined;
}
