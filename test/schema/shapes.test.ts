import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, test } from "vitest";
import { SHAPE_FILES } from "../../src/schema/shapes.ts";

test.each(SHAPE_FILES.map((file) => [String(file["$id"]), file]))("%s is a schema of its draft", (_, file) => {
  const ajv = new Ajv2020();
  expect([ajv.validateSchema(file), ajv.errors]).toEqual([true, null]);
});
