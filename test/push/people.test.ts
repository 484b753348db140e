import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { fsck, git } from "../support/git.ts";
import { call } from "../support/http.ts";
import { runtree } from "../support/program.ts";
import { type CraftedClone, clonedFrom, newRun, type Pushed, tracesIn } from "../support/crafted.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { DONE, study } from "./ground.ts";

/** Makes a key as an operator does. */
async function makeKey(data: string, role: string, name: string = role): Promise<string> {
  const { out } = await runtree(["key", "create", "--data", data, "--role", role, "--name", name, "--json"]);
  return (JSON.parse(out) as { key: string }).key;
}

const urlWith = ({ url }: TestServer, key: string): string =>
  `${url.replace("//", key === "" ? "//" : `//git:${key}@`)}/git/repo.git`;

/** A server whose data directory has a template's `main`, and a clone of it made before there were keys. */
async function served(): Promise<{ server: TestServer; clone: CraftedClone }> {
  const server = await startServer();
  return { server, clone: clonedFrom(urlWith(server, "")) };
}

const merged = expect.stringMatching(/^remote: runtree: merged /m);

test("who has no key, a wrong one, a revoked one, or one for reading, pushes nothing", async () => {
  const { server, clone } = await served();
  const alice = await makeKey(server.data, "agent", "alice");
  const rita = await makeKey(server.data, "reader", "rita");
  const gone = await makeKey(server.data, "agent", "gone");
  await runtree(["key", "revoke", "--data", server.data, gone.split("_")[1] ?? ""]);
  const tip = clone.commit({ "run.json": DONE, ...study("s-1") });
  const push = async (key: string): Promise<Pushed> =>
    clone.push(urlWith(server, key), [`${tip}:refs/heads/runs/${newRun()}`]);
  const before = tracesIn(server.gitDir);
  for (const [key, told] of [
    ["", /^fatal: could not read Username/m],
    ["nonsense", /^remote: runtree: This key is not known here/m],
    [`${alice.slice(0, -4)}AAAA`, /^remote: runtree: This key is not known here/m],
    [gone, /^remote: runtree: This key was revoked/m],
    [rita, /^remote: runtree: Pushing needs a key with the role agent; that of rita is reader/m],
  ] as const) {
    const { code, told: said } = await push(key);
    expect([code, said]).toEqual([128, expect.stringMatching(told)]);
  }
  expect(tracesIn(server.gitDir)).toEqual(before);
  expect(await push(alice)).toEqual({ code: 0, told: merged });
});

test("a steward changes schemas and runtree.json by a push", async () => {
  const { server, clone } = await served();
  const key = await makeKey(server.data, "steward");
  const schema = git(clone.folder, "show", "main:schemas/study.schema.json");
  const tip = clone.commit({ "run.json": DONE, "schemas/study.schema.json": schema.replace('"Study"', '"A study"') });
  const moves = [`${tip}:refs/heads/runs/${newRun()}`];
  expect(await clone.push(urlWith(server, key), moves)).toEqual({ code: 0, told: merged });
  expect(git(server.gitDir, "show", "main:schemas/study.schema.json")).toContain('"A study"');
});

test("a REMOTE_USER that is no name pushes nothing, with a server and without", async () => {
  const { server, clone } = await served();
  const tip = clone.commit({ "run.json": DONE });
  const refuseAll = async (): Promise<void> => {
    const before = tracesIn(server.gitDir);
    for (const name of ["a\nkey 0123456789ab", "a\r", "a\u001b[2J", "\n", " a", "a "]) {
      const { code, told } = await clone.push(server.gitDir, [`${tip}:refs/heads/runs/${newRun()}`], name);
      expect([code, told]).toEqual([1, expect.stringMatching(/^remote: runtree: refused: REMOTE_USER is no name/m)]);
    }
    expect(tracesIn(server.gitDir)).toEqual(before);
  };
  await refuseAll();
  await server.stop();
  await refuseAll();
});

test("a REMOTE_USER that a shell could stumble over is a name as it stands", { tags: "trial" }, async () => {
  const { server, clone } = await served();
  for (const name of [
    "../../etc/x",
    "a'b",
    'a"b',
    "$(touch x)",
    "-n",
    "%s%n",
    "a\\nb",
    "*",
    "a  b",
    "<a@b>",
    "\u00e9",
  ]) {
    const run = newRun();
    const tip = clone.commit({ "run.json": "{}", ...study(`s-${run}`) });
    expect((await clone.push(server.gitDir, [`${tip}:refs/heads/runs/${run}`], name)).code).toBe(0);
    const { body } = await call(server, "getRun", { params: { run_id: run } });
    expect(body.created_by).toBe(name);
    const next = `${clone.commit({ "run.json": DONE }, tip)}:refs/heads/runs/${run}`;
    const foreign = await clone.push(server.gitDir, [next], "somebody else");
    expect([foreign.code, foreign.told]).toEqual([1, expect.stringMatching(/and only they push to it/)]);
    expect(await clone.push(server.gitDir, [next], name)).toEqual({ code: 0, told: merged });
  }
  expect(fsck(server.gitDir)).toEqual([]);
});

