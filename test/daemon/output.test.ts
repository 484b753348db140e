import { existsSync, readdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { call } from "../support/http.ts";
import { startRun } from "../support/good-requests.ts";
import { chainEnded, enqueue, jobBegun, jobEnded, makeTemplate, runJob, runOf, type Scripts } from "../support/jobs.ts";
import { soon } from "../support/processes.ts";
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

/** Artifacts that cannot be kept. */
const UNFIT: Scripts = {
  "a-link-to-a-file": 'ln -s /etc/hostname "$RUNTREE_ARTIFACTS/link.txt"',
  "a-link-to-a-folder": 'ln -s /etc "$RUNTREE_ARTIFACTS/etc"',
  "a-link-in-place-of-the-folder": 'rmdir "$RUNTREE_ARTIFACTS"; ln -s /etc "$RUNTREE_ARTIFACTS"',
  "a-file-in-place-of-the-folder": 'rmdir "$RUNTREE_ARTIFACTS"; : >"$RUNTREE_ARTIFACTS"',
  "a-pipe-among-them": 'mkfifo "$RUNTREE_ARTIFACTS/pipe"',
  "ten-gigabytes-of-zeros": 'truncate -s 10G "$RUNTREE_ARTIFACTS/large"',
  "too-large-together": 'for each in 1 2 3; do truncate -s 2M "$RUNTREE_ARTIFACTS/$each"; done',
  "a-name-that-git-would-not-have": 'mkdir "$RUNTREE_ARTIFACTS/.git"; echo x >"$RUNTREE_ARTIFACTS/.git/config"',
  "the-short-name-of-a-file-of-gits": 'echo x >"$RUNTREE_ARTIFACTS/gitmod~1"',
  "a-file-of-gits-with-a-character-that-is-not-seen": `echo x >"$RUNTREE_ARTIFACTS/$(printf '\\342\\200\\214.gitmodules')"`,
  "names-that-differ-in-case-only": 'echo x >"$RUNTREE_ARTIFACTS/A"; echo y >"$RUNTREE_ARTIFACTS/a"',
  "folders-that-differ-in-normal-form-only": `
    for each in 'u\\314\\210' '\\303\\274'; do mkdir "$RUNTREE_ARTIFACTS/$(printf "$each")"; echo x >"$RUNTREE_ARTIFACTS/$(printf "$each")/file"; done`,
  "names-on-two-lines": `echo x >"$RUNTREE_ARTIFACTS/$(printf 'a\nb')"`,
  "folders-without-end": `
    cd -P "$RUNTREE_ARTIFACTS"; name=$(head -c 200 /dev/zero | tr '\\0' n)
    (for each in $(seq 40); do mkdir "$name"; cd "$name"; done); exit 0`,
  "a-thousand-and-one-folders": 'cd "$RUNTREE_ARTIFACTS"; seq 1001 | xargs mkdir',
  "a-thousand-and-one": 'cd "$RUNTREE_ARTIFACTS"; seq 1001 | xargs touch',
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
  "a-long-number": `cat >"$RUNTREE_OUTPUT" <<'END'
{"study_set": {"st": {"title": "T"}}, "biosample_set": {"precise": {"associated_studies": ["st"], "ph": 7.10000000000000000555}}}
END
`,
  "fails-with-output": `${submits({ study_set: { kept: { title: "K" } } })} exit 3`,
  "brings-files":
    'cd "$RUNTREE_ARTIFACTS"; mkdir -p a/b empty; echo one >a/b/one.txt; printf "\\0\\377" >two.bin; : >nothing',
  "brings-all-it-may": 'head -c 5000000 /dev/zero >"$RUNTREE_ARTIFACTS/all"',
  "fails-with-what-the-door-refuses": `echo art >"$RUNTREE_ARTIFACTS/kept"; ${submits({ none_set: 1 })} exit 3`,
  "skips-with-what-the-door-refuses": `${submits({ none_set: 1 })} exit 75`,
  "skips-with-what-is-not-JSON": `echo nothing >"$RUNTREE_OUTPUT"; exit 75`,
  "fails-with-a-link": 'ln -s /etc/hostname "$RUNTREE_OUTPUT"; exit 3',
  refused: submits({ study_set: { "without-title": { description: "D" } } }),
  conflicts: `mkfifo go; cat go; ${submits({ study_set: { contested: { title: "Of the process" } } })}`,
};

let server: TestServer;

beforeAll(async () =>
  serverOfCommands((started) => (server = started), { ...INVALID, ...UNFIT, ...NOTHING, ...OTHERS }, [
    "--concurrency",
    "2",
  ]),
);

/** What a study is called, on main unless said otherwise; null when there is none. */
async function titleOf(id: string, query: Record<string, string> = {}): Promise<string | null> {
  const { status, body } = await call(server, "getDocument", { params: { collection: "study_set", id }, query });
  return status === 200 ? body.title : null;
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
    expect(run).toMatchObject({ status: "success", notices: [{ severity: "info" }] });
    const body = { body: { biosample_set: { precise: { ph: 7.1 } } } };
    const text = JSON.stringify(body).replace("7.1", "7.10000000000000000555");
    const same = await call(server, "startRun", { params: { job_id: "custom" }, body: text });
    expect(run.notices[0].code).toBe(same.body.notices[0].code);
  });

  test("of a process that fails is kept on its run, and not merged", async () => {
    const job = await runJob(server, "fails-with-output");
    expect(job).toMatchObject({ status: "failed", exit_code: 3, error: { code: "exit_code" } });
    const run = await runOf(server, job);
    expect(run).toMatchObject({ status: "failed", submissions: 1 });
    expect(await titleOf("kept", { at: `run:${run.id}` })).toBe("K");
    expect(await titleOf("kept")).toBeNull();
    expect(await runJob(server, "fails-with-a-link")).toMatchObject({ exit_code: 3, error: { code: "exit_code" } });
  });

  test.each([
    ["fails-with-what-the-door-refuses", "failed", 3, "exit_code", ["kept"]],
    ["skips-with-what-the-door-refuses", "skipped", 75, undefined, []],
    ["skips-with-what-is-not-JSON", "skipped", 75, undefined, []],
  ])("that nobody needs changes nothing when it is refused: of a process that %s", async (name, ...ended) => {
    const [status, exit_code, code, files] = ended;
    await makeTemplate(server, `${name}-75`, { command: name, skip_exit_code: 75 });
    const job = await runJob(server, `${name}-75`);
    expect(job).toMatchObject({ status, exit_code });
    expect([job.error?.code, job.artifacts]).toEqual([code, files]);
    const notices = [{ code: "output_invalid", severity: "warning" }];
    expect(await runOf(server, job)).toMatchObject({ status, exit_code, notices });
  });

  test("that is read leaves nothing behind, and nothing that it links to is touched", async () => {
    await runJob(server, "in-a-folder-that-was-replaced-by-a-link");
    expect(existsSync(join(server.data, "elsewhere/output.json"))).toBe(true);
    await soon(() => readdirSync(join(server.data, "work"))).toEqual([]);
  });
});

