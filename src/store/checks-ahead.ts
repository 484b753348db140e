import type { JsonObject } from "../domain/json.ts";
import { addTo } from "../domain/lists.ts";
import type { SchemaSource } from "../schema/closure.ts";
import type { SchemaProblem } from "../schema/problem.ts";
import type { Validator } from "../schema/validator.ts";
import { type CheckedDocument, textOf } from "./checked-document.ts";

/** How many documents go to the validator in one message. */
const BATCH = 256;

/** Documents of several collections on their way to the validator, so that it works while the rest is still planned. */
export class ChecksAhead {
  readonly #validator: Validator;
  readonly #isFresh: (source: SchemaSource, checked: CheckedDocument) => boolean;
  readonly #sent: Promise<void>[] = [];
  readonly #found = new Map<JsonObject, readonly SchemaProblem[]>();
  #batch = new Map<SchemaSource, CheckedDocument[]>();
  #size = 0;

  constructor(validator: Validator, isFresh: (source: SchemaSource, checked: CheckedDocument) => boolean) {
    this.#validator = validator;
    this.#isFresh = isFresh;
  }

  /** Takes a document, and sends it when there are enough of them. */
  add(source: SchemaSource, checked: CheckedDocument): void {
    if (!this.#isFresh(source, checked)) return;
    addTo(this.#batch, source, checked);
    if (++this.#size === BATCH) this.send();
  }

  /** Sends what was taken, without a wait. */
  send(): void {
    if (this.#size > 0) this.#sent.push(this.#ask([...this.#batch]));
    this.#batch = new Map();
    this.#size = 0;
  }

  /** What was found of the documents that could be checked ahead. */
  async found(): Promise<ReadonlyMap<JsonObject, readonly SchemaProblem[]>> {
    await Promise.all(this.#sent);
    return this.#found;
  }

  async #ask(batch: readonly (readonly [SchemaSource, readonly CheckedDocument[]])[]): Promise<void> {
    const checks = batch.map(([source, documents]) => ({ source, documents: documents.map(textOf) }));
    // What goes wrong here is told when the documents are asked for.
    const answers = (await this.#validator.checkAhead(checks).catch(() => null)) ?? [];
    for (const [at, answer] of answers.entries()) {
      if (!("problems" in answer)) continue;
      for (const [index, checked] of (batch[at]?.[1] ?? []).entries())
        this.#found.set(checked.document, answer.problems[index] ?? []);
    }
  }
}
