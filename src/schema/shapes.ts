import { readdirSync, readFileSync } from "node:fs";
import type { ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import type { JsonObject } from "../domain/json.ts";
import { type SchemaProblem, schemaProblem } from "./problem.ts";

/** The folder of the program's own schemas; the same place from the source and from the build. */
const FOLDER = new URL("../../schemas/", import.meta.url);
const BASE = "https://runtree.invalid/shapes/";

// Our own schemas are held against the metaschema by a test; here that would cost every command a tenth of a second.
const ajv = new Ajv2020({
  validateSchema: false,
  strict: true,
  strictRequired: false,
  allowUnionTypes: true,
  allErrors: true,
  discriminator: true,
  logger: false,
});
addFormats.default(ajv);
/** The program's own schema files, as JSON. */
export const SHAPE_FILES: readonly JsonObject[] = readdirSync(FOLDER)
  .sort()
  .map((name) => JSON.parse(readFileSync(new URL(name, FOLDER), "utf8")) as JsonObject);
for (const file of SHAPE_FILES) ajv.addSchema(file);

/** A stored or wire shape: the file below `schemas/` and the definition in it, such as `run#Run`. */
export type ShapeName = `${string}#${string}`;

function validatorOf(name: ShapeName): ValidateFunction {
  const [file = "", definition = ""] = name.split("#");
  const validate = ajv.getSchema(`${BASE}${file}.schema.json#/$defs/${definition}`);
  if (validate === undefined) throw new Error(`there is no shape ${name}`);
  return validate;
}

/** Checks a value against one of the program's own shapes; no problems when it fits. */
export function checkShape(name: ShapeName, value: unknown): SchemaProblem[] {
  const validate = validatorOf(name);
  return validate(value) === true ? [] : (validate.errors ?? []).map(schemaProblem);
}
