import { existsSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { runGit } from "../support/pushing.ts";
import { call } from "../support/http.ts";
import { chainEnded, enqueue, jobBegun, jobEnded, makeTemplate, runJob, runOf, type Scripts } from "../support/jobs.ts";
import type { TestServer } from "../support/server.ts";
import { serverOfCommands, submits } from "./ground.ts";

const MIB = 1_048_576;
const TITLED = '{"study_set": {"padded": {"title": "P"}}}';

/** Outputs that no submission can be made of. */
const INVALID: Scripts = {
  "a-link": `echo '${TITLED}' >real.json; ln -s "$PWD/real.json" "$RUNTREE_OUTPUT"`,
  "a-link-to-nothing": 'ln -s /nonexistent "$RUNTREE_OUTPUT"',
  "a-pipe": 'mkfifo "$RUNTREE_OUTPUT"',
  "a-folder": 'mkdir "$RUNTREE_OUTPUT"',
  "a-device": 'mknod "$RUNTREE_OUTPUT" c 1 5 || ln -s /dev/zero "$RUNTREE_OUTPUT"',
  "ten-gigabytes-of-nothing": 'truncate -s 10G "$RUNTREE_OUTPUT"',
  "a-byte-too-many": `{ echo '${TITLED}'; head -c ${MIB - TITLED.length} /dev/zero | tr '\\0' ' '; } >"$RUNTREE_OUTPUT"`,
  "not-text": `printf '\\377\\376\\000garbage' >"$RUNTREE_OUTPUT"`,
  "not-JSON": 'echo "{title: 1}" >"$RUNTREE_OUTPUT"',
  "half-of-JSON": `printf '{"study_set": {"s' >"$RUNTREE_OUTPUT"`,
  "one-key-twice": `printf '{"study_set": {}, "study_set": {}}' >"$RUNTREE_OUTPUT"`,
  "JSON-too-deep": `{ head -c 5000 /dev/zero | tr '\\0' '['; head -c 5000 /dev/zero | tr '\\0' ']'; } >"$RUNTREE_OUTPUT"`,
  "a-list": submits([]),
  "a-number": submits(42),
  null: submits(null),
  "a-collection-that-is-null": submits({ study_set: null }),
  "a-request-with-its-body-in-it": submits({ run_id: "r", body: { study_set: { wrapped: { title: "W" } } } }),
  "in-a-folder-that-was-replaced-by-a-link": `
    mkdir -p elsewhere; echo '${TITLED}' >elsewhere/output.json; folder=$(dirname "$RUNTREE_OUTPUT")
    rm -r "$folder"; ln -s "$PWD/elsewhere" "$folder"`,
  "in-another-folder-of-the-same-name": `
    folder=$(dirname "$RUNTREE_OUTPUT"); mv "$folder" moved; mkdir "$folder"; echo '${TITLED}' >"$RUNTREE_OUTPUT"`,
};

/** Outputs that change nothing. */
const NOTHING: Scripts = {
  "no-file": "exit 0",
  "an-empty-file": ': >"$RUNTREE_OUTPUT"',
  "an-object-without-collections": submits({}),
  "a-folder-that-went": 'rm -r "$(dirname "$RUNTREE_OUTPUT")"',
};

const OTHERS: Scripts = {
  "as-large-as-it-may-be": `{ printf '%s' '${TITLED}'; head -c ${MIB - TITLED.length} /dev/zero | tr '\\0' ' '; } >"$RUNTREE_OUTPUT"`,
  "a-long-number": `printf '{"biosample_set": {"precise": {"depth": 0.10000000000000000555}}}' >"$RUNTREE_OUTPUT"`,
  "fails-with-output": `${submits({ study_set: { kept: { title: "K" } } })} exit 3`,
  "fails-with-a-link": 'ln -s /etc/hostname "$RUNTREE_OUTPUT"; exit 3',
  refused: submits({ study_set: { "without-title": { description: "D" } } }),
  conflicts: `cat go >/dev/null; ${submits({ study_set: { contested: { title: "Of the process" } } })}`,
};

let server: TestServer;

beforeAll(async () =>
  serverOfCommands(
    (started) => (server = started),
    { ...INVALID, ...NOTHING, ...OTHERS },
    ["--concurrency", "2"],
  ),
);

async function titleOf(id: string): Promise<string | undefined> {
  return (await call(server, "getDocument", { params: { collection: "study_set", id } })).body.title;
}

describe("an output", () => {
  test.each(Object.keys(INVALID))("that is %s fails the job, and nothing of it is submitted", async (name) => {
    const job = await runJob(server, name);
    expect(job).toMatchObject({ status: "failed", exit_code: 0, error: { code: "output_invalid" } });
    const run = await runOf(server, job);
    expect(run).toMatchObject({ status: "failed", submissions: 0, error: { code: "output_invalid" } });
  });

  test.each(Object.keys(NOTHING))("that is %s submits nothing, and the run is merged as a record", async (name) => {
    const job = await runJob(server, name);
    expect(job).toMatchObject({ status: "completed", exit_code: 0, error: null });
    expect(await runOf(server, job)).toMatchObject({ status: "success", error: null });
  });

  test("may be as large as a request", async () => {
    expect(await runJob(server, "as-large-as-it-may-be")).toMatchObject({ status: "completed" });
    expect(await titleOf("padded")).toBe("P");
  });

  test("that a number is changed in brings a notice, as a request would", async () => {
    const run = await runOf(server, await runJob(server, "a-long-number"));
    expect(run).toMatchObject({ status: "success", notices: [{ code: expect.any(String) }] });
  });

  test("of a process that fails is kept on its run, and not merged", async () => {
    const job = await runJob(server, "fails-with-output");
    expect(job).toMatchObject({ status: "failed", exit_code: 3, error: { code: "exit_code" } });
    const run = await runOf(server, job);
    expect(run).toMatchObject({ status: "failed", submissions: 1 });
    const kept = await runGit(server.gitDir, ["grep", "--name-only", '"title": "K"', run.head]);
    expect(kept).toMatchObject({ code: 0 });
    expect(await titleOf("kept")).toBeUndefined();
    expect(await runJob(server, "fails-with-a-link")).toMatchObject({ exit_code: 3, error: { code: "exit_code" } });
  });

  test("leaves nothing behind, and nothing that it links to is touched", async () => {
    await runJob(server, "in-a-folder-that-was-replaced-by-a-link");
    expect(existsSync(join(server.data, "elsewhere/output.json"))).toBe(true);
    expect(await runGit(server.data, ["--version"])).toMatchObject({ code: 0 });
  });
});

describe("an output that the gate refuses", () => {
  test("fails the job without another try, and its run can be mended", async () => {
    await makeTemplate(server, "refused-thrice", { command: "refused", retries: 2 });
    const [job, ...more] = await chainEnded(server, await enqueue(server, "refused-thrice"));
    expect(more).toEqual([]);
    expect(job).toMatchObject({ status: "failed", exit_code: 0, error: { code: "gate_rejected" } });
    const run = await runOf(server, job);
    expect(run).toMatchObject({ status: "rejected", merge: { verdict: { outcome: "rejected" } } });
    // Its slot is free.
    expect(await runJob(server, "no-file")).toMatchObject({ status: "completed" });
    const body = { done: true, body: { study_set: { "without-title": { title: "Mended" } } } };
    const mended = await call(server, "patchRun", { params: { run_id: run.id }, body });
    expect(mended.body).toMatchObject({ status: "success", job_id: job.job_id });
    expect(await titleOf("without-title")).toBe("Mended");
    const { body: after } = await call(server, "getJob", { params: { job_id: job.job_id } });
    expect(after).toMatchObject({ status: "failed", error: { code: "gate_rejected" }, run: { status: "completed" } });
    expect(after.finished_at).toBe(job.finished_at);
  });

  test("as main has moved meanwhile, is a conflict that can be resolved", async () => {
    expect(await runGit(server.data, ["--version"])).toMatchObject({ code: 0 });
  });
});
