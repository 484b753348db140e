import { beforeAll, expect, test } from "vitest";
import { canonicalJson } from "../../src/domain/json.ts";
import { git } from "../support/git.ts";
import { call } from "../support/http.ts";
import { NO_WORKFLOW } from "../support/invocations.ts";
import { enqueue, readJob, SCRIPTS } from "../support/jobs.ts";
import { startServer, startServerForFile, type TestServer } from "../support/server.ts";

let server: TestServer;
beforeAll(() => startServerForFile((started) => void (server = started), ["--concurrency", "0"], SCRIPTS));

let made = 0;
const fresh = (): string => `made-${++made}`;

/** Makes a template, whatever comes of it. */
async function create(more: object, template_id = fresh()): ReturnType<typeof call> {
  return call(server, "createTemplate", { body: { template_id, executor: "process", command: "noop", ...more } });
}

const get = async (template_id: string): ReturnType<typeof call> =>
  call(server, "getTemplate", { params: { template_id } });
const patch = async (template_id: string, body: object): ReturnType<typeof call> =>
  call(server, "patchTemplate", { params: { template_id }, body });

test("a template is made, read, changed and archived, each as a commit", async () => {
  const template_id = fresh();
  const asked = {
    title: "Nothing",
    narrative: "Does nothing.",
    version: "1.0",
    default_params: { a: 1, b: { c: 2 } },
    params_schema: { type: "object", required: ["a"] },
    retries: 2,
    timeout_s: 0.5,
    skip_exit_code: 75,
  };
  const { body, headers } = await create(asked, template_id);
  expect(body).toEqual({
    template_id,
    executor: "process",
    command: "noop",
    status: "active",
    ...NO_WORKFLOW,
    ...asked,
  });
  expect(headers.get("location")).toBe(`/templates/${template_id}`);
  expect((await get(template_id)).body).toEqual(body);
  const changed = await patch(template_id, { title: null, default_params: { b: { c: null, d: 3 } }, retries: null });
  expect(changed.body).toEqual({ ...body, title: null, default_params: { a: 1, b: { d: 3 } }, retries: 0 });
  const archived = await call(server, "archiveTemplate", { params: { template_id } });
  expect(archived.body).toEqual({ ...changed.body, status: "archived" });
  expect((await call(server, "archiveTemplate", { params: { template_id } })).status).toBe(200);
  expect((await call(server, "createJob", { body: { template_id } })).body.errors[0].pointer).toBe("/template_id");
  expect((await patch(template_id, { status: "active" })).body.status).toBe("active");
  const log = git(server.gitDir, "log", "--format=%s", "refs/runtree/ops", "--", `templates/${template_id}.json`);
  const words = ["Change", "Archive", "Change", "Create"].map((verb) => `${verb} template ${template_id}`);
  expect(log.trim().split("\n")).toEqual(words);
});

test("templates are listed, newest first, in three ways of paging, and filtered", async () => {
  const ids = [fresh(), fresh(), fresh()];
  for (const id of ids) await create({}, id);
  await call(server, "archiveTemplate", { params: { template_id: ids[1] ?? "" } });
  const list = async (query: Record<string, string>): Promise<string[]> =>
    (await call(server, "listTemplates", { query })).body.items.map(
      (each: { template_id: string }) => each.template_id,
    );
  const newest = [...ids].reverse();
  expect((await list({})).slice(0, 3)).toEqual(newest);
  expect(await list({ limit: "1", offset: "1" })).toEqual(newest.slice(1, 2));
  expect(await list({ page: "3", page_size: "1" })).toEqual(newest.slice(2, 3));
  const first = await call(server, "listTemplates", { query: { cursor: "", limit: "2" } });
  expect(await list({ cursor: first.body.next_cursor, limit: "1" })).toEqual(newest.slice(2, 3));
  expect(await list({ status: "archived" })).toContain(ids[1]);
  expect(await list({ status: "active" })).not.toContain(ids[1]);
  expect(await list({ executor: "external" })).toEqual([]);
});

