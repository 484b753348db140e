import { execFile, spawnSync } from "node:child_process";
import fs from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import isomorphic from "isomorphic-git";
import http from "isomorphic-git/http/node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { documentPath } from "../../src/domain/layout.ts";
import { temporaryFolder } from "../support/folders.ts";
import { git } from "../support/git.ts";
import { makeKey } from "../support/keys.ts";
import { newRun } from "../support/crafted.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { DONE } from "./ground.ts";

const SCRIPT = fileURLToPath(new URL("./push_by_dulwich.py", import.meta.url));

/** A Python that has dulwich; null where none has. A Python that somebody installed may hide the system's. */
const python =
  ["python3", "/usr/bin/python3"].find(
    (program) => spawnSync(program, ["-c", "import dulwich"], { stdio: "ignore" }).status === 0,
  ) ?? null;
if (python === null) process.stdout.write("no dulwich (Debian: python3-dulwich): its pushes are not tried\n");

/** What a client made of a clone, a push of one document, and a look at the refs afterwards. */
interface Seen {
  readonly files: Readonly<Record<string, string>>;
  readonly tip: string;
  readonly refs: Readonly<Record<string, string>>;
  /** What the server told about the push. */
  readonly said: string;
}

interface Pushing {
  readonly url: string;
  readonly key: string | null;
  readonly run: string;
  readonly path: string;
  readonly text: string;
}

async function byDulwich({ url, key, run, path, text }: Pushing): Promise<Seen> {
  const to = key === null ? url : url.replace("//", `//git:${key}@`);
  const { stdout } = await promisify(execFile)(
    python ?? "",
    [SCRIPT, to, `${temporaryFolder()}/clone`, `runs/${run}`, path, text],
    { env: { PATH: process.env["PATH"], HOME: "/nonexistent" } },
  );
  const seen = JSON.parse(stdout) as Seen;
  // It prints what is refused, and calls that no error.
  if (/^runtree: refused/m.test(seen.said)) throw new Error(seen.said);
  return seen;
}

async function byIsomorphic({ url, key, run, path, text }: Pushing): Promise<Seen> {
  const dir = temporaryFolder();
  const onAuth = (): { username: string; password: string } => ({ username: "git", password: key ?? "" });
  let said = "";
  const onMessage = (message: string): void => void (said += message);
  const theirs = { fs, dir, http, url, onAuth, onMessage };
  await isomorphic.clone({ ...theirs, singleBranch: true, ref: "main" });
  const names = await isomorphic.listFiles({ fs, dir });
  const files = Object.fromEntries(names.map((name) => [name, fs.readFileSync(`${dir}/${name}`, "utf8")]));
  await isomorphic.branch({ fs, dir, ref: `runs/${run}`, checkout: true });
  for (const [name, content] of [
    [path, text],
    ["run.json", DONE],
  ] as const) {
    fs.mkdirSync(`${dir}/${name}`.replace(/\/[^/]*$/, ""), { recursive: true });
    fs.writeFileSync(`${dir}/${name}`, content);
    await isomorphic.add({ fs, dir, filepath: name });
  }
  const author = { name: "I. So", email: "iso@example.org" };
  const tip = await isomorphic.commit({ fs, dir, message: "Push from JavaScript", author });
  const pushed = await isomorphic.push({ ...theirs, ref: `runs/${run}`, remoteRef: `refs/heads/runs/${run}` });
  expect(pushed.ok).toBe(true);
  const listed = await isomorphic.listServerRefs({ http, url, onAuth });
  return { files, tip, refs: Object.fromEntries(listed.map(({ ref, oid }) => [ref, oid])), said };
}

const CLIENTS = [
  { name: "dulwich", push: byDulwich, there: python !== null },
  { name: "isomorphic-git", push: byIsomorphic, there: true },
];

describe.each(["no keys", "a key in Basic"])("over HTTP with %s", (how) => {
  const cleanUps: (() => void | Promise<void>)[] = [];
  let server: TestServer;
  let key: string | null = null;

  beforeAll(async () => {
    const until = (cleanUp: () => void | Promise<void>): void => void cleanUps.push(cleanUp);
    const data = temporaryFolder(until);
    if (how !== "no keys") key = makeKey(data, "agent", "alice");
    server = await startServer({ data, until });
  });
  afterAll(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });

  describe.each(CLIENTS)("$name", ({ name, push, there }) => {
    test.skipIf(!there)("clones main, pushes a run that says done, and finds it merged", async () => {
      const run = newRun();
      const id = `s-${name}`;
      const path = documentPath("study_set", id, 1);
      const text = `${JSON.stringify({ id, title: "From a second client" })}\n`;
      const { files, tip, refs, said } = await push({ url: `${server.url}/git/repo.git`, key, run, path, text });
      const names = git(server.gitDir, "ls-tree", "-r", "--name-only", "main^1").trim().split("\n");
      expect(Object.keys(files).sort()).toEqual([...names].sort());
      for (const each of names)
        expect([each, files[each]]).toEqual([each, git(server.gitDir, "show", `main^1:${each}`)]);
      expect(refs[`refs/heads/runs/${run}`]).toBeUndefined();
      expect(refs["refs/heads/main"]).toBe(git(server.gitDir, "rev-parse", "main").trim());
      expect(git(server.gitDir, "rev-parse", "main^2").trim()).toBe(tip);
      expect(JSON.parse(git(server.gitDir, "show", `main:${path}`))).toEqual(JSON.parse(text));
      const by = git(server.gitDir, "log", "-1", "--format=%(trailers:key=Pushed-by,valueonly)", "main").trim();
      expect(by).toBe(key === null ? "local" : "alice");
      expect(said).toMatch(/runtree: merged [0-9a-f]{40}/);
    });

    test.skipIf(!there)("hears why a push is refused", async () => {
      const pushing = { url: `${server.url}/git/repo.git`, key, run: newRun(), path: "elsewhere.txt", text: "x\n" };
      const before = git(server.gitDir, "for-each-ref");
      await expect(push(pushing)).rejects.toThrow(/pre-receive hook declined|runtree: refused/);
      expect(git(server.gitDir, "for-each-ref")).toBe(before);
    });
  });
});
