import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { SETTINGS, variableOf } from "../src/config.ts";
import { OPERATIONS, operation, type OperationId } from "../src/contract/operations.ts";
import type { Json } from "../src/domain/json.ts";
import { mergeValues } from "../src/domain/merge.ts";
import { mayFollow, RUN_STATUSES } from "../src/domain/run.ts";
import { temporaryFolder } from "./support/folders.ts";
import { fsck, git } from "./support/git.ts";
import { call } from "./support/http.ts";
import { galaxyEnvironment, startCounting } from "./support/invocations.ts";
import { jobEnded, SCRIPTS } from "./support/jobs.ts";
import { startServer, type TestServer } from "./support/server.ts";
import {
  expectKept,
  fencedBlocks,
  httpRequests,
  httpVariables,
  readersShell,
  runScript,
} from "./support/walkthrough.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

function textOf(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

const README = textOf("README.md");
/** Where the documents say that the server listens. */
const ADDRESS = "http://127.0.0.1:7400";

/** A server whose data directory is `data` in the folder where a reader would paste the lines; and that folder. */
async function readersPlace(): Promise<{ server: TestServer; cwd: string }> {
  const cwd = temporaryFolder();
  for (const name of ["dist", "examples"]) symlinkSync(join(ROOT, name), join(cwd, name));
  return { server: await startServer({ data: join(cwd, "data") }), cwd };
}

/** So that there is something in the attic and on a branch, which the record's own README shows. */
async function closeOneLeaveOneOpen(server: TestServer): Promise<void> {
  const start = { params: { job_id: "custom" }, body: { body: { study_set: { "st-2": { title: "Never begun" } } } } };
  const { body: run } = await call(server, "startRun", start);
  await call(server, "cancelRun", { params: { run_id: run.id }, body: { reason: "no money" } });
  await call(server, "startRun", start);
}

test(
  "every line of the README, and of the record's own, works as written and prints what it promises",
  { timeout: 60_000 },
  async () => {
    const { server, cwd } = await readersPlace();
    const script = fencedBlocks(README, "sh").join("\n").replaceAll(ADDRESS, server.url);
    const steps = await runScript(script, readersShell(cwd, server.url));
    expectKept(steps);
    expect(steps.flatMap(({ promised }) => promised).length).toBeGreaterThan(15);

    const merges = git(server.gitDir, "log", "--first-parent", "--merges", "--format=%H", "main").trim().split("\n");
    expect(merges).toHaveLength(9);
    expect(git(server.gitDir, "for-each-ref", "--format=%(refname)", "refs/heads")).toBe("refs/heads/main\n");
    expect(fsck(server.gitDir)).toEqual([]);

    await closeOneLeaveOneOpen(server);
    const record = fencedBlocks(textOf("data-repo-template/README.md"), "sh").join("\n");
    git(cwd, "clone", "--quiet", "data/repo.git", "clone");
    const inClone = await runScript(record, readersShell(join(cwd, "clone"), server.url));
    expectKept(inClone);

    // The value that is bisected for came with the last of the six merges that curl made.
    const sixth = merges.at(-6);
    for (const each of [steps, inClone])
      expect(each.flatMap(({ printed }) => printed)).toContain(`${sixth} is the first bad commit`);
    expect(await server.stop()).toBe(0);
  },
);

test("the README names every setting and every command", () => {
  for (const name of Object.keys(SETTINGS) as (keyof typeof SETTINGS)[]) {
    const { fallback } = SETTINGS[name];
    expect(README).toContain(`| \`--${name}\` | \`${variableOf(name)}\` |`);
    if (name !== "template" && fallback !== "") expect(README).toContain(`\`${fallback}\``);
  }
  const help = execFileSync(process.execPath, [join(ROOT, "dist/cli/main.js"), "--help"], { encoding: "utf8" });
  const commands = [...help.matchAll(/^ {2}runtree (\S+)/gm)].map(([, name]) => name ?? "");
  expect(commands.length).toBeGreaterThan(5);
  const listed = [...README.matchAll(/^\| `([a-z][a-z-]*)[^|]*\|/gm)].map(([, name]) => name);
  expect([...new Set(listed)].toSorted()).toEqual(commands.toSorted());
});

/** Fills in `{{variable}}` and `{{name.response.body.member}}` or `{{name.response.headers.Name}}`. */
function filled(text: string, known: ReadonlyMap<string, unknown>): string {
  return text.replace(/\{\{([^}]+)\}\}/g, (_, path: string) => {
    const [name = "", ...members] = path.split(".");
    const value = members.reduce<unknown>((at, member) => (at as Record<string, unknown>)[member], known.get(name));
    expect([path, typeof value]).toEqual([path, "string"]);
    return value as string;
  });
}

const HTTP = textOf("docs/http.http");

test("every request of docs/http.http is answered as its title says", async () => {
  const server = await startServer({ scripts: SCRIPTS, env: galaxyEnvironment(await startCounting()) });
  const known = new Map<string, unknown>([...httpVariables(HTTP), ["api", server.url]]);
  const answered: [string, number][] = [];
  const requests = httpRequests(HTTP).filter(({ method }) => method !== "");
  for (const { title, name, method, url, headers, body } of requests) {
    const reply = await fetch(filled(url, known), {
      method,
      headers: Object.fromEntries(Object.entries(headers).map(([key, value]) => [key, filled(value, known)])),
      ...(body === null ? {} : { body: filled(body, known) }),
    });
    const endless = reply.headers.get("content-type")?.startsWith("text/event-stream") === true;
    if (endless) await reply.body?.cancel();
    const first = endless ? "" : await reply.text();
    // Who reads it would send it again.
    const text = title.includes("send it again")
      ? JSON.stringify(await jobEnded(server, (JSON.parse(first) as { job_id: string }).job_id))
      : first;
    const ETag = reply.headers.get("etag");
    if (name !== null) known.set(name, { response: { body: JSON.parse(text) as unknown, headers: { ETag } } });
    answered.push([title, reply.status]);
    const code = /: ([a-z]+_[a-z_]+)/.exec(title)?.[1];
    if (code !== undefined && reply.status >= 400)
      expect([title, text]).toEqual([title, expect.stringContaining(`"${code}"`)]);
  }
  expect(answered).toEqual(requests.map(({ title, status }) => [title, status]));
});

test("docs/http.http shows every operation done well and, where it can fail, refused", () => {
  const shown = new Set(
    httpRequests(HTTP).map(({ method, url, status }) => {
      const path = url
        .replace("{{api}}", "")
        .replace(/\?.*/, "")
        .replaceAll(/\{\{[^}]*\}\}/g, "x");
      const id = (Object.keys(OPERATIONS) as OperationId[]).find((each) => {
        const known = operation(each);
        return known.method === method && new RegExp(`^${known.path.replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(path);
      });
      return `${id} ${status < 400 ? "well" : "refused"}`;
    }),
  );
  const ids = Object.keys(OPERATIONS) as OperationId[];
  const wanted = ids.flatMap((id) => [`${id} well`, ...(operation(id).problems.length > 0 ? [`${id} refused`] : [])]);
  const missing = wanted.filter((line) => !shown.has(line));
  expect(missing).toEqual([]);
});

