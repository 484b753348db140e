import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import fs, { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { EXIT } from "../../src/cli/exit.ts";
import type { FileSystem } from "../../src/git/files.ts";
import { lockData } from "../../src/store/data-lock.ts";
import { fsck } from "../support/git.ts";
import { call } from "../support/http.ts";
import { temporaryFolder } from "../support/folders.ts";
import { startServer } from "../support/server.ts";
import { openTestStore } from "../support/store.ts";

const DIST = fileURLToPath(new URL("../../dist", import.meta.url));

const LOCKED = expect.objectContaining({ code: "repository_locked" });

/** Takes a data directory, says how that went, and holds it until it is ended. */
const HOLDER = `
import fs from "node:fs";
const { lockData } = await import(process.argv[1]);
try {
  lockData(fs, process.argv[2]);
  console.log("holds it");
  setInterval(() => undefined, 1000);
} catch (error) {
  console.log(error.code);
}`;

/** A process that tries to take a data directory, and what it says. */
async function holder(data: string): Promise<{ child: ChildProcess; says: string }> {
  const args = ["--input-type=module", "--eval", HOLDER, `${DIST}/store/data-lock.js`, data];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const gone = once(child, "exit");
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await gone;
  });
  const [says] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  return { child, says };
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

function lockFile(data: string): string {
  return `${data}/runtree.lock`;
}

describe("the lock of a data directory", () => {
  test("keeps a second server out, and the first is unharmed", async () => {
    const first = await startServer();
    const lock = readFileSync(lockFile(first.data), "utf8");
    await expect(openTestStore({ data: first.data })).rejects.toEqual(LOCKED);
    const second = spawnSync(process.execPath, [`${DIST}/cli/main.js`, "serve", "--port", "0", "--data", first.data], {
      encoding: "utf8",
      timeout: 10_000,
    });
    expect([second.status, second.stdout]).toEqual([EXIT.conflict, ""]);
    expect(readFileSync(lockFile(first.data), "utf8")).toBe(lock);
    const body = { done: true, body: { study_set: { "s-1": { title: "A study" } } } };
    expect((await call(first, "startRun", { params: { job_id: "custom" }, body })).body.status).toBe("success");
    expect(fsck(first.gitDir)).toEqual([]);
    expect(await first.stop()).toBe(0);
    expect(existsSync(lockFile(first.data))).toBe(false);
  });

  test("goes with a process that was killed: the next takes it over", async () => {
    const data = temporaryFolder();
    const { child, says } = await holder(data);
    expect(says).toBe("holds it");
    expect(() => lockData(fs, data)).toThrow(LOCKED);
    await kill(child);
    expect(existsSync(lockFile(data))).toBe(true);
    const unlock = lockData(fs, data);
    expect(JSON.parse(readFileSync(lockFile(data), "utf8"))).toMatchObject({ pid: process.pid });
    expect((await holder(data)).says).toBe("repository_locked");
    unlock();
    expect(readdirSync(data)).toEqual([]);
  });

  test("is one process's even when many find a dead one's at once", async () => {
    const data = temporaryFolder();
    for (let round = 0; round < 2; round++) {
      const rivals = await Promise.all(Array.from({ length: 6 }, async () => holder(data)));
      expect(rivals.map(({ says }) => says).sort()).toEqual(["holds it", ...Array(5).fill("repository_locked")]);
      for (const { child, says } of rivals) if (says === "holds it") await kill(child);
    }
    expect(readdirSync(data)).toEqual(["runtree.lock"]);
  });

  test("is one process's even when a third comes while a second finds out that the first was quicker", () => {
    const data = temporaryFolder();
    writeFileSync(lockFile(data), "a dead one's");
    const holders: string[] = [];
    const take = (name: string, fileSystem: FileSystem): void => {
      try {
        lockData(fileSystem, data);
        holders.push(name);
      } catch {
        // Kept out, as all but one should be.
      }
    };
    const renameSync = (from: string, to: string): void => {
      take("first", fs);
      fs.renameSync(from, to);
      take("third", fs);
    };
    take("second", { ...fs, renameSync: renameSync as FileSystem["renameSync"] });
    expect(holders).toHaveLength(1);
  });

  test.runIf(existsSync("/proc/self/stat"))(
    "is not respected for the sake of another process that got the same number",
    () => {
      const data = temporaryFolder();
      writeFileSync(
        lockFile(data),
        JSON.stringify({ pid: process.ppid, host: hostname(), started: "another boot 12345", since: "then" }),
      );
      lockData(fs, data)();
      expect(readdirSync(data)).toEqual([]);
    },
  );

  test("that names another machine is respected: nobody here can tell whether its holder lives", () => {
    const data = temporaryFolder();
    writeFileSync(lockFile(data), JSON.stringify({ pid: 1, host: `not-${hostname()}`, started: "", since: "then" }));
    const before = readFileSync(lockFile(data), "utf8");
    expect(() => lockData(fs, data)).toThrow(LOCKED);
    expect(readFileSync(lockFile(data), "utf8")).toBe(before);
    expect(readdirSync(data)).toEqual(["runtree.lock"]);
  });

  test.each(["", "half a lo", "null"])("that says nothing readable (%j) is nobody's", (text) => {
    const data = temporaryFolder();
    writeFileSync(lockFile(data), text);
    lockData(fs, data)();
    expect(readdirSync(data)).toEqual([]);
  });

  test("is given back only by the one who has it", () => {
    const data = temporaryFolder();
    const unlock = lockData(fs, data);
    writeFileSync(lockFile(data), "somebody else's");
    unlock();
    expect(readFileSync(lockFile(data), "utf8")).toBe("somebody else's");
  });

  test("is given back when the repository cannot be opened", async () => {
    const data = temporaryFolder();
    fs.mkdirSync(`${data}/repo.git`);
    await expect(openTestStore({ data })).rejects.toMatchObject({ code: "repository_not_ours" });
    expect(readdirSync(data)).toEqual(["repo.git"]);
  });
});

describe("a first start that is killed while it makes the repository", () => {
  test("is made good by the next", async () => {
    const data = temporaryFolder();
    const child = spawn(process.execPath, [`${DIST}/cli/main.js`, "serve", "--port", "0", "--data", data], {
      stdio: "ignore",
    });
    const watcher = fs.watch(data);
    onTestFinished(() => watcher.close());
    for (let name = ""; !name.startsWith("repo.git.new-");)
      [, name] = (await once(watcher, "change")) as [string, string];
    await kill(child);
    const server = await startServer({ data });
    expect(fsck(server.gitDir)).toEqual([]);
    expect(readdirSync(data).filter((name) => name.startsWith("repo.git"))).toEqual(["repo.git"]);
  });
});
