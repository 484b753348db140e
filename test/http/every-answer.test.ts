import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import type { OperationId } from "../../src/contract/operations.ts";
import { PROBLEMS } from "../../src/contract/problems.ts";
import type { ErrorCode } from "../../src/domain/errors.ts";
import { runIdMaker } from "../../src/domain/run-id.ts";
import { pipeGit } from "../git/repositories.ts";
import { temporaryFolder } from "../support/folders.ts";
import { chainFile, type LiveGalaxy } from "../support/galaxy.ts";
import { git } from "../support/git.ts";
import { GOOD, mergedRun, startRun, STUDY } from "../support/good-requests.ts";
import { type Answer, call, type Request } from "../support/http.ts";
import { addDataset, COUNT, galaxiesByName, galaxyEnvironment, invoke, startCounting } from "../support/invocations.ts";
import { enqueue, jobEnded, makeTemplate, SCRIPTS } from "../support/jobs.ts";
import { documentedAnswers } from "../support/openapi.ts";
import { startServer, startServerForFile, type TestServer } from "../support/server.ts";

const MAX_BODY = 20_000;
const NONE = "01arz3ndektsv4rrffq69g5fav";

/** There are two workflows of this name. */
const TWICE = "Twice";

let server: TestServer;
let galaxy: LiveGalaxy;
beforeAll(() =>
  startServerForFile(
    (started) => void (server = started),
    ["--max-body", String(MAX_BODY)],
    SCRIPTS,
    async (until) => {
      galaxy = await startCounting([chainFile(TWICE), chainFile(TWICE)], until);
      return galaxyEnvironment(galaxy);
    },
  ),
);

/** Codes that no request brings about by itself, why, and the tests that have them. */
const ELSEWHERE: Readonly<Partial<Record<ErrorCode, string>>> = {
  unauthorized: "only where there are keys: test/http/roles.test.ts",
  rate_limited: "only beyond a limit: test/http/limits.test.ts",
  too_many_runs: "only beyond a limit: test/http/limits.test.ts",
  internal: "only where our own program fails: test/http/internal.test.ts",
  busy: "only where the disk or another process is at fault: test/crash/disk-errors.test.ts, test/crash/leftovers.test.ts",
  disk_full: "only where the disk is full: test/crash/disk-errors.test.ts",
};

/** What brings an answer about: a request that is made for it, or the answer itself where it takes more than one. */
type Way = (id: OperationId) => Promise<Request | Answer>;

const good = (id: OperationId): Promise<Request> => GOOD[id](server);
const study = (title: string): object => ({ study_set: { [STUDY]: { title } } });
const move = (ref: string, to: string): Buffer =>
  pipeGit(server.gitDir, ["update-ref", ref, to], { env: { RUNTREE_MAINTENANCE: "1" } });

/** The good request with something else in it. */
const but =
  (change: (request: Request, id: OperationId) => Request): Way =>
  async (id) => {
    const request = await good(id);
    return { ...request, ...change(request, id) };
  };
const withParam = (name: string, value: string): Way => but(({ params }) => ({ params: { ...params, [name]: value } }));
const withHeader = (name: string, value: string): Way =>
  but(({ headers }) => ({ headers: { ...headers, [name]: value } }));
const withRun =
  (make: () => Promise<string>): Way =>
  async (id) => {
    const request = await good(id);
    return { ...request, params: { ...request.params, run_id: await make() } };
  };

/** An open run whose record says that it came by push, as nothing but a push will make it. */
async function pushedRun(): Promise<string> {
  const { id } = await startRun(server);
  const record = JSON.parse(git(server.gitDir, "show", `runs/${id}:run.json`)) as object;
  const pushed = runIdMaker()(Date.now());
  const made = (args: readonly string[], input = ""): string =>
    pipeGit(server.gitDir, args, { input }).toString().trim();
  const blob = made(["hash-object", "-w", "--stdin"], JSON.stringify({ ...record, id: pushed, origin: "push" }));
  const tree = made(["mktree"], `${made(["ls-tree", "main"])}\n100644 blob ${blob}\trun.json\n`);
  move(`refs/heads/runs/${pushed}`, made(["commit-tree", tree, "-p", "main", "-m", "by push"]));
  return pushed;
}

