import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { OPERATIONS } from "../../src/contract/operations.ts";
import { PROBLEMS } from "../../src/contract/problems.ts";
import { checkShape, type ShapeName } from "../../src/schema/shapes.ts";

test("every operation is called over HTTP by a test", () => {
  const text = readdirSync(import.meta.dirname)
    .map((name) => readFileSync(`${import.meta.dirname}/${name}`, "utf8"))
    .join("\n");
  expect(Object.keys(OPERATIONS).filter((id) => !text.includes(`call(server, "${id}"`))).toEqual([]);
});

test("no two operations answer the same method and path", () => {
  const routes = Object.values(OPERATIONS).map(({ method, path }) => `${method} ${path}`);
  expect(new Set(routes).size).toBe(routes.length);
});

test("every shape of the table exists, and refuses nonsense", () => {
  for (const { response, ...operation } of Object.values(OPERATIONS)) {
    const names = ["request" in operation ? operation.request : response, response] as ShapeName[];
    for (const name of names) if (name !== "document#AnyJson") expect(checkShape(name, 5)).not.toEqual([]);
  }
});

test("every code has a title and a status of the right kind", () => {
  for (const { status, title } of Object.values(PROBLEMS)) {
    expect(status).toBeGreaterThanOrEqual(400);
    expect(title).not.toBe("");
  }
});
