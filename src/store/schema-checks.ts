import { LRUCache } from "lru-cache";
import type { JsonObject } from "../domain/json.ts";
import type { Violation } from "../domain/verdict.ts";
import type { Oid } from "../git/objects.ts";
import type { SchemaSource } from "../schema/closure.ts";
import type { Validator } from "../schema/validator.ts";
import { configViolation } from "./rules.ts";

/** A document as it would stand on `main`. */
export interface CheckedDocument {
  readonly collection: string;
  readonly id: string;
  readonly oid: Oid;
  readonly document: JsonObject;
  /** Its JSON, where that is at hand. */
  readonly text: string | null;
}

/** How many documents go to the validator in one request. */
const BATCH = 500;

/** Checks documents against schemas and remembers which bytes are valid under which schema. */
export class SchemaChecks {
  readonly #validator: Validator;
  readonly #valid: LRUCache<string, true> = new LRUCache<string, true>({
    // Not `max`, for which all places are made at once: that would be most of the work of opening a small store.
    maxSize: 100_000,
    sizeCalculation: () => 1,
  });

  constructor(validator: Validator) {
    this.#validator = validator;
  }

  /** Compiles a schema without documents; its error in ajv's words, or null. */
  async compileError(source: SchemaSource): Promise<string | null> {
    const result = await this.#validator.check(source, []);
    return "compileError" in result ? result.compileError : null;
  }

  /** Checks documents of one collection. */
  async check(source: SchemaSource, documents: readonly CheckedDocument[]): Promise<Violation[]> {
    const fresh = documents.filter(({ oid }) => !this.#valid.has(`${oid} ${source.key}`));
    if (fresh.length === 0) return [];
    const violations: Violation[] = [];
    for (let at = 0; at < fresh.length; at += BATCH) {
      const batch = fresh.slice(at, at + BATCH);
      const result = await this.#validator.check(
        source,
        batch.map(({ document, text }) => text ?? JSON.stringify(document)),
      );
      if ("compileError" in result) return [doesNotCompile(source, result.compileError)];
      for (const [index, problems] of result.problems.entries()) {
        const { collection, id, oid } = batch[index] as CheckedDocument;
        if (problems.length === 0) this.#valid.set(`${oid} ${source.key}`, true);
        for (const problem of problems) violations.push({ code: "schema", collection, id, ...problem });
      }
    }
    return violations;
  }
}

/** The violation that a schema's own faults are. */
export function doesNotCompile(source: SchemaSource, words: string): Violation {
  const [file = "", pointer = ""] = source.reference.split("#");
  return configViolation("schema", pointer, `The schema does not compile: ${words}`, file);
}
