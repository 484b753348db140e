import { LRUCache } from "lru-cache";
import type { JsonObject } from "../domain/json.ts";
import type { Violation } from "../domain/verdict.ts";
import type { SchemaSource } from "../schema/closure.ts";
import type { SchemaProblem } from "../schema/problem.ts";
import { NOT_CHECKED, TOO_SLOW, type Validator } from "../schema/validator.ts";
import { type CheckedDocument, textOf } from "./checked-document.ts";
import { ChecksAhead } from "./checks-ahead.ts";
import { configViolation } from "./rules.ts";

/** How many documents go to the validator in one request. */
const BATCH = 500;

/** How long (ms) a document that took too long is not tried again: so that the lane of merges need not find out once more. */
const SLOW_MS = 60_000;

/** Checks documents against schemas and remembers what was found of which bytes under which schema. */
export class SchemaChecks {
  readonly #validator: Validator;
  readonly #known: LRUCache<string, readonly SchemaProblem[]> = new LRUCache<string, readonly SchemaProblem[]>({
    // Not `max`, for which all places are made at once: that would be most of the work of opening a small store.
    maxSize: 100_000,
    sizeCalculation: (problems) => 1 + 5 * problems.length,
  });

  constructor(validator: Validator) {
    this.#validator = validator;
  }

  /** Compiles a schema without documents; its error in ajv's words, or null. */
  async compileError(source: SchemaSource): Promise<string | null> {
    const result = await this.#validator.check(source, []);
    return "compileError" in result ? result.compileError : null;
  }

  /** Begins to check documents before they are asked for by `check`. */
  ahead(): ChecksAhead {
    return new ChecksAhead(this.#validator, (source, { oid }) => !this.#known.has(`${oid} ${source.key}`));
  }

  /** Checks documents of one collection; `found` is what was found of some of them ahead. */
  async check(
    source: SchemaSource,
    documents: readonly CheckedDocument[],
    found: ReadonlyMap<JsonObject, readonly SchemaProblem[]>,
  ): Promise<Violation[]> {
    const violations: Violation[] = [];
    const note = ({ collection, id, oid }: CheckedDocument, problems: readonly SchemaProblem[]): void => {
      const passing = problems.includes(TOO_SLOW) ? { ttl: SLOW_MS } : {};
      if (!problems.includes(NOT_CHECKED)) this.#known.set(`${oid} ${source.key}`, problems, passing);
      for (const problem of problems) violations.push({ code: "schema", collection, id, ...problem });
    };
    const fresh = documents.filter((checked) => {
      const problems = found.get(checked.document) ?? this.#known.get(`${checked.oid} ${source.key}`);
      if (problems !== undefined) note(checked, problems);
      return problems === undefined;
    });
    for (let at = 0; at < fresh.length; at += BATCH) {
      const batch = fresh.slice(at, at + BATCH);
      const result = await this.#validator.check(source, batch.map(textOf));
      if ("compileError" in result) return [doesNotCompile(source, result.compileError)];
      for (const [index, problems] of result.problems.entries()) note(batch[index] as CheckedDocument, problems);
    }
    return violations;
  }
}

/** The violation that a schema's own faults are. */
export function doesNotCompile(source: SchemaSource, words: string): Violation {
  const [file = "", pointer = ""] = source.reference.split("#");
  return configViolation("schema", pointer, `The schema does not compile: ${words}`, file);
}
