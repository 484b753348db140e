import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { describe, expect, test, vi } from "vitest";
import { temporaryFolder } from "../support/folders.ts";
import { git } from "../support/git.ts";
import { runtree } from "../support/program.ts";
import { startServer } from "../support/server.ts";

// A life is some thirty commands, each a process.
vi.setConfig({ testTimeout: 120_000 });

function file(value: unknown): string {
  const path = `${temporaryFolder()}/body.json`;
  writeFileSync(path, typeof value === "string" ? value : JSON.stringify(value));
  return path;
}

const study = (title: unknown): string => file({ study_set: { s1: { title } } });

/** A run's life by the commands alone; `target` says where they work. */
async function life(target: readonly string[]): Promise<void> {
  const json = async (...args: string[]): Promise<Record<string, unknown>> => {
    const { code, out, err } = await runtree([...args, ...target, "--json"]);
    expect([code, err]).toEqual([0, ""]);
    return JSON.parse(out) as Record<string, unknown>;
  };
  const run = await json("run", "start", "--body", study("One"));
  expect(run).toMatchObject({ status: "waiting", job_id: "custom" });
  const id = String(run["id"]);
  expect(await json("preview", id)).toMatchObject({ mergeable: true });
  expect(await json("run", "submit", id, "--body", study("Two"))).toMatchObject({ submissions: 2 });
  expect(await json("diff", id)).toMatchObject({ changes: [{ op: "add", id: "s1" }] });
  for (const diff of [["diff"], ["run", "diff"]])
    expect((await runtree([...diff, id, ...target])).out).toBe(
      'add study_set/s1\n  /id: absent → "s1"\n  /title: absent → "Two"\n',
    );
  expect(await json("run", "done", id)).toMatchObject({ status: "success" });
  expect(await json("run", "show", id)).toMatchObject({ status: "success" });
  expect(await json("show", id)).toMatchObject({ status: "success" });
  expect((await runtree(["show", id, "--at", "main", ...target])).code).toBe(2);
  expect(await json("show", "study_set/s1")).toMatchObject({ document: { id: "s1", title: "Two" } });
  expect(await json("status")).toMatchObject({ runs: 1, open_runs: 0 });

  const refused = await runtree(["run", "start", "--done", "--body", study(7), ...target]);
  expect(refused.code).toBe(3);
  expect(refused.out).toBe("");
  expect(refused.err).toContain("schema study_set/s1 /title: must be string");
  const list = await runtree(["run", "list", ...target]);
  expect(list.out.split("\n")).toHaveLength(4);
  const other = (
    JSON.parse((await runtree(["run", "list", "--status", "rejected", "--json", ...target])).out) as {
      items: { id: string }[];
    }
  ).items[0];
  expect(await json("run", "cancel", String(other?.id), "--reason", "no")).toMatchObject({ status: "cancelled" });
  expect((await runtree(["run", "done", String(other?.id), ...target])).code).toBe(4);
  expect((await runtree(["run", "show", "nope", ...target])).code).toBe(6);
  expect((await runtree(["show", "study_set/none", ...target])).code).toBe(6);
  expect((await runtree(["validate", study("Three"), ...target])).code).toBe(0);
  const [good, bad] = [study("Three"), study(3)];
  const both = await runtree(["validate", bad, good, ...target]);
  expect([both.code, both.out]).toEqual([3, expect.stringContaining(`${good}: valid`)]);
  expect(both.out).toContain(`${bad}: refused`);
  expect((await runtree(["validate", "-", ...target], { input: '{"study_set": {"s2": {"title": "x"}}}' })).code).toBe(
    0,
  );
}

