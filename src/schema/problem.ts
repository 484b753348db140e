import type { ErrorObject } from "ajv";
import { formatPointer } from "../domain/pointer.ts";

/** One way in which a value does not fit its schema. */
export interface SchemaProblem {
  /** Into the value. A missing, surplus or telling member is named by its own pointer. */
  readonly pointer: string;
  readonly schema_pointer: string;
  readonly message: string;
}

/** Reads an ajv error. */
export function schemaProblem(error: ErrorObject): SchemaProblem {
  const params = error.params as Record<string, unknown>;
  const member =
    params["missingProperty"] ?? params["additionalProperty"] ?? params["unevaluatedProperty"] ?? params["tag"];
  const allowed =
    error.keyword === "enum"
      ? params["allowedValues"]
      : error.keyword === "const"
        ? [params["allowedValue"]]
        : undefined;
  const words = Array.isArray(allowed)
    ? `: ${allowed
        .slice(0, 20)
        .map((value) => JSON.stringify(value))
        .join(", ")}`
    : "";
  return {
    pointer: error.instancePath + (typeof member === "string" ? formatPointer([member]) : ""),
    schema_pointer: error.schemaPath,
    message: (error.message ?? "does not fit the schema") + words,
  };
}
