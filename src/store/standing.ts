import { byUnit, type JsonObject } from "../domain/json.ts";
import type { DocumentName } from "./merge-file.ts";
import type { MergePlan, PlannedDocument } from "./plan.ts";
import type { CheckedDocument } from "./checked-document.ts";

/** A document of a plan as it would stand on `main`. */
export interface StandingDocument extends CheckedDocument {
  readonly planned: PlannedDocument;
}

/** The text that names a document among all others. */
export function nameOf({ collection, id }: DocumentName): string {
  return `${collection}/${id}`;
}

/** What of a plan is checked: the run's own version where the merge conflicts, the merged one elsewhere. */
export function resultOf(planned: PlannedDocument): JsonObject | null {
  return planned.conflicts.length > 0 ? planned.theirs : planned.merged;
}

/** A plan's document as it would stand on `main`; null when it would go. */
export function standingDocument(planned: PlannedDocument): StandingDocument | null {
  const { collection, id, theirsOid, mergedBlob, mergedText, conflicts } = planned;
  const document = resultOf(planned);
  const [oid, text] = conflicts.length > 0 ? [theirsOid, null] : [mergedBlob?.oid ?? theirsOid, mergedText];
  return document === null || oid === null ? null : { collection, id, oid, document, text, planned };
}

/** All documents of a plan by name, and those that would stand on `main` in the order of the names. */
export function standingDocuments(plan: MergePlan): {
  planned: ReadonlyMap<string, PlannedDocument>;
  documents: StandingDocument[];
} {
  const named = plan.documents.map((planned) => ({ name: nameOf(planned), planned }));
  named.sort((left, right) => byUnit(left.name, right.name));
  const documents: StandingDocument[] = [];
  for (const { planned } of named) {
    const standing = standingDocument(planned);
    if (standing !== null) documents.push(standing);
  }
  return { planned: new Map(named.map(({ name, planned }) => [name, planned])), documents };
}
