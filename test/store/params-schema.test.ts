import { expect, test } from "vitest";
import { createTemplate } from "../../src/actions/change-template.ts";
import { createJob } from "../../src/actions/create-job.ts";
import { merged, refusal, storeWith } from "../support/situations.ts";
import { TESTER } from "../support/store.ts";

/** Of a letter many times and another one this takes ages to say no. */
const SLOW = { properties: { a: { pattern: "^(a+)+$" } } };

test("a merge does not wait for a slow schema of somebody's params", async () => {
  const { store } = await storeWith({ studies: { s: { title: "A" } } });
  await createTemplate(store, TESTER, { template_id: "slow", executor: "external", params_schema: SLOW });
  const order: string[] = [];
  const params = { a: `${"a".repeat(40)}!` };
  const slow = refusal(createJob(store, TESTER, { template_id: "slow", params })).finally(() => order.push("params"));
  const merge = merged(store, { studies: { s: { title: "B" } } }).finally(() => order.push("merge"));
  await Promise.all([slow, merge]);
  expect([order, (await slow).code]).toEqual([["merge", "params"], "validation_failed"]);
});