describe("a run's life at a terminal", () => {
  test("against a server", async () => {
    const server = await startServer();
    await life(["--url", server.url]);
  });

  test("straight on a repository, with the same outcome", { tags: "trial" }, async () => {
    const data = `${temporaryFolder()}/data`;
    expect((await runtree(["init", "--data", data])).code).toBe(0);
    await life(["--data", data]);
    const fsck = await runtree(["fsck", "--data", data]);
    expect(fsck).toMatchObject({ code: 0, out: expect.stringMatching(/^clean: 1 document, 2 commits of main/) });
    expect(git(`${data}/repo.git`, "log", "--first-parent", "--format=%an %s", "main").split("\n")[0]).toMatch(
      /^local Merge run /,
    );
  });

  test("conflicts are shown with both sides, and settled from a file", async () => {
    const server = await startServer();
    const target = ["--url", server.url];
    await runtree(["run", "start", "--done", "--body", study("base"), ...target]);
    const theirs = JSON.parse(
      (await runtree(["run", "start", "--json", "--body", study("theirs"), ...target])).out,
    ) as { id: string };
    await runtree(["run", "start", "--done", "--body", study("ours"), ...target]);
    const refused = await runtree(["run", "done", theirs.id, ...target]);
    expect(refused.code).toBe(4);
    expect(refused.err).toMatch(
      /merge_conflict study_set\/s1 \/title: modify\/modify: base "base", ours "ours" \(.*\), theirs "theirs"/,
    );
    const resolutions = file({
      resolutions: [{ collection: "study_set", id: "s1", pointer: "/title", take: "theirs" }],
    });
    const resolved = await runtree(["run", "resolve", theirs.id, "--resolutions", resolutions, ...target]);
    expect([resolved.code, resolved.out]).toEqual([0, expect.stringContaining(`runtree run done ${theirs.id}`)]);
    expect(resolved.out).not.toContain("merge_conflict");
    expect((await runtree(["run", "done", theirs.id, ...target])).code).toBe(0);
  });
});

