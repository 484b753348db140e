import { RuntreeError } from "../domain/errors.ts";
import { schemaName, schemaPath } from "../domain/layout.ts";
import { readBlob } from "../store/documents.ts";
import type { Rules } from "../store/rules.ts";
import type { Store } from "../store/store.ts";

/** A schema file of `main` by its name, and the collections whose documents it rules. */
export interface SchemaEntry {
  readonly name: string;
  readonly collections: readonly string[];
}

/** The collections that refer to a file, in the order of their names. */
function ruledBy({ collections }: Rules, path: string): string[] {
  const found = [...collections.values()].filter(({ schema }) => schema?.split("#")[0] === path);
  return found.map(({ name }) => name).sort();
}

/** The schemas of `main`, by name. */
export function listSchemas(store: Store): SchemaEntry[] {
  store.main.catchUp();
  const { rules } = store.main;
  return rules.schemaFiles
    .map(({ path }) => ({ name: schemaName(path), collections: ruledBy(rules, path) }))
    .sort((left, right) => (left.name < right.name ? -1 : 1));
}

/** A schema of `main` as it was written; the entity tag is its blob's id. Throws `not_found`. */
export function readSchema(store: Store, name: string): { readonly etag: string; readonly bytes: Buffer } {
  store.main.catchUp();
  const file = store.main.rules.schemaFiles.find(({ path }) => path === schemaPath(name));
  if (file === undefined) throw new RuntreeError("not_found", `There is no schema ${name}.`, { name });
  return { etag: file.oid, bytes: readBlob(store.reader(), file.oid) };
}