/** An open run that somebody merged nine merged runs into, so that it has nine best common ancestors with main. */
async function runOfManyBases(): Promise<string> {
  const { id, head } = await startRun(server);
  const others = await Promise.all(Array.from({ length: 9 }, () => startRun(server)));
  const tips: string[] = [];
  for (const { id: run_id } of others)
    tips.push((await call(server, "patchRun", { params: { run_id }, body: { done: true } })).body.head);
  git(server.gitDir, "rev-parse", "main");
  const parents = [head, ...tips].flatMap((tip) => ["-p", tip]);
  const merge = pipeGit(server.gitDir, ["commit-tree", `${head}^{tree}`, ...parents, "-m", "many"])
    .toString()
    .trim();
  move(`refs/heads/runs/${id}`, merge);
  return id;
}

/** An open run that says otherwise than main of the study's title. */
async function conflictingRun(): Promise<string> {
  await mergedRun(server, "Before");
  const { id } = await startRun(server, { body: study("Theirs") });
  await mergedRun(server, "Ours");
  return id;
}

/** A server that has a job of a template whose command went from its configuration. */
async function restartedWithoutCommands(): Promise<{ later: TestServer; job_id: string }> {
  const first = await startServer({ scripts: SCRIPTS });
  await makeTemplate(first, "noop");
  const { job_id } = await jobEnded(first, await enqueue(first, "noop"));
  await first.stop();
  return { later: await startServer({ data: first.data, scripts: {} }), job_id };
}

/** Two Galaxies that gave the same id to an invocation each. */
async function ofTwoGalaxies(): Promise<{ server: TestServer; params: { invocation_id: string } }> {
  const { galaxy: named, env } = galaxiesByName({ eu: await startCounting(), us: await startCounting() });
  const data = temporaryFolder();
  writeFileSync(join(data, "runtree.config.json"), JSON.stringify({ galaxy: named }));
  const both = await startServer({ data, env });
  const [{ invocation_id }, other] = [await invoke(both, { server: "eu" }), await invoke(both, { server: "us" })];
  expect(other.invocation_id).toBe(invocation_id);
  return { server: both, params: { invocation_id } };
}

/** A request to invoke a workflow for a dataset that has what it takes. */
const asks =
  (more: object): Way =>
  async () => ({ body: { workflow_name: COUNT, dataset_id: await addDataset(server), ...more } });

/** The same, where Galaxy's answer to the invoke itself is this. */
const whereInvoking =
  (fault: "cut_after" | "status_403" | "status_500"): Way =>
  async (id) => {
    galaxy.faults.add({ operation: "invoke", fault });
    return asks({})(id);
  };

let keys = 0;
const freshKey = (): Record<string, string> => ({ "idempotency-key": `every-answer-${++keys}` });