describe("what a person gets wrong", () => {
  test.each([
    ["no command", [], 2],
    ["an unknown command", ["nonsense"], 2],
    ["an unknown flag", ["status", "--colour"], 2],
    ["a run command that is none", ["run", "fly"], 2],
    ["both targets", ["status", "--url", "http://127.0.0.1:1", "--data", "x"], 2],
    ["a document without a collection", ["show", "s1", "--url", "http://127.0.0.1:1"], 2],
    ["a server that is not there", ["status", "--url", "http://127.0.0.1:1"], 7],
    ["a repository that is not there", ["status", "--data", "/nonexistent/data"], 6],
    ["a file that is not there", ["validate", "/nonexistent.json", "--url", "http://127.0.0.1:1"], 6],
    ["a port that is none", ["serve", "--port", "many"], 2],
    ["a port that is too high", ["serve", "--port", "70000"], 2],
  ])("%s", async (_, args, code) => {
    const ended = await runtree(args);
    expect([ended.code, ended.out]).toEqual([code, ""]);
    expect(ended.err).toMatch(/^runtree: /);
  });

  test.each([
    ["a key twice", '{\n"node": "a",\n"node": "b"}', ["line 3", '"node"']],
    ["no JSON", '{\n"node":\n}', ["line 3"]],
    ["a slip", '{"comands": {}}', ["did you mean commands?", "retention"]],
    ["a slip in limits", '{"limits": {"push": 1}}', ["did you mean push_s?"]],
    ["a slip in retention", '{"retention": {"job_days": 1}}', ["did you mean jobs_days?"]],
    ["a slip in a command", '{"commands": {"x": {"arg": ["true"]}}}', ["did you mean argv?"]],
    ["a hostile key", '{"aliases": {"__proto__": "x"}}', ["/aliases/__proto__"]],
  ])("in the configuration: %s", async (_, text, words) => {
    const data = temporaryFolder();
    writeFileSync(`${data}/runtree.config.json`, text);
    const { code, err } = await runtree(["status", "--data", data]);
    expect(code).toBe(2);
    for (const each of [`${data}/runtree.config.json`, ...words]) expect(err).toContain(each);
  });

  test("a body that comes by standard input", async () => {
    const data = `${temporaryFolder()}/data`;
    await runtree(["init", "--data", data]);
    const input = JSON.stringify({ study_set: { s1: { title: 5 } } });
    const judged = await runtree(["validate", "-", "--data", data], { input });
    expect([judged.code, judged.out]).toEqual([3, expect.stringContaining("standard input: refused")]);
    const read = await runtree(["validate", "-", "--data", data, "--json"], { input });
    expect(read.out).not.toMatch(/\brun\b/);
    expect(JSON.parse(read.out)[0].refused).not.toHaveProperty("run");
    const started = await runtree(["run", "start", "--body", "-", "--data", data, "--json"], { input });
    expect(JSON.parse(started.out)).toMatchObject({ submissions: 1, warnings: [{ pointer: "/title" }] });
  });

  test("a folder that the system does not let be made", async () => {
    const { code, err } = await runtree(["init", "--data", "/proc/runtree"]);
    expect([code, err]).toEqual([1, expect.stringContaining("/proc/runtree")]);
  });

  test("a disk that is full under the output", async () => {
    const line = `'${process.execPath}' dist/cli/main.js doctor --data '${temporaryFolder()}' > /dev/full`;
    const ended = spawnSync("bash", ["-c", line], { encoding: "utf8", env: { ...process.env, RUNTREE_PORT: "0" } });
    expect([ended.status, ended.stderr]).toEqual([1, expect.stringContaining("cannot be written")]);
    const piped = spawnSync("bash", ["-c", `set -o pipefail; ${line.replace("> /dev/full", "| true")}`]);
    expect(piped.status).toBe(0);
  });

  test("a body that is not JSON", async () => {
    expect((await runtree(["validate", file("{"), "--url", "http://127.0.0.1:1"])).code).toBe(3);
  });

  test("writing to a repository that a server holds", async () => {
    const server = await startServer();
    const refused = await runtree(["run", "start", "--data", server.data]);
    expect(refused.code).toBe(4);
    expect(refused.err).toContain(String(server.process.pid));
    expect((await runtree(["status", "--data", server.data])).code).toBe(0);
  });

  test("a repository that somebody damaged is found by fsck", async () => {
    const data = `${temporaryFolder()}/data`;
    await runtree(["init", "--data", data]);
    const gitDir = `${data}/repo.git`;
    writeFileSync(`${data}/bad`, "{}");
    const blob = git(gitDir, "hash-object", "-w", `${data}/bad`).trim();
    git(gitDir, "read-tree", "main");
    git(gitDir, "update-index", "--add", "--cacheinfo", `100644,${blob},metadata/study_set/00/s1.json`);
    const commit = git(gitDir, "commit-tree", git(gitDir, "write-tree").trim(), "-p", "main", "-m", "Damage").trim();
    git(gitDir, "-c", "core.hooksPath=/dev/null", "update-ref", "refs/heads/main", commit);
    const { code, out } = await runtree(["fsck", "--data", data]);
    expect(code).toBe(3);
    expect(out).toContain("forbidden_path study_set/s1");
    expect(out).toContain("schema study_set/s1 /title");
  });
});

describe("settings", () => {
  test("of a flag that is given twice the last counts", async () => {
    const { out } = await runtree([
      "doctor",
      "--data",
      "/nonexistent/a",
      "--json",
      "--data",
      "/nonexistent/b",
      "--json",
    ]);
    expect((JSON.parse(out) as { settings: unknown[] }).settings).toContainEqual(
      expect.objectContaining({ name: "data", value: "/nonexistent/b" }),
    );
  });

  test("come from flag, environment, file and default, in this order, and doctor says which", async () => {
    const data = temporaryFolder();
    writeFileSync(`${data}/runtree.config.json`, JSON.stringify({ port: 1111, node: "file-node", max_body: 5000 }));
    const { code, out } = await runtree(["doctor", "--json", "--data", data], { env: { RUNTREE_PORT: "2222" } });
    expect(code).toBe(0);
    const settings = (JSON.parse(out) as { settings: { name: string; value: unknown; origin: string }[] }).settings;
    const of = (name: string): unknown[] =>
      settings.filter((setting) => setting.name === name).flatMap(({ value, origin }) => [value, origin]);
    expect(of("data")).toEqual([data, "flag"]);
    expect(of("port")).toEqual([2222, "RUNTREE_PORT"]);
    expect(of("node")).toEqual(["file-node", "runtree.config.json"]);
    expect(of("max-body")).toEqual([5000, "runtree.config.json"]);
    expect(of("host")).toEqual(["127.0.0.1", "default"]);
  });

  test("a word that a flag cannot be is refused", async () => {
    expect((await runtree(["serve", "--memory=perhaps", "--port", "0"])).code).toBe(2);
  });

  test("a file with a member that is not known is refused", async () => {
    const data = temporaryFolder();
    writeFileSync(`${data}/runtree.config.json`, JSON.stringify({ prot: 1 }));
    const { code, err } = await runtree(["doctor", "--data", data]);
    expect(code).toBe(2);
    expect(err).toContain("prot");
  });

  test("doctor says when git is missing, and how to get it", async () => {
    const { code, out } = await runtree(["doctor", "--data", temporaryFolder()], { env: { PATH: "/nonexistent" } });
    expect(code).toBe(1);
    expect(out).toContain("apt-get install git");
  });
});

