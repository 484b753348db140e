import { readFileSync } from "node:fs";
import type { Json, JsonObject } from "../../src/domain/json.ts";

export interface DocumentedParameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly schema: JsonObject;
}

interface DocumentedAnswer {
  readonly content?: Readonly<Record<string, { readonly schema: JsonObject }>>;
}

/** An operation as docs/openapi.json has it. */
export interface DocumentedOperation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly DocumentedParameter[];
  /** Schemas of the body by content type; none when it has no body. */
  readonly bodies: Readonly<Record<string, JsonObject>>;
  readonly answers: Readonly<Record<string, DocumentedAnswer>>;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, JsonObject>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonObject>> };
}

const DOCUMENT = JSON.parse(readFileSync("docs/openapi.json", "utf8")) as Document;

/** Every operation that is documented. */
export const DOCUMENTED: readonly DocumentedOperation[] = Object.entries(DOCUMENT.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => {
    const { content = {} } = (operation["requestBody"] ?? {}) as { content?: Record<string, { schema: JsonObject }> };
    return {
      id: operation["operationId"] as string,
      method: method.toUpperCase(),
      path,
      parameters: (operation["parameters"] ?? []) as unknown as DocumentedParameter[],
      bodies: Object.fromEntries(Object.entries(content).map(([type, { schema }]) => [type, schema])),
      answers: operation["responses"] as unknown as Record<string, DocumentedAnswer>,
    };
  }),
);

/** A schema with the definition that it refers to in its place. */
export function resolved(schema: JsonObject): JsonObject {
  const name = /^#\/components\/schemas\/(\w+)$/.exec(String(schema["$ref"]))?.[1];
  return name === undefined ? schema : resolved(DOCUMENT.components.schemas[name] ?? {});
}

/** Every answer that is documented, `operation status code`; the code of a success is empty. */
export function documentedAnswers(): string[] {
  return DOCUMENTED.flatMap(({ id, answers }) =>
    Object.entries(answers).flatMap(([status, { content }]) => {
      const schema = content?.["application/problem+json"]?.schema;
      const { code } = (schema?.["properties"] ?? { code: { enum: [""] } }) as { code: { enum: Json[] } };
      return code.enum.map((each) => `${id} ${status} ${String(each)}`.trim());
    }),
  );
}