test.each(["served", "unserved"])(
  "of two who push one run at a time it is that of whom git let through: %s",
  async (how) => {
    const { server, clone } = await served();
    if (how === "unserved") await server.stop();
    const run = newRun();
    const [hers, his] = ["s-1", "s-2"].map((id) => clone.commit({ "run.json": "{}", ...study(id) }));
    expect((await clone.push(server.gitDir, [`${hers}:refs/heads/runs/${run}`], "alice")).code).toBe(0);
    // Somebody whose push was let in a moment before, and whom git has yet to refuse.
    git(clone.folder, "push", "--quiet", server.gitDir, `${his}:refs/heads/runs/${newRun()}`);
    const late = spawnSync(`${server.gitDir}/hooks/pre-receive`, {
      cwd: server.gitDir,
      input: `${"0".repeat(40)} ${his} refs/heads/runs/${run}\n`,
      env: { PATH: process.env["PATH"], GIT_DIR: ".", REMOTE_USER: "bob" },
    });
    if (how === "unserved") expect(late.status).toBe(0);
    const again = how === "unserved" ? await startServer({ data: server.data }) : server;
    await expect
      .poll(async () => (await call(again, "getRun", { params: { run_id: run } })).body.created_by)
      .toBe("alice");
    const next = `${clone.commit({ "run.json": DONE }, hers)}:refs/heads/runs/${run}`;
    expect((await clone.push(again.gitDir, [next], "bob")).code).toBe(1);
    expect(await clone.push(again.gitDir, [next], "alice")).toEqual({ code: 0, told: merged });
  },
);

test("a note about a push that git refused does not make a run of REST somebody's", async () => {
  const { server, clone } = await served();
  const { body: opened } = await call(server, "startRun", { params: { job_id: "custom" }, body: {} });
  await server.stop();
  const tip = clone.commit({ "run.json": "{}", ...study("s-1") });
  git(clone.folder, "push", "--quiet", server.gitDir, `${tip}:refs/heads/runs/${newRun()}`);
  spawnSync(`${server.gitDir}/hooks/pre-receive`, {
    cwd: server.gitDir,
    input: `${"0".repeat(40)} ${tip} refs/heads/runs/${String(opened.id)}\n`,
    env: { PATH: process.env["PATH"], GIT_DIR: ".", REMOTE_USER: "bob" },
  });
  const again = await startServer({ data: server.data });
  const { body } = await call(again, "getRun", { params: { run_id: String(opened.id) } });
  expect([body.created_by, body.origin]).toEqual(["local", "rest"]);
});

test("what trailers of pushed commits claim is not believed, now and after a restart", { tags: "trial" }, async () => {
  const { server } = await served();
  const sha = (text: string): string => createHash("sha256").update(text).digest("hex");
  const marks = [..."abc"].map((letter) => `Idempotency: ${sha(letter)} ${sha(letter)}`);
  // The mark that the request below leaves behind, told by one that was made.
  const asked = { params: { job_id: "custom" }, headers: { "idempotency-key": "one" }, body: {} };
  const first = await call(server, "startRun", asked);
  await server.stop();
  const real =
    /^Idempotency: .*$/m.exec(git(server.gitDir, "log", "-1", "--format=%B", `runs/${String(first.body.id)}`))?.[0] ??
    "";
  expect(real).not.toBe("");
  const fresh = await served();
  const lie = `Merge run\n\nRun-Id: ${newRun()}\nValidation: passed; 0\nPushed-by: bob\n${real}\n${marks.join("\n")}\n`;
  const runs = [newRun(), newRun(), newRun()];
  const saying = [DONE, "{}", "{}"];
  for (const [at, run] of runs.entries()) {
    const tip = fresh.clone.commit({ "run.json": saying[at] ?? "", ...study(`s-${at}`) }, fresh.clone.main, lie);
    expect((await fresh.clone.push(urlWith(fresh.server, ""), [`${tip}:refs/heads/runs/${run}`])).code).toBe(0);
  }
  await call(fresh.server, "cancelRun", { params: { run_id: runs[2] ?? "" }, body: {} });
  await fresh.server.stop();
  const again = await startServer({ data: fresh.server.data });
  const { status, body } = await call(again, "startRun", asked);
  expect([status, runs.includes(String(body.id))]).toEqual([201, false]);
  expect((await call(again, "getRun", { params: { run_id: runs[0] ?? "" } })).body.created_by).toBe("local");
  expect((await call(again, "startRun", asked)).body.id).toBe(body.id);
});