/** Ways by code, whatever the operation is; `done` is said where the gate is to answer. */
const BY_CODE: Readonly<Partial<Record<ErrorCode, Way>>> = {
  bad_request: but(({ query }) => ({ query: { ...query, no_such_parameter: "1" } })),
  forbidden: withHeader("origin", "http://elsewhere.example"),
  run_not_found: async (id) => {
    const request = await good(id);
    return request.params?.["run_id"] === undefined
      ? { ...request, query: { at: `run:${NONE}` } }
      : { ...request, params: { ...request.params, run_id: NONE } };
  },
  job_not_found: async (id) => {
    const body = id === "reorderQueue" ? { body: { job_ids: ["no-such-job"] } } : {};
    return { ...(await withParam("job_id", "no-such-job")(id)), ...body };
  },
  template_not_found: withParam("template_id", "no-such-template"),
  job_not_queued: async (id) => {
    const { params: { job_id = "" } = {} } = await GOOD.retryJob(server);
    const body = id === "reorderQueue" ? { body: { job_ids: [job_id] } } : {};
    return { ...(await good(id)), params: { job_id }, ...body };
  },
  command_not_allowed: but(({ body }) => ({ body: { ...(body as object), executor: "process", command: "none" } })),
  collection_not_found: withParam("collection", "no_such_set"),
  document_not_found: withParam("id", "none"),
  malformed_json: but(() => ({ body: "{" })),
  too_large: but(() => ({ body: { title: "x".repeat(MAX_BODY) } })),
  unsupported_media_type: withHeader("content-type", "text/csv"),
  validation_failed: but(() => ({ body: "5" })),
  precondition_failed: withHeader("if-match", '"0"'),
  pushed_run: withRun(pushedRun),
  run_closed: withRun(async () => (await mergedRun(server)).id),
  idempotency_key_reused: async (id) => {
    const request = { ...(await good(id)), headers: freshKey() };
    await call(server, id, request);
    return { ...request, body: `${JSON.stringify(request.body)} ` };
  },
  request_in_progress: async (id) => {
    for (;;) {
      const request = { ...(await good(id)), headers: freshKey() };
      const answers = await Promise.all(Array.from({ length: 8 }, () => call(server, id, request)));
      const found = answers.find(({ body }) => body.code === "request_in_progress");
      if (found !== undefined) return found;
    }
  },
};

/** Ways of one operation's answer, `operation status code`. */
const OWN: Readonly<Record<string, Way>> = {
  "startRun 409 run_exists": async () => {
    const { id } = await startRun(server);
    return { params: { job_id: "custom" }, body: { run_id: id } };
  },
  "startRun 409 merge_conflict": async () => {
    await mergedRun(server, "Before");
    const { headers } = await call(server, "listCollections");
    await mergedRun(server, "Ours");
    const base = headers.get("runtree-commit");
    return { params: { job_id: "custom" }, body: { base, done: true, body: study("Theirs") } };
  },
  "patchRun 409 merge_conflict": async () => ({ params: { run_id: await conflictingRun() }, body: { done: true } }),
  "patchRun 409 too_many_bases": async () => ({ params: { run_id: await runOfManyBases() }, body: { done: true } }),
  "previewRun 409 too_many_bases": withRun(runOfManyBases),
  "resolveRun 409 merge_conflict": withRun(conflictingRun),
  "resolveRun 409 too_many_bases": withRun(runOfManyBases),
  "revertRun 409 merge_conflict": async () => {
    await mergedRun(server, "Before");
    const { id } = await mergedRun(server, "Reverted");
    await mergedRun(server, "Ours");
    return { params: { run_id: id }, body: { done: true } };
  },
  "revertRun 409 run_closed": withRun(async () => {
    const { id } = await startRun(server);
    await call(server, "cancelRun", { params: { run_id: id } });
    return id;
  }),
  "createJob 422 command_not_allowed": async () => {
    const { later } = await restartedWithoutCommands();
    return call(later, "createJob", { body: { template_id: "noop" } });
  },
  "retryJob 422 command_not_allowed": async () => {
    const { later, job_id } = await restartedWithoutCommands();
    return call(later, "retryJob", { params: { job_id }, body: {} });
  },
  "getRunLog 404 not_found": withRun(async () => (await startRun(server)).id),
  "getRunArtifact 404 not_found": withParam("path", "none.txt"),
  "startRun 409 job_not_external": async () => ({ ...(await GOOD.retryJob(server)), body: {} }),
  "createJob 404 template_not_found": async () => ({ body: { template_id: "no-such-template" } }),
  "createJob 422 ambiguous_job": async () => ({ body: {} }),
  "createJob 404 dataset_not_found": asks({ dataset_id: "none" }),
  "createJob 409 ambiguous": asks({ workflow_name: TWICE }),
  "createJob 422 workflow_not_allowed": asks({ workflow_name: "None" }),
  "createJob 422 input_missing": async () => ({
    body: { workflow_name: COUNT, dataset_id: await addDataset(server, {}) },
  }),
  "createJob 422 galaxy_error": whereInvoking("status_403"),
  "createJob 502 galaxy_error": whereInvoking("status_500"),
  "createJob 503 galaxy_not_configured": asks({ server: "none" }),
  "createJob 504 galaxy_timeout": whereInvoking("cut_after"),
  ...Object.fromEntries(
    (["getInvocation", "cancelInvocation"] as const).flatMap((id) => [
      [`${id} 404 not_found`, withParam("invocation_id", "none")],
      [
        `${id} 409 ambiguous`,
        async () => {
          const { server: both, params } = await ofTwoGalaxies();
          return call(both, id, { params, ...(id === "cancelInvocation" ? { body: {} } : {}) });
        },
      ],
    ]),
  ),
  "cancelInvocation 409 job_not_queued": async () => {
    const { job_id, invocation_id } = await invoke(server);
    galaxy.clock.pass(60);
    await jobEnded(server, job_id);
    return { params: { invocation_id }, body: {} };
  },
  "getSchema 404 not_found": withParam("name", "none"),
  "getDocsAsset 404 not_found": withParam("asset", "none.js"),
  ...Object.fromEntries(
    ["listDocuments", "getDocument", "getState"].map((id) => [
      `${id} 404 not_found`,
      but(() => ({ query: { at: "no-such-tag" } })),
    ]),
  ),
};