describe("what other people wrote reaches no terminal as a command", () => {
  test("ids, messages, authors and documents with escape sequences", async () => {
    const data = `${temporaryFolder()}/data`;
    await runtree(["init", "--data", data]);
    const [id, title] = ["s\u001b[31m", "\u001b]0;mine\u0007 \u009b2J \u202e"];
    const body = file({ study_set: { [id]: { title, "\u001b[8m": 1 } } });
    const target = ["--data", data];
    const made = await runtree(["run", "start", "--body", body, "--json", ...target]);
    const run = JSON.parse(made.out) as { id: string };
    const told = [
      made,
      await runtree(["run", "show", run.id, ...target]),
      await runtree(["run", "done", run.id, ...target]),
      await runtree(["run", "done", run.id, "--json", ...target]),
      await runtree(["validate", body, ...target]),
      await runtree(["show", `study_set/${id}`, "--at", `run:${run.id}`, ...target]),
      await runtree(["show", "study_set/\u001b[2J", ...target]),
      await runtree(["\u001b[2J"]),
    ];
    for (const { out, err } of told) {
      // oxlint-disable-next-line no-control-regex -- none of them may be there
      expect(out + err).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
      expect(out + err).toMatch(/\\u001b|run/);
    }
    expect(JSON.parse(told[5]?.out ?? "")).toMatchObject({ id, title });
  });
});

test("a diff shows each field before and after, and lists of runs are filtered", async () => {
  const server = await startServer();
  const target = ["--url", server.url];
  await runtree(["run", "start", "--done", "--body", study("One"), ...target]);
  const body = file({ study_set: { s1: { title: "Two", description: "new" } } });
  const { out } = await runtree(["run", "start", "--json", "--body", body, ...target]);
  const { id, created_at } = JSON.parse(out) as { id: string; created_at: string };
  expect((await runtree(["diff", id, ...target])).out.split("\n")).toEqual([
    "modify study_set/s1",
    '  /title: "One" → "Two"',
    '  /description: absent → "new"',
    "",
  ]);
  const empty = JSON.parse((await runtree(["run", "start", "--json", ...target])).out) as { id: string };
  expect((await runtree(["diff", empty.id, ...target])).out).toBe("no changes\n");
  const listed = async (...flags: string[]): Promise<string[]> =>
    (
      JSON.parse((await runtree(["run", "list", "--json", ...flags, ...target])).out) as { items: { id: string }[] }
    ).items.map((run) => run.id);
  expect(await listed("--status", "waiting")).toEqual([empty.id, id]);
  expect(await listed("--since", created_at)).toEqual([empty.id, id]);
  expect(await listed("--until", created_at, "--status", "waiting")).toEqual([id]);
  expect(await listed("--no-has-warnings", "--contract-id", "none")).toEqual([]);
  expect((await runtree(["run", "list", "--status", "open", ...target])).err).toContain("it is one of waiting, ");
  expect((await runtree(["run", "list", "--since", "then", ...target])).code).toBe(2);
});