test("a job's params go over the template's, and have to fit its schema when it is queued and when it is changed", async () => {
  const params_schema = {
    type: "object",
    required: ["a"],
    properties: { a: { type: "integer", maximum: 9 }, b: { type: "object" } },
    additionalProperties: false,
  };
  const template_id = fresh();
  await create({ default_params: { a: 1, b: { x: 1 } }, params_schema }, template_id);
  const job_id = await enqueue(server, template_id, { params: { b: { y: 2 } } });
  expect((await readJob(server, job_id)).params).toEqual({ a: 1, b: { y: 2 } });
  for (const [params, pointer] of [
    [{ a: 10 }, "/params/a"],
    [{ a: "1" }, "/params/a"],
    [{ c: 1 }, "/params/c"],
  ] as const) {
    const refused = await call(server, "createJob", { body: { template_id, params } });
    expect([refused.status, refused.body.code, refused.body.errors[0].pointer]).toEqual([
      422,
      "validation_failed",
      pointer,
    ]);
    const changed = await call(server, "patchJob", { params: { job_id }, body: { params } });
    expect([changed.status, changed.body.errors[0].pointer]).toEqual([422, pointer]);
  }
  const without = await call(server, "patchJob", { params: { job_id }, body: { params: { a: null } } });
  expect(without.body.errors[0].pointer).toBe("/params/a");
  expect((await readJob(server, job_id)).params).toEqual({ a: 1, b: { y: 2 } });
});

test("defaults have to fit the schema as far as they are there, when either is given", async () => {
  const params_schema = {
    type: "object",
    required: ["a", "b"],
    properties: { a: { type: "integer" }, b: { type: "object", required: ["c"] } },
    additionalProperties: false,
    anyOf: [{ required: ["a"] }, { properties: { b: false } }],
  };
  const pointerOf = ({ status, body }: Awaited<ReturnType<typeof create>>): string =>
    status < 300 ? "" : body.errors[0].pointer;
  const refused = [
    [{ a: "x" }, "/default_params/a"],
    [{ b: {} }, "/default_params/b/c"],
    [{ z: 1 }, "/default_params/z"],
  ] as const;
  const template_id = fresh();
  expect(pointerOf(await create({ params_schema, default_params: { b: { c: 1 } } }, template_id))).toBe("");
  for (const [default_params, pointer] of refused) {
    expect(pointerOf(await create({ params_schema, default_params }))).toBe(pointer);
    if (pointer !== "/default_params/b/c")
      expect(pointerOf(await patch(template_id, { default_params }))).toBe(pointer);
  }
  expect(pointerOf(await create({ default_params: { a: "x" } }, `${template_id}-late`))).toBe("");
  expect(pointerOf(await patch(`${template_id}-late`, { params_schema }))).toBe("/default_params/a");
  expect(pointerOf(await patch(`${template_id}-late`, { title: "Still" }))).toBe("");
});

test("params have a quarter of a MiB at most, together with what was there before", async () => {
  const template_id = fresh();
  await create({}, template_id);
  const most = { a: "x".repeat(262_144 - canonicalJson({ a: "" }).length) };
  const job_id = await enqueue(server, template_id, { params: most });
  const more = [
    await call(server, "createJob", { body: { template_id, params: { a: `${most.a}x` } } }),
    await call(server, "createJob", { body: { executor: "external", params: { a: `${most.a}x` } } }),
    await call(server, "patchJob", { params: { job_id }, body: { params: { b: 1 } } }),
  ];
  // Each of them is a line of its own where it is kept.
  const lines = { a: Array.from({ length: 40_000 }, () => 1) };
  more.push(await call(server, "createJob", { body: { template_id, params: lines } }));
  for (const { status, body } of more)
    expect([status, body.errors[0].code, body.errors[0].pointer]).toEqual([422, "too_large", "/params"]);
  expect((await readJob(server, job_id)).params).toEqual(most);
});

