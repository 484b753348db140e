import { RuntreeError, hasCode } from "../domain/errors.ts";
import type { JsonObject } from "../domain/json.ts";
import type { Store } from "../store/store.ts";
import { readDocument } from "./read-documents.ts";

/** The document that describes a dataset, as `main` has it. Throws `dataset_not_found`. */
export function datasetOf(store: Store, id: string): JsonObject {
  const collection = store.datasets;
  try {
    return JSON.parse(readDocument(store, collection, id, undefined).bytes.toString("utf8")) as JsonObject;
  } catch (error) {
    if (!hasCode(error, "document_not_found") && !hasCode(error, "collection_not_found")) throw error;
    const words = `There is no dataset ${id}: it would be a document of the collection ${collection}.`;
    throw new RuntreeError("dataset_not_found", words, { collection, dataset_id: id }, error);
  }
}
