import { writeFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../support/folders.ts";
import { call } from "../support/http.ts";
import { enqueue, jobEnded, jobUntil, makeTemplate, SCRIPTS } from "../support/jobs.ts";
import { startServerForFile, type TestServer } from "../support/server.ts";
import { type Terminal, terminal } from "../support/terminal.ts";

/** Submits a title for a study, once there is a file in the data directory. */
const submits = (title: string, study: string, file = "."): string =>
  `while test ! -e ${file}; do sleep 0.05; done; echo '{"study_set": {"${study}": {"title": ${title}}}}' >"$RUNTREE_OUTPUT"`;

const COMMANDS = {
  ...SCRIPTS,
  bytes: 'printf "\\377\\000" >"$RUNTREE_ARTIFACTS/some.bin"',
  wrong: submits("7", "s-wrong"),
  late: submits('"Theirs"', "s-late", "merged"),
};

let server: TestServer;
let at: Terminal;
beforeAll(() =>
  startServerForFile(
    async (started) => {
      server = started;
      at = terminal("--url", server.url);
      for (const name of Object.keys(COMMANDS)) await makeTemplate(server, name, { skip_exit_code: 75 });
      // Holds one of the slots, so that it is there to be looked at.
      await enqueue(server, "hang", { title: "Holder" });
    },
    ["--concurrency", "4"],
    COMMANDS,
  ),
);

describe("runtree job create", () => {
  test("makes a job of a template with what the flags say; single params go over a file's", async () => {
    const file = `${temporaryFolder()}/params.json`;
    writeFileSync(file, '{"a": 1, "b": 2}');
    const given = ["--params", file, "--param", "b=[true]", "--param", "c=x=y", "--param", 'd="5"'];
    const job = await at.json("job", "create", "noop", "--title", "T", "--priority", "75.5", ...given);
    const expected = { title: "T", priority: 75.5, params: { a: 1, b: [true], c: "x=y", d: "5" } };
    expect(job).toMatchObject({ template_id: "noop", executor: "process", ...expected });
    expect(await at.json("job", "show", job.job_id)).toMatchObject(expected);
  });

  test("registers a job for agents", async () => {
    const job = await at.json("job", "create", "--external", "--id", "j-agents", "--title", "T");
    expect(job).toMatchObject({ job_id: "j-agents", executor: "external", title: "T" });
    expect(await at.text("job", "list", "--executor", "external")).toMatch(/^j-agents +queued +- +50 +\S+Z +- +- +T$/m);
  });

  test("makes one job of two requests with one key", async () => {
    const twice = async (): Promise<string> =>
      (await at.json("job", "create", "noop", "--idempotency-key", "k-1")).job_id as string;
    expect(await twice()).toBe(await twice());
  });
});

describe("refused", () => {
  test.each([
    ["no kind of job", ["create"], 2, "bad_request"],
    ["both kinds of job", ["create", "noop", "--external"], 2, "bad_request"],
    ["an id for a job of a template", ["create", "noop", "--id", "x"], 2, "bad_request"],
    ["a template that is none", ["create", "nope"], 6, "template_not_found"],
    ["a word that is no priority", ["create", "noop", "--priority", "urgent"], 2, "bad_request"],
    ["a priority out of bounds", ["create", "noop", "--priority", "101"], 2, "bad_request"],
    ["a param without a name", ["create", "noop", "--param", "=5"], 2, "bad_request"],
    ["a param with a member twice", ["create", "noop", "--param", 'a={"b": 1, "b": 2}'], 3, "malformed_json"],
    ["params that are not there", ["create", "noop", "--params", "/nonexistent.json"], 6, "not_found"],
    ["a place that is none", ["create", "noop", "--position", "-1"], 3, "validation_failed"],
    ["a change of nothing", ["edit", "custom"], 2, "bad_request"],
    ["a job that is none", ["show", "nope"], 6, "job_not_found"],
    ["to take away what has to be there", ["edit", "custom", "--without", "params"], 2, "bad_request"],
    ["a time that is none", ["wait", "j-agents", "--timeout", "-1"], 2, "bad_request"],
    ["to wait for what never ends", ["wait", "custom"], 3, "validation_failed"],
    ["a list that goes on, page by page", ["list", "--follow", "--limit", "3"], 2, "bad_request"],
  ])("%s", async (_, args, exit, code) => {
    expect(await at.refusal("job", ...args)).toEqual([exit, code]);
  });
});

describe("runtree job wait", () => {
  test.each([
    ["completed", "noop", 0],
    ["skipped", "skips", 0],
    ["failed", "fails", 1],
    ["failed", "wrong", 3],
  ])("%s: %s ends with %i", async (status, template, code) => {
    const { code: ended, out } = await at.run("job", "wait", await enqueue(server, template), "--json");
    expect([ended, JSON.parse(out)]).toEqual([code, expect.objectContaining({ status })]);
  });

  test("ends with 4 when the work of the job is in conflict with main", async () => {
    const id = await enqueue(server, "late");
    await jobUntil(server, id, ({ status }) => status === "running");
    const body = { done: true, body: { study_set: { "s-late": { title: "Ours" } } } };
    await call(server, "startRun", { params: { job_id: "custom" }, body });
    writeFileSync(`${server.data}/merged`, "");
    const { code, out } = await at.run("job", "wait", id);
    expect([code, out]).toEqual([4, expect.stringMatching(/^error +gate_rejected: /m)]);
  });

  test("ends as the job did, and tells what became of its run, also when that is mended or given up", async () => {
    const [mended, given] = [await enqueue(server, "wrong"), await enqueue(server, "wrong")];
    const [{ run_id }, other] = [await jobEnded(server, mended), await jobEnded(server, given)];
    const { code, out } = await at.run("job", "wait", mended);
    expect([code, out]).toEqual([3, expect.stringMatching(new RegExp(`^run +${run_id}: rejected`, "m"))]);
    expect(out).toContain("  schema study_set/s-wrong /title: ");
    expect(out).toContain(`runtree run done ${run_id}`);
    const body = { done: true, body: { study_set: { "s-wrong": { title: "Mended" } } } };
    await call(server, "patchRun", { params: { run_id }, body });
    await call(server, "cancelRun", { params: { run_id: other.run_id }, body: {} });
    for (const [id, words] of [
      [mended, `${run_id}: success, merged since`],
      [given, `${other.run_id}: cancelled since`],
    ] as const) {
      const now = await at.run("job", "wait", id);
      expect([now.code, now.out]).toEqual([3, expect.stringContaining(words)]);
      expect(now.out).not.toContain("runtree run done");
      expect(await at.text("job", "show", id)).toBe(now.out);
    }
  });

  test("goes on with the job that tries it again by itself, not with one that somebody asked for", async () => {
    await makeTemplate(server, "again", { command: "fails", retries: 1 });
    const id = await enqueue(server, "again");
    const { code, out, err } = await at.run("job", "wait", id, "--json");
    const second = JSON.parse(out) as { job_id: string };
    expect([code, second]).toEqual([1, expect.objectContaining({ retry_of: id, attempt: 2, status: "failed" })]);
    expect(JSON.parse(err)).toEqual({ note: expect.stringContaining(second.job_id) });
    expect(await at.text("job", "show", id)).toMatch(new RegExp(`^tried again +as ${second.job_id}, failed$`, "m"));
    const { job_id: third } = await at.json("job", "retry", second.job_id);
    const last = await at.run("job", "wait", second.job_id);
    expect([last.code, last.err]).toEqual([1, ""]);
    expect(last.out).toMatch(new RegExp(`^tried again +as ${third}, `, "m"));
  });

  test("ends with 1 after its time, and when the job is cancelled", async () => {
    const id = await enqueue(server, "hang");
    expect(await at.refusal("job", "wait", id, "--timeout", "0")).toEqual([1, "request_timeout"]);
    const waiting = at.start("job", "wait", id);
    expect(await at.json("job", "cancel", id, "--reason", "enough")).toMatchObject({
      status: "cancelled",
      error: { code: "cancelled", message: expect.stringContaining("enough") },
    });
    expect((await waiting.ended).code).toBe(1);
  });
});

test("runtree job retry, runs, and run artifacts tell of a chain of attempts", async () => {
  const id = await enqueue(server, "brings", { params: { chain: 1 } });
  const { run_id } = await jobEnded(server, id);
  const again = await at.json("job", "retry", id);
  expect(again).toMatchObject({ retry_of: id, attempt: 2 });
  const second = await jobEnded(server, again.job_id);
  const { items } = await at.json("job", "runs", id);
  expect(items.map((run: { id: string }) => run.id)).toEqual([second.run_id, run_id]);
  expect(await at.text("job", "runs", id, "--status", "failed")).toBe("no runs\n");
  const [file] = (await at.json("run", "artifacts", run_id)).items;
  expect(file).toMatchObject({ path: "art.txt", size: 4 });
  expect(await at.text("run", "artifact", run_id, "art.txt")).toBe("art\n");
  const { run_id: other } = await jobEnded(server, await enqueue(server, "bytes"));
  expect(await at.json("run", "artifact", other, "some.bin")).toMatchObject({ base64: "/wA=" });
  expect(await at.refusal("run", "artifact", run_id, "none.txt")).toEqual([6, "not_found"]);
  expect(await at.text("run", "artifacts", run_id)).toMatch(/^art\.txt +4 +[0-9a-f]{40}$/m);
  expect(await at.text("job", "show", id)).toMatch(/^brought +art\.txt$/m);
});

test("runtree job monitor and list tell of what runs", async () => {
  const { items } = await at.json("job", "monitor");
  const holder = items.find(({ title }: { title: string }) => title === "Holder");
  expect(await at.json("job", "monitor", holder.job_id)).toMatchObject({ status: "running" });
  await jobEnded(server, await enqueue(server, "fails", { title: "In vain" }));
  const failed = await at.text("job", "list", "--template", "fails");
  expect(failed).toMatch(/ failed +fails +50 +\S+Z +\d+\.\d s +exit_code +In vain$/m);
  expect(await at.text("job", "list", "--status", "running")).toMatch(/ running +hang +50 +\S+Z +- +- +Holder$/m);
});