test.for([
  ["a schema that does not compile", { params_schema: { type: "nonsense" } }, "/params_schema"],
  ["a schema that refers elsewhere", { params_schema: { $ref: "http://127.0.0.1:1/x.json" } }, "/params_schema"],
  ["a schema of a quarter of a MiB", { params_schema: { title: "x".repeat(262_144) } }, "/params_schema"],
  ["as much of default params", { default_params: { a: "x".repeat(262_144) } }, "/default_params"],
  ["a command of an external template", { executor: "external" }, "/command"],
  ["three retries", { retries: 3 }, "/retries"],
  ["no time at all", { timeout_s: 0 }, "/timeout_s"],
  ["exit code 0 as the one that skips", { skip_exit_code: 0 }, "/skip_exit_code"],
  ["an executor that is not there", { executor: "shell" }, "/executor"],
  ["a member that is not known", { argv: ["sh"] }, "/argv"],
] as const)("%s is refused", async ([, more, pointer]) => {
  const { status, body } = await create(more);
  expect([status, body.errors[0].pointer]).toEqual([422, pointer]);
});

test.for([
  "rm",
  "sh",
  "/bin/sh",
  "../noop",
  "noop ",
  " noop",
  "NOOP",
  "noop;sh",
  "noop\0",
  "n\u006fop\u200b",
  "__proto__",
  "constructor",
  "",
])("the command %j, which the configuration does not have, is command_not_allowed", async (command) => {
  const refused = await create({ command });
  expect([refused.status, refused.body.code]).toEqual([422, "command_not_allowed"]);
  const template_id = fresh();
  await create({}, template_id);
  const changed = await patch(template_id, { command });
  expect([changed.status, changed.body.code]).toEqual([422, "command_not_allowed"]);
  expect((await get(template_id)).body.command).toBe("noop");
});

test("an id that cannot be one, or that is taken, is refused", async () => {
  const template_id = fresh();
  await create({}, template_id);
  for (const id of [template_id, "", "a/b", "..", "é", "-a", "x".repeat(161)]) {
    const { status, body } = await create({}, id);
    expect([id, status, body.errors[0].pointer]).toEqual([id, 422, "/template_id"]);
  }
});

test("of templates made at once under one id there is one", async () => {
  const template_id = fresh();
  const all = await Promise.all(Array.from({ length: 6 }, async () => create({}, template_id)));
  expect(all.map(({ status }) => status).sort()).toEqual([201, 422, 422, 422, 422, 422]);
});

test("a repeated request is answered, not done again", async () => {
  const request = { headers: { "idempotency-key": "once" }, body: { template_id: fresh(), executor: "external" } };
  const first = await call(server, "createTemplate", request);
  const again = await call(server, "createTemplate", request);
  expect([again.status, again.body]).toEqual([201, first.body]);
  expect(again.headers.get("location")).toBe(first.headers.get("location"));
});

test("older programs name a template by an alias, which the configuration knows", async () => {
  const aliased = await startServer({
    scripts: SCRIPTS,
    flags: ["--concurrency", "0"],
    more: { aliases: { story: "tell" } },
  });
  await call(aliased, "createTemplate", { body: { template_id: "tell", executor: "external" } });
  for (const body of [{ type: "story" }, { job_type: "story" }, { type: "tell" }, { template_id: "tell" }]) {
    const { status, body: job } = await call(aliased, "createJob", { body });
    expect([status, job.template_id, job.type]).toEqual([201, "tell", "tell"]);
  }
  expect((await call(aliased, "listJobs", { query: { type: "story" } })).body.total).toBe(4);
  expect((await call(aliased, "listJobs", { query: { type: "other" } })).body.total).toBe(0);
  expect((await call(aliased, "createJob", { body: { type: "other" } })).body.code).toBe("template_not_found");
});

test("a template keeps its executor while jobs of it wait, and a job is tried again with that of its template only", async () => {
  const template_id = fresh();
  await create({}, template_id);
  const job_id = await enqueue(server, template_id);
  const change = { executor: "external", command: null };
  const refused = await patch(template_id, change);
  expect([refused.status, refused.body.errors[0].pointer]).toEqual([422, "/executor"]);
  await call(server, "cancelJob", { params: { job_id }, body: {} });
  expect((await patch(template_id, change)).body.executor).toBe("external");
  const again = await call(server, "retryJob", { params: { job_id }, body: {} });
  expect([again.status, again.body.errors[0].pointer]).toEqual([422, "/template_id"]);
});
