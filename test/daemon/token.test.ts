import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { call } from "../support/http.ts";
import { jobEnded, nodeProgram, type Scripts } from "../support/jobs.ts";
import { makeKey } from "../support/keys.ts";
import { startServer, type TestServer } from "../support/server.ts";

/** Submits over REST as it goes, tries what it may not do, and notes how it was answered. */
const SUBMITS = `
import { readFileSync, writeFileSync } from "node:fs";
const { RUNTREE_URL, RUNTREE_RUN_ID, RUNTREE_TOKEN, RUNTREE_PARAMS_FILE, RUNTREE_OUTPUT } = process.env;
const { other, job, done } = JSON.parse(readFileSync(RUNTREE_PARAMS_FILE, "utf8"));
const headers = { authorization: "Bearer " + RUNTREE_TOKEN, "content-type": "application/json" };
const ask = async (method, path, body) => {
  const answer = await fetch(RUNTREE_URL + path, { method, headers, body: body && JSON.stringify(body) });
  return [answer.status, (await answer.json()).code ?? null];
};
const own = "/runs/" + RUNTREE_RUN_ID;
const study = (id) => ({ study_set: { [id]: { title: "Over REST" } } });
const answers = {
  read: await ask("GET", own),
  readOther: await ask("GET", "/runs/" + other),
  patch: await ask("PATCH", own, { body: study("rest-1"), metadata: { rows: 3 } }),
  again: await ask("PATCH", own, { body: study("rest-2") }),
  preview: await ask("POST", own + "/preview", {}),
  patchOther: await ask("PATCH", "/runs/" + other, { body: study("stolen") }),
  cancelOther: await ask("POST", "/runs/" + other + "/cancel", {}),
  start: await ask("POST", "/jobs/custom/runs", {}),
  ownJob: await ask("POST", "/jobs/" + job + "/cancel", {}),
  enqueue: await ask("POST", "/jobs", { template_id: "submits" }),
  reorder: await ask("POST", "/queue/reorder", { job_ids: [] }),
  template: await ask("POST", "/templates", { template_id: "t", executor: "external" }),
  schema: await ask("PUT", own + "/schemas/study", { type: "object" }),
};
if (done) answers.done = await ask("PATCH", own, { done: true });
writeFileSync(RUNTREE_OUTPUT, JSON.stringify(study("at-exit")));
writeFileSync("answers.json", JSON.stringify({ answers, token: RUNTREE_TOKEN }));
`;

const ALLOWED = [200, null];
const FORBIDDEN = [403, "forbidden"];

test.each([true, false])(
  "a process submits over REST with its own token, to its own run only; it says done: %s",
  async (done) => {
    const scripts = (data: string): Scripts => ({ submits: nodeProgram(data, "submits", SUBMITS) });
    const server: TestServer = await startServer({ scripts });
    const as = (role: "agent" | "steward"): Record<string, string> => ({ "x-api-key": makeKey(server.data, role) });
    const [agent, steward] = [as("agent"), as("steward")];
    await call(server, "createTemplate", {
      body: { template_id: "submits", executor: "process", command: "submits" },
      headers: steward,
    });
    const start = { params: { job_id: "custom" }, body: {}, headers: agent };
    const { body: other } = await call(server, "startRun", start);
    const params = { other: other.id, job: "custom", done };
    const made = await call(server, "createJob", { body: { template_id: "submits", params }, headers: agent });
    const job = await jobEnded(server, made.body.job_id, agent);
    expect(job).toMatchObject({ status: "completed", exit_code: 0 });
    const { answers, token } = JSON.parse(readFileSync(join(server.data, "answers.json"), "utf8"));
    const allowed = new Set(["read", "readOther", "patch", "again", "preview", ...(done ? ["done"] : [])]);
    const { body: run } = await call(server, "getRun", { params: { run_id: job.run_id }, headers: agent });
    expect(answers).toEqual(
      Object.fromEntries(Object.keys(answers).map((name) => [name, allowed.has(name) ? ALLOWED : FORBIDDEN])),
    );
    expect(run).toMatchObject({
      status: "success",
      created_by: "agent",
      metadata: { rows: 3 },
      submissions: done ? 2 : 3,
    });
    const { body: studies } = await call(server, "listDocuments", {
      params: { collection: "study_set" },
      headers: agent,
    });
    const ids = studies.items.map(({ id }: { id: string }) => id).sort();
    expect(ids).toEqual([...(done ? [] : ["at-exit"]), "rest-1", "rest-2"]);
    // Nothing can be added to a run that was merged; its log tells.
    const log = readFileSync(join(server.data, job.log_path), "utf8");
    expect(log).toMatch(done ? /^\n\[runtree: .*\]\n$/ : /^$/);
    // It is good for nothing when the job has ended.
    const late = { params: { run_id: job.run_id }, headers: { "x-api-key": token } };
    expect((await call(server, "getRun", late)).body.code).toBe("unauthorized");
  },
);