describe("artifacts", () => {
  test.each(Object.keys(UNFIT))("with %s fail the job, and none of them are kept", async (name) => {
    const job = await runJob(server, name);
    expect(job).toMatchObject({ status: "failed", exit_code: 0, error: { code: "artifacts_invalid" }, artifacts: [] });
    expect(await runOf(server, job)).toMatchObject({ status: "failed", error: { code: "artifacts_invalid" } });
    await soon(() => readdirSync(join(server.data, "work"))).toEqual([]);
  });

  test("come with the run into main, byte by byte", async () => {
    const job = await runJob(server, "brings-files");
    const run = await runOf(server, job);
    expect(run).toMatchObject({ status: "success" });
    expect([job.artifacts, run.artifacts]).toEqual([run.artifacts, job.artifacts]);
    const params = { run_id: job.run_id };
    const { body } = await call(server, "listRunArtifacts", { params });
    expect(body.items.map(({ path, size }: { path: string; size: number }) => [path, size])).toEqual([
      ["a/b/one.txt", 4],
      ["nothing", 0],
      ["two.bin", 2],
    ]);
    const answer = await fetch(`${server.url}/runs/${job.run_id}/artifacts/two.bin`);
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(Buffer.from([0, 255]));
    expect(await runJob(server, "brings-all-it-may")).toMatchObject({ status: "completed", artifacts: ["all"] });
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

  test("as main has moved meanwhile is a conflict, and its run can be resolved", async () => {
    const titled = (title: string) => ({ done: true, body: { study_set: { contested: { title } } } });
    await startRun(server, titled("At first"));
    const { job_id } = await jobBegun(server, await enqueue(server, "conflicts"));
    await startRun(server, titled("Of somebody else"));
    await writeFile(join(server.data, "go"), "");
    const job = await jobEnded(server, job_id);
    expect(job).toMatchObject({ status: "failed", exit_code: 0, error: { code: "gate_rejected" } });
    const { merge } = await runOf(server, job);
    expect(merge.verdict.conflicts).toMatchObject([{ id: "contested", pointer: "/title", theirs: "Of the process" }]);
    const params = { run_id: job.run_id };
    const resolutions = [{ collection: "study_set", id: "contested", pointer: "/title", take: "theirs" }];
    await call(server, "resolveRun", { params, body: { resolutions } });
    await call(server, "patchRun", { params, body: { done: true } });
    expect(await titleOf("contested")).toBe("Of the process");
  });
});
