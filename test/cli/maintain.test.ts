import fs, { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test, vi } from "vitest";
import { encodeObject } from "../../src/git/objects.ts";
import { buildPack, writePack } from "../../src/git/pack-writer.ts";
import { maintain } from "../../src/store/maintain.ts";
import { temporaryFolder } from "../support/folders.ts";
import { fsck } from "../support/git.ts";
import { call } from "../support/http.ts";
import { gitThatWaits, startProgram } from "../support/program.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { GIT } from "../support/store.ts";

vi.setConfig({ testTimeout: 60_000 });

async function repository(): Promise<string> {
  const data = `${temporaryFolder()}/data`;
  expect((await startProgram(["init", "--data", data]).ended).code).toBe(0);
  return data;
}

const comes = async (path: string): Promise<void> =>
  expect.poll(() => existsSync(path), { timeout: 10_000 }).toBe(true);

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe("runtree maintain", () => {
  test("says what it did, for people and for programs", async () => {
    const data = await repository();
    const { code, out } = await startProgram(["maintain", "--json", "--data", data]).ended;
    expect([code, JSON.parse(out)]).toEqual([
      0,
      {
        before: { packs: 0, loose: expect.any(Number), loose_refs: 1 },
        after: { packs: 1, loose: 0, loose_refs: 0 },
        seconds: expect.any(Number),
      },
    ]);
    const again = await startProgram(["maintain", "--data", data]).ended;
    expect([again.code, again.err]).toEqual([0, ""]);
    expect(again.out).toMatch(/^packs +1 → 1\n/);
  });

  test("needs a repository", async () => {
    expect((await startProgram(["maintain", "--data", temporaryFolder()]).ended).code).toBe(6);
  });

  test("is not done twice at once, and fsck waits for it", async () => {
    const data = await repository();
    const { folder, path } = gitThatWaits();
    const first = startProgram(["maintain", "--data", data], path);
    await comes(`${folder}/waiting`);
    const second = await startProgram(["maintain", "--data", data]).ended;
    expect([second.code, second.err]).toEqual([4, expect.stringContaining(String(first.process.pid))]);
    const check = startProgram(["fsck", "--data", data]);
    const told = new Promise<string>((resolve) => check.process.stderr?.once("data", (text) => resolve(String(text))));
    expect(await told).toContain("waiting for maintenance");
    expect(check.process.exitCode).toBeNull();
    writeFileSync(`${folder}/go`, "");
    expect((await first.ended).code).toBe(0);
    expect(await check.ended).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^clean: 0 documents, 1 commit of main/),
    });
    expect(readdirSync(data)).toEqual(["repo.git"]);
  });

  test("ends with its git when it is told to, and lets go of its lock", async () => {
    const data = await repository();
    const { folder, path } = gitThatWaits();
    const { process: child, ended } = startProgram(["maintain", "--data", data], path);
    await comes(`${folder}/waiting`);
    const git = Number(readFileSync(`${folder}/waiting`, "utf8"));
    child.kill("SIGTERM");
    expect((await ended).code).toBe(1);
    await expect.poll(() => isAlive(git)).toBe(false);
    expect(existsSync(`${data}/maintain.lock`)).toBe(false);
  });
});

/** Adds packs that no ref reaches. */
function addPacks(data: string, count: number): void {
  for (let at = 0; at < count; at++)
    writePack(fs, `${data}/repo.git`, buildPack([encodeObject("blob", Buffer.from(`blob ${at}`))]))();
}

/** Runs one after another on a server, each with a document of its own; returns the names of those that were acknowledged. */
async function write(server: TestServer, writer: number, until: () => boolean): Promise<string[]> {
  const acknowledged: string[] = [];
  while (!until()) {
    const id = `s-${writer}-${acknowledged.length}`;
    const body = { study_set: { [id]: { title: "begun" } } };
    const { body: run } = await call(server, "startRun", { params: { job_id: "custom" }, body: { body } });
    const end = { done: true, body: { study_set: { [id]: { title: id } } } };
    const answer = await call(server, "patchRun", { params: { run_id: run.id }, body: end });
    expect(answer.body.status).toBe("success");
    acknowledged.push(id);
  }
  return acknowledged;
}

/** Reads a document again and again; returns how often. */
async function read(server: TestServer, until: () => boolean): Promise<number> {
  let count = 0;
  for (; !until(); count++) {
    const { body } = await call(server, "getDocument", { params: { collection: "study_set", id: "first" } });
    expect(body.title).toBe("First");
  }
  return count;
}

/** How often a server is maintained while others write and read. */
const ROUNDS = 10;

describe("a server", () => {
  test(
    "answers writers and readers while it is maintained again and again, and nothing is missing",
    { tags: "trial" },
    async () => {
      const server = await startServer();
      const first = { done: true, body: { study_set: { first: { title: "First" } } } };
      await call(server, "startRun", { params: { job_id: "custom" }, body: first });
      let rounds = 0;
      const until = (): boolean => rounds >= ROUNDS;
      const work = Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map(async (writer) => write(server, writer, until)));
      const reads = read(server, until);
      for (; rounds < ROUNDS; rounds++)
        await maintain(GIT, server.data, () => Date.now(), new AbortController().signal);
      const written = (await work).flat();
      expect(written.length).toBeGreaterThan(30);
      expect(await reads).toBeGreaterThan(30);
      const titles = async (id: string): Promise<string> =>
        (await call(server, "getDocument", { params: { collection: "study_set", id } })).body.title;
      for (const id of written) expect(await titles(id)).toBe(id);
      expect(await server.stop()).toBe(0);
      expect(
        server
          .log()
          .split("\n")
          .filter((line) => /"level":[45]0/.test(line)),
      ).toEqual([]);
      expect(fsck(server.gitDir)).toEqual([]);
      const again = await startServer({ data: server.data });
      const { body } = await call(again, "listDocuments", {
        params: { collection: "study_set" },
        query: { limit: "1" },
      });
      expect(body.total).toBe(written.length + 1);
      expect((await startProgram(["fsck", "--data", server.data]).ended).code).toBe(0);
    },
  );

  test("maintains its repository by itself when packs are many, and says so in a line of its log", async () => {
    const data = await repository();
    addPacks(data, 60);
    const server = await startServer({ data });
    await expect.poll(() => server.log(), { timeout: 20_000 }).toContain('"msg":"maintenance"');
    const line =
      server
        .log()
        .split("\n")
        .find((each) => each.includes('"maintenance"')) ?? "";
    expect(JSON.parse(line)).toMatchObject({ before: { packs: 60 }, after: { loose: 0 }, seconds: expect.any(Number) });
    expect(readdirSync(`${data}/repo.git/objects/pack`).filter((name) => name.endsWith(".pack")).length).toBeLessThan(
      5,
    );
  });

  test("stops at once while it is maintained", async () => {
    const data = await repository();
    addPacks(data, 60);
    const { folder, path } = gitThatWaits();
    const server = await startServer({ data, path });
    await comes(`${folder}/waiting`);
    expect(await server.stop()).toBe(0);
    await expect.poll(() => existsSync(`${data}/maintain.lock`)).toBe(false);
    expect(server.log()).not.toContain('"level":40');
    expect((await startProgram(["fsck", "--data", data]).ended).code).toBe(0);
  });
});
