import { Ajv, type Options } from "ajv";
import { Ajv2019 } from "ajv/dist/2019.js";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import type { Json } from "../domain/json.ts";

/**
 * User schemas hold keywords ajv does not know and regular expressions the `u` flag refuses, so: not strict, no `u`.
 * Formats are asserted, `$data` is off, every error is reported.
 */
const OPTIONS: Options = {
  strict: false,
  unicodeRegExp: false,
  allErrors: true,
  $data: false,
  logger: false,
  addUsedSchema: false,
};

/** The ajv for a schema's own `$schema`: draft-07, 2019-09, or 2020-12 (also when it says nothing). */
export function ajvFor(draft: Json | undefined): Ajv {
  const text = typeof draft === "string" ? draft : "";
  const Draft = text.includes("draft-07") ? Ajv : text.includes("2019-09") ? Ajv2019 : Ajv2020;
  const ajv = new Draft(OPTIONS);
  addFormats.default(ajv);
  return ajv;
}
