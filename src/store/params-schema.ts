import { createHash } from "node:crypto";
import type { TemplateRecord } from "../domain/job-template.ts";
import { canonicalJson, type JsonObject } from "../domain/json.ts";
import type { Violation } from "../domain/verdict.ts";
import { encodeObject } from "../git/objects.ts";
import type { SchemaSource } from "../schema/closure.ts";
import { Validator } from "../schema/validator.ts";
import { SchemaChecks } from "./schema-checks.ts";

/** The schema of a template's params, as a file of its own; null when it has none. */
function sourceOf({ params_schema: value }: Pick<TemplateRecord, "params_schema">): SchemaSource | null {
  if (value === undefined) return null;
  const text = canonicalJson(value);
  const key = `params ${createHash("sha256").update(text).digest("hex")}`;
  const path = "schemas/params.schema.json";
  return { key, filesKey: key, reference: `${path}#`, files: [{ path, oid: encodeObject("blob", text).oid, value }] };
}

/** Checks params against templates' schemas in a worker of its own, so that a slow one holds up no merge. It starts when it is first asked. */
export class ParamsChecks {
  readonly #validator = new Validator();
  readonly #schemas: SchemaChecks = new SchemaChecks(this.#validator);

  /** Why a template's schema cannot be used, in ajv's words; null when it can, or there is none. */
  async schemaError(template: Pick<TemplateRecord, "params_schema">): Promise<string | null> {
    const source = sourceOf(template);
    return source === null ? null : this.#schemas.compileError(source);
  }

  /** What a template's schema finds wrong with the params of a job; pointers lead into the params. */
  async violations(template: TemplateRecord, params: JsonObject): Promise<Violation[]> {
    const source = sourceOf(template);
    if (source === null) return [];
    const text = canonicalJson(params);
    const { oid } = encodeObject("blob", text);
    const documents = [{ collection: "params", id: template.id, oid, document: params, text }];
    return this.#schemas.check(source, documents, new Map());
  }

  async close(): Promise<void> {
    await this.#validator.close();
  }
}
