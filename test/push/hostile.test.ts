import { spawn } from "node:child_process";
import { cpSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { artifactFolder } from "../../src/domain/layout.ts";
import { temporaryFolder } from "../support/folders.ts";
import { fsck, git } from "../support/git.ts";
import { call } from "../support/http.ts";
import { makeKey } from "../support/keys.ts";
import { type CraftedClone, clonedFrom, newRun, type Pushed, tracesIn } from "../support/crafted.ts";
import { oneIn, SEED } from "../support/sample.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { pipeGit } from "../git/repositories.ts";
import { DONE, type Ground, type Situation, study } from "./ground.ts";
import { BULK } from "./hostile-bulk.ts";
import { DOCUMENTS, RECORDS } from "./hostile-content.ts";
import { COLLISIONS, KINDS, NAMES, PLACES } from "./hostile-files.ts";
import { MOVES, REFS, UNSENT } from "./hostile-refs.ts";

const NONE = "0".repeat(40);

const cleanUps: (() => void | Promise<void>)[] = [];
const until = (cleanUp: () => void | Promise<void>): void => void cleanUps.push(cleanUp);
const keys: Record<string, string> = {};
let server: TestServer;
let ground: Ground;
/** The same repository with nobody who serves it. */
let unserved: string;
/** Runs that were taken there, for the gate to judge. */
const taken: { readonly run: string; readonly name: string; readonly outcome: NonNullable<Situation["unserved"]> }[] =
  [];

/** Where somebody pushes to over HTTP. */
const urlOf = (who: string): string => server.url.replace("//", `//git:${keys[who] ?? ""}@`) + "/git/repo.git";

async function pushed(
  clone: CraftedClone,
  who: string,
  run: string,
  files: Parameters<CraftedClone["commit"]>[0],
  parent?: string,
): Promise<string> {
  const tip = clone.commit(files, parent ?? clone.main);
  const { code, told } = await clone.push(urlOf(who), [`${tip}:refs/heads/runs/${run}`]);
  expect([code, told]).toEqual([0, expect.stringMatching(/runtree: (merged|kept)/)]);
  return tip;
}

beforeAll(async () => {
  const data = temporaryFolder(until);
  writeFileSync(`${data}/runtree.config.json`, JSON.stringify({ limits: { open_runs: 3 } }));
  for (const [name, role] of [
    ["alice", "agent"],
    ["bob", "agent"],
    ["stella", "steward"],
    ["rita", "reader"],
  ] as const)
    keys[name] = makeKey(data, role, name);
  server = await startServer({ data, until });
  const clone = clonedFrom(urlOf("alice"), until);
  const [merged, hers, bobs] = [newRun(), newRun(), newRun()];
  const artifact = `${artifactFolder(merged)}report.txt`;
  await pushed(clone, "alice", merged, {
    "run.json": DONE,
    ...study("s-merged"),
    ...study("s-\u00e9t\u00e9"),
    [artifact]: "hers\n",
  });
  const tips = [
    await pushed(clone, "alice", hers, { "run.json": "{}", ...study("s-hers") }),
    await pushed(clone, "bob", bobs, { "run.json": "{}", ...study("s-bobs") }),
  ];
  const opened = await call(server, "startRun", {
    params: { job_id: "custom" },
    headers: { "x-api-key": keys["bob"] ?? "" },
    body: {},
  });
  await server.stop();
  unserved = temporaryFolder(until);
  cpSync(data, unserved, { recursive: true });
  server = await startServer({ data, until });
  const again = clonedFrom(urlOf("alice"), until);
  const rest = { run: String(opened.body.id), tip: String(opened.body.head) };
  ground = {
    clone: again,
    hers: { run: hers, tip: tips[0] ?? "" },
    bobs: { run: bobs, tip: tips[1] ?? "" },
    rest,
    merged: { run: merged, artifact },
  };
}, 60_000);

afterAll(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** The lines that git's client sends to move refs, and the objects it sends with them. */
function bodyOf({ clone }: Ground, moves: readonly string[]): Buffer {
  const sent = moves.map((move) => ({ oid: move.slice(0, 40), ref: move.slice(41) }));
  const lines = sent.map(({ oid, ref }, at) => {
    const line = `${NONE} ${oid} ${ref}${at === 0 ? "\0report-status side-band-64k agent=by-hand" : ""}`;
    return `${(Buffer.byteLength(line) + 4).toString(16).padStart(4, "0")}${line}`;
  });
  const there = sent.map(({ oid }) => oid).filter((oid) => !/^1+$/.test(oid));
  const input = `${[...new Set(there), `^${clone.main}`].join("\n")}\n`;
  const pack = pipeGit(clone.folder, ["pack-objects", "--revs", "--stdout", "-q"], { input });
  return Buffer.concat([Buffer.from(`${lines.join("")}0000`), pack]);
}

/** What the other side reported, as a client would print it: a push went well when all of it did. */
const reported = (answer: string): Pushed => ({
  code: /unpack ok/.test(answer) && !/[0-9a-f]{4}ng /.test(answer) ? 0 : 1,
  told: answer,
});

async function sendOverHttp(body: Buffer, who: string): Promise<Pushed> {
  const headers = { "content-type": "application/x-git-receive-pack-request", "x-api-key": keys[who] ?? "" };
  const answer = await fetch(`${server.url}/git/repo.git/git-receive-pack`, { method: "POST", headers, body });
  return reported(await answer.text());
}

async function sendByPath(body: Buffer, gitDir: string, who: string): Promise<Pushed> {
  const child = spawn("git", ["receive-pack", "--stateless-rpc", gitDir], {
    env: { PATH: process.env["PATH"], REMOTE_USER: who, GIT_CONFIG_NOSYSTEM: "1", HOME: "/nonexistent" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  child.stdin.on("error", () => undefined).end(body);
  let answer = "";
  for await (const bytes of child.stdout) answer += String(bytes);
  return reported(answer);
}

/** What happens to a push over HTTP and by path, with a server and without. */
async function outcomes({
  made,
  who = "alice",
  byHand,
}: Situation): Promise<{ moves: readonly string[]; served: readonly Pushed[]; alone: Pushed }> {
  const moves = made(ground);
  const [one, other] = [server.gitDir, `${unserved}/repo.git`];
  const body = byHand === true ? bodyOf(ground, moves) : null;
  const send = async (to: string, over: (bytes: Buffer) => Promise<Pushed>): Promise<Pushed> =>
    body === null ? ground.clone.push(to, moves, to === urlOf(who) ? "" : who) : over(body);
  const [http, path, alone] = await Promise.all([
    send(urlOf(who), async (bytes) => sendOverHttp(bytes, who)),
    send(one, async (bytes) => sendByPath(bytes, one, who)),
    send(other, async (bytes) => sendByPath(bytes, other, who)),
  ]);
  return { moves, served: [http, path], alone };
}

const TABLE: Readonly<Record<string, readonly Situation[]>> = {
  "entries that are no plain files": KINDS,
  "names that mean more than they seem": NAMES,
  "names that some cannot tell apart": COLLISIONS,
  "places that are somebody else's": PLACES,
  "documents that no two readers agree about": DOCUMENTS,
  "what a run says of itself": RECORDS,
  "refs that nobody pushes to": REFS,
  "what git's own client does not send": UNSENT,
  "what was pushed before": MOVES,
  "a little that becomes very much": BULK,
};

describe.each(Object.entries(TABLE))(`%s (RUNTREE_TEST_SEED=${SEED})`, (_, situations) => {
  test.each(oneIn(3, situations))(
    "$name",
    async (situation) => {
      const folders = [server.gitDir, `${unserved}/repo.git`];
      const before = folders.map(tracesIn);
      const { moves, served, alone } = await outcomes(situation);
      for (const { code, told } of served) {
        expect(told).toMatch(situation.told);
        expect(code).not.toBe(0);
      }
      expect(tracesIn(server.gitDir)).toEqual(before[0]);
      expect((await call(server, "getReadiness")).status).toBe(200);
      const outcome = situation.unserved;
      if (outcome === undefined) {
        expect(alone.told).toMatch(situation.told);
        expect(alone.code).not.toBe(0);
        expect(tracesIn(folders[1] ?? "")).toEqual(before[1]);
      } else {
        expect([alone.code, alone.told]).toEqual([
          0,
          expect.stringMatching(/^remote: runtree: will be judged at start/m),
        ]);
        for (const move of moves) taken.push({ run: move.slice(-26), name: situation.name, outcome });
      }
    },
    60_000,
  );

  test("and a good push after them is merged", async () => {
    const { clone } = ground;
    const run = newRun();
    await pushed(clone, "alice", run, { "run.json": DONE, ...study(`s-${run}`) });
  });
});

describe("what was taken while nobody could read it", () => {
  let late: TestServer;
  beforeAll(async () => {
    late = await startServer({ data: unserved, until });
  });

  const recordOf = async (run: string): Promise<Record<string, unknown>> => {
    const headers = { "x-api-key": keys["stella"] ?? "" };
    const { body } = await call(late, "getRun", { params: { run_id: run }, headers });
    return body as Record<string, unknown>;
  };

  test("is judged at the next start, and nothing wrong is merged", async () => {
    expect(taken.length).toBeGreaterThan(4);
    const expected = { rejected: "rejected", kept: "waiting" };
    for (const { run, name, outcome } of taken) {
      await expect
        .poll(async () => (await recordOf(run))["status"], { timeout: 10_000, message: name })
        .toBe(expected[outcome]);
      expect([name, (await recordOf(run))["created_by"]]).toEqual([name, "alice"]);
    }
    const merged = git(late.gitDir, "log", "--first-parent", "--format=%(trailers:key=Run-Id,valueonly)", "main");
    for (const { run } of taken) expect(merged).not.toContain(run);
  });
});

test("git finds nothing wrong with either repository", async () => {
  expect([server.gitDir, `${unserved}/repo.git`].flatMap(fsck)).toEqual([]);
});
