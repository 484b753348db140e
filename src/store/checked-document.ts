import type { JsonObject } from "../domain/json.ts";
import type { Oid } from "../git/objects.ts";

/** A document as it would stand on `main`. */
export interface CheckedDocument {
  readonly collection: string;
  readonly id: string;
  readonly oid: Oid;
  readonly document: JsonObject;
  /** Its JSON, where that is at hand. */
  readonly text: string | null;
}

/** The JSON of a document. */
export function textOf({ document, text }: CheckedDocument): string {
  return text ?? JSON.stringify(document);
}
