import { expect, test } from "vitest";
import { createTemplate } from "../../src/actions/change-template.ts";
import { createJob } from "../../src/actions/create-job.ts";
import { dispatchJob } from "../../src/actions/dispatch-job.ts";
import { endJob } from "../../src/actions/end-job.ts";
import { type PatchRun, patchRun } from "../../src/actions/patch-run.ts";
import { FOUND_RUNNING } from "../../src/daemon/job-outcome.ts";
import { shellCommand } from "../support/commands.ts";
import { openTestStore, TESTER } from "../support/store.ts";

const FAILED: Partial<PatchRun> = { status: "failed", error: { code: "exit_code", message: "It ended with 3." } };

test.each<[string, Partial<PatchRun> | null, number, string, string | undefined, number]>([
  ["is open", null, 0, "failed", "interrupted", 1],
  ["has failed", FAILED, 0, "failed", "exit_code", 0],
  ["has failed, of a template with retries,", FAILED, 1, "failed", "exit_code", 1],
  ["was skipped", { status: "skipped" }, 1, "skipped", undefined, 0],
  ["was cancelled", { status: "cancelled" }, 1, "cancelled", undefined, 0],
  ["was merged", { done: true }, 1, "completed", undefined, 0],
])("a job that is found running whose run %s ends so, and is tried again when that fits", async (...row) => {
  const [, became, retries, status, code, more] = row;
  const { store } = await openTestStore({ commands: new Map([["noop", shellCommand("noop", "exit 0")]]) });
  await createTemplate(store, TESTER, { template_id: "t", executor: "process", command: "noop", retries });
  const { id } = await createJob(store, TESTER, { template_id: "t" });
  const dispatched = await dispatchJob(store, id);
  const runId = dispatched?.run.record.id ?? "";
  if (became !== null) await patchRun(store, TESTER, runId, { notices: [], ...became }, () => undefined);
  const { ended } = await endJob(store, id, FOUND_RUNNING);
  expect([ended?.status, ended?.error?.code]).toEqual([status, code]);
  expect(store.jobs.queue.map(({ retryOf, attempt }) => [retryOf, attempt])).toEqual(more === 1 ? [[id, 2]] : []);
  // Nothing more comes of it when it is found again.
  await endJob(store, id, FOUND_RUNNING);
  expect(store.jobs.queue).toHaveLength(more);
});
