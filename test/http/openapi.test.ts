import { readFileSync } from "node:fs";
import { Validator } from "@seriousme/openapi-schema-validator";
import { expect, test } from "vitest";
import { openApi } from "../../src/contract/openapi.ts";
import { operation, OPERATIONS, type OperationId } from "../../src/contract/operations.ts";
import { SHAPE_FILES } from "../../src/schema/shapes.ts";
import { PROGRAM } from "../../src/store/program.ts";
import { call } from "../support/http.ts";
import { startServer } from "../support/server.ts";

const DOCUMENT = openApi(SHAPE_FILES, PROGRAM.version);

test("the OpenAPI document is served, and is the one in docs/; `npm run openapi` writes that anew", async () => {
  const server = await startServer();
  const { body } = await call(server, "getOpenApi");
  expect(body).toEqual(DOCUMENT);
  expect(JSON.parse(readFileSync("docs/openapi.json", "utf8"))).toEqual(DOCUMENT);
});

test("it is valid OpenAPI 3.1", async () => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(structuredClone(DOCUMENT) as unknown as Record<string, unknown>);
  expect(errors ?? []).toEqual([]);
  expect([valid, validator.version]).toEqual([true, "3.1"]);
});

test("it has every operation, and every shape that it speaks of", () => {
  const { paths, components } = DOCUMENT as unknown as {
    paths: Record<string, Record<string, { operationId: string }>>;
    components: { schemas: Record<string, unknown> };
  };
  const shown = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId }]) => `${operationId} ${method.toUpperCase()} ${path}`),
  );
  const known = (Object.keys(OPERATIONS) as OperationId[]).map(
    (id) => `${id} ${operation(id).method} ${operation(id).path}`,
  );
  expect(shown.sort()).toEqual(known.sort());
  for (const [, name = ""] of JSON.stringify(DOCUMENT).matchAll(/"#\/components\/schemas\/(\w+)"/g))
    expect(Object.keys(components.schemas)).toContain(name);
  expect(JSON.stringify(DOCUMENT)).not.toContain("schema.json#");
});