/** The rows of the table that follows a text, as cells. */
function rowsAfter(markdown: string, heading: string): string[][] {
  const table =
    markdown
      .slice(markdown.indexOf(heading))
      .split(/\n\n/)
      .find((part) => part.startsWith("|")) ?? "";
  return table
    .split("\n")
    .slice(2)
    .map((row) =>
      row
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

function codeIn(cell: string): string[] {
  return [...cell.matchAll(/`([^`]*)`/g)].map(([, code]) => code ?? "");
}

const DATA_MODEL = textOf("docs/data-model.md");

test("docs/data-model.md says what its examples of merges come to", () => {
  const rows = rowsAfter(DATA_MODEL, "## How versions merge");
  expect(rows.length).toBeGreaterThan(5);
  for (const [base = "", ours = "", theirs = "", policy = "", outcome = ""] of rows) {
    const [b, o, t] = [base, ours, theirs].map((cell) => JSON.parse(codeIn(cell)[0] ?? "") as Json);
    const [word] = codeIn(policy);
    const stated = word?.startsWith("{") === true ? (JSON.parse(word) as { by: string }) : (word as "set" | undefined);
    const { value, conflicts } = mergeValues(b, o, t, { policyAt: (path) => (path.length === 0 ? stated : undefined) });
    const found = conflicts.flatMap(({ pointer, kind }) => (pointer === "" ? [kind] : [pointer, kind]));
    const said = codeIn(outcome);
    if (outcome.startsWith("conflict")) expect([outcome, found]).toEqual([outcome, said]);
    else expect([outcome, conflicts, value]).toEqual([outcome, [], JSON.parse(said[0] ?? "")]);
  }
});

test("docs/data-model.md has the statuses that the code has", () => {
  const said = rowsAfter(DATA_MODEL, "## Statuses").flatMap(([statuses = "", , next = ""]) =>
    codeIn(statuses).map((status) => [status, next === "–" ? [] : next.split(", ")] as const),
  );
  const known = RUN_STATUSES.map((from) => [from, RUN_STATUSES.filter((to) => mayFollow(from, to))] as const);
  const sorted = (rows: readonly (readonly [string, readonly string[]])[]): unknown =>
    Object.fromEntries(rows.map(([from, to]) => [from, to.toSorted()]));
  expect(sorted(said)).toEqual(sorted(known));
});

const DOCUMENTS = [
  "README.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  "CHANGELOG.md",
  "data-repo-template/README.md",
  ...["docs", "docs/adr"].flatMap((folder) => readdirSync(join(ROOT, folder)).map((name) => `${folder}/${name}`)),
].filter((path) => path.endsWith(".md"));

test.each(DOCUMENTS)("%s names only files that are there", (path) => {
  const text = textOf(path);
  const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, to]) => join(dirname(path), to ?? ""));
  const names = [...text.matchAll(/`((?:src|test|docs|schemas|scripts)\/[\w./-]+\w)`/g)].map(([, name]) => name ?? "");
  // In the record's own README, schemas/ is the record's.
  const wanted = [...links, ...(path.startsWith("data-repo-template") ? [] : names)];
  expect(wanted.filter((name) => !existsSync(join(ROOT, name)))).toEqual([]);
});

test("docs/dependencies.md has every dependency", () => {
  const { dependencies, devDependencies } = JSON.parse(textOf("package.json")) as Record<
    string,
    Record<string, string>
  >;
  const text = textOf("docs/dependencies.md");
  for (const [heading, wanted] of [
    ["## At run time", dependencies],
    ["## For building", devDependencies],
  ] as const) {
    const said = rowsAfter(text, heading).flatMap(([names = ""]) => codeIn(names));
    expect(said.toSorted()).toEqual(Object.keys(wanted ?? {}).toSorted());
  }
});