/** What brings about an answer that is not a problem. */
const WELL: Readonly<Record<string, Way>> = {
  "200": good,
  "201": good,
  "204": good,
  "202": but(({ body, headers }) => ({
    body: { ...(body as object), done: true },
    headers: { ...headers, prefer: "respond-async" },
  })),
  "304": withHeader("if-none-match", "*"),
};

function isElsewhere(answer: string): boolean {
  const [, , code = ""] = answer.split(" ");
  return Object.hasOwn(ELSEWHERE, code);
}

function wayTo(answer: string): Way | undefined {
  const [, status = "", code = ""] = answer.split(" ");
  return OWN[answer] ?? (code === "" ? WELL[status] : BY_CODE[code as ErrorCode]);
}

const ANSWERS = documentedAnswers();

test("every documented answer has a way to it here, or is known to be elsewhere", () => {
  expect(ANSWERS.length).toBeGreaterThan(200);
  expect(ANSWERS.filter((answer) => wayTo(answer) === undefined && !isElsewhere(answer))).toEqual([]);
});

test("what is here or elsewhere is documented, once, and elsewhere is a place", () => {
  expect(Object.keys(OWN).filter((answer) => !ANSWERS.includes(answer))).toEqual([]);
  for (const code of [...Object.keys(ELSEWHERE), ...Object.keys(BY_CODE)])
    expect([code, ANSWERS.some((answer) => answer.endsWith(` ${code}`))]).toEqual([code, true]);
  for (const [code, reason] of Object.entries(ELSEWHERE)) {
    expect([code, Object.hasOwn(BY_CODE, code)]).toEqual([code, false]);
    for (const [path = ""] of reason.matchAll(/test\/[\w./-]+\.ts/g))
      expect([path, existsSync(path)]).toEqual([path, true]);
  }
});

test.for(ANSWERS.filter((answer) => !isElsewhere(answer)))("%s", async (answer) => {
  const [id = "", status = "", code] = answer.split(" ");
  const made = await wayTo(answer)?.(id as OperationId);
  if (made === undefined) throw new Error("there is no way to it");
  const { status: told, body } = "status" in made ? made : await call(server, id as OperationId, made);
  expect([told, told < 400 ? undefined : body.code]).toEqual([Number(status), code]);
});

test("no answer is documented with a status that its code does not have", () => {
  for (const answer of ANSWERS) {
    const [, status = "", code] = answer.split(" ");
    if (code === undefined) continue;
    const { status: usual, refused = usual } = PROBLEMS[code as ErrorCode];
    expect([answer, [usual, refused]]).toEqual([answer, expect.arrayContaining([Number(status)])]);
  }
});
