import { createHash } from "node:crypto";
import type { TemplateRecord } from "../domain/job-template.ts";
import { canonicalJson, type JsonObject } from "../domain/json.ts";
import type { Violation } from "../domain/verdict.ts";
import { encodeObject } from "../git/objects.ts";
import type { SchemaSource } from "../schema/closure.ts";
import type { SchemaChecks } from "./schema-checks.ts";

/** The schema of a template's params, as a file of its own; null when it has none. */
function sourceOf({ params_schema: value }: Pick<TemplateRecord, "params_schema">): SchemaSource | null {
  if (value === undefined) return null;
  const text = canonicalJson(value);
  const key = `params ${createHash("sha256").update(text).digest("hex")}`;
  const path = "schemas/params.schema.json";
  return { key, filesKey: key, reference: `${path}#`, files: [{ path, oid: encodeObject("blob", text).oid, value }] };
}

/** Why a template's schema cannot be used, in ajv's words; null when it can, or there is none. */
export async function paramsSchemaError(
  schemas: SchemaChecks,
  template: Pick<TemplateRecord, "params_schema">,
): Promise<string | null> {
  const source = sourceOf(template);
  return source === null ? null : schemas.compileError(source);
}

/** What a template's schema finds wrong with the params of a job; pointers lead into the params. */
export async function paramsViolations(
  schemas: SchemaChecks,
  template: TemplateRecord,
  params: JsonObject,
): Promise<Violation[]> {
  const source = sourceOf(template);
  if (source === null) return [];
  const text = canonicalJson(params);
  const { oid } = encodeObject("blob", text);
  return schemas.check(source, [{ collection: "params", id: template.id, oid, document: params, text }], new Map());
}
