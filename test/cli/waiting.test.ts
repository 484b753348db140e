import { createInterface } from "node:readline";
import { beforeAll, describe, expect, test, vi } from "vitest";
import type { RuntreeClient } from "../../src/client/client.ts";
import { followMerges } from "../../src/cli/merges.ts";
import { waitFor } from "../../src/cli/waiting.ts";
import { temporaryFolder } from "../support/folders.ts";
import { call } from "../support/http.ts";
import { firstNote, runtree, startProgram } from "../support/program.ts";
import { startServer, startServerForFile, type TestServer } from "../support/server.ts";

vi.setConfig({ testTimeout: 60_000 });

let server: TestServer;
beforeAll(() => startServerForFile((started) => void (server = started)));

const target = (): string[] => ["--url", server.url];

async function open(id: string, title: unknown): Promise<string> {
  const body = { body: { study_set: { [id]: { title } } } };
  return (await call(server, "startRun", { params: { job_id: "custom" }, body })).body.id as string;
}

async function done(run: string): Promise<void> {
  await call(server, "patchRun", { params: { run_id: run }, body: { done: true } });
}

describe("runtree run wait", () => {
  test.each([
    ["merged", "Good", done, 0, "success"],
    ["rejected", 7, done, 3, "rejected"],
    ["cancelled", "Good", (run: string) => call(server, "cancelRun", { params: { run_id: run } }), 1, "cancelled"],
    [
      "skipped",
      "Good",
      (run: string) => call(server, "patchRun", { params: { run_id: run }, body: { status: "skipped" } }),
      1,
      "skipped",
    ],
  ])("ends when the run is %s, with an exit code that says so", async (word, title, close, code, status) => {
    const run = await open(`w-${word}`, title);
    const waiting = startProgram(["run", "wait", run, "--json", ...target()]);
    await close(run);
    const ended = await waiting.ended;
    expect([ended.code, ended.err, JSON.parse(ended.out)]).toEqual([code, "", expect.objectContaining({ status })]);
    const again = await runtree(["run", "wait", run, "--timeout", "0", ...target()]);
    expect([again.code, again.out]).toEqual([code, expect.stringContaining(status)]);
  });

  test("tells a rejection for conflicts apart", async () => {
    await done(await open("w-c", "base"));
    const [ours, theirs] = [await open("w-c", "ours"), await open("w-c", "theirs")];
    await done(ours);
    await done(theirs);
    const { code, out } = await runtree(["run", "wait", theirs, ...target()]);
    expect([code, out]).toEqual([4, expect.stringContaining("merge_conflict study_set/w-c /title")]);
  });

  test("gives up after --timeout, and says so", async () => {
    const run = await open("w-t", "Never done");
    const told = await runtree(["run", "wait", run, "--timeout", "0.3", ...target()]);
    expect([told.code, told.out]).toEqual([1, ""]);
    expect(told.err).toContain(`Run ${run} is still waiting after 0.3 s`);
    const read = await runtree(["run", "wait", run, "--timeout", "0", "--json", ...target()]);
    expect([read.code, JSON.parse(read.err)]).toMatchObject([1, { error: { code: "request_timeout" } }]);
    for (const wrong of ["-1", "x", "1e99"])
      expect((await runtree(["run", "wait", run, `--timeout=${wrong}`, ...target()])).code).toBe(2);
    expect((await runtree(["run", "wait", "nope", ...target()])).code).toBe(6);
  });

  test("waits beside a server, too", async () => {
    const run = await open("w-d", "Good");
    const waiting = startProgram(["run", "wait", run, "--data", server.data]);
    await done(run);
    expect(await waiting.ended).toMatchObject({ code: 0, err: "" });
  });
});

describe("runtree log", () => {
  test("lists merged runs, those begun last first, and as many as asked for", async () => {
    const { body } = await call(server, "listRuns", { query: { status: "success" } });
    const { out } = await runtree(["log", ...target()]);
    const [head, ...lines] = out.trimEnd().split("\n");
    expect(head).toMatch(/^COMMIT +AT +BY +RUN +JOB$/);
    const runs = body.items as { id: string; merge: { commit: string } }[];
    expect(lines.map((line) => line.split(/ +/))).toEqual(
      runs.map(({ id, merge }) => [merge.commit.slice(0, 12), expect.any(String), "local", id, "custom"]),
    );
    const read = await runtree(["log", "--limit", "1", "--json", ...target()]);
    expect(JSON.parse(read.out)).toMatchObject({ total: runs.length, items: [{ id: runs[0]?.id }] });
    expect((await runtree(["log", "--limit", "0", ...target()])).code).toBe(2);
    expect((await runtree(["log", "--limit", "501", ...target()])).code).toBe(2);
  });

  test("of a document lists its changes, and as many as asked for", async () => {
    await done(await open("l-d", "One"));
    await done(await open("l-d", "Two"));
    const { out } = await runtree(["log", "study_set/l-d", ...target()]);
    expect(out.trimEnd().split("\n")).toHaveLength(3);
    const read = await runtree(["log", "study_set/l-d", "--limit", "1", "--json", ...target()]);
    expect((JSON.parse(read.out) as { items: { changes: unknown }[] }).items).toMatchObject([
      { changes: [{ op: "modify", pointers: ["/title"] }] },
    ]);
  });

  test.each([
    ["for programs, a line each", true],
    ["for people", false],
  ])("--follow prints merges as they come %s, in their order, and ends well when it is told to", async (_, json) => {
    const early = await open(`f-${json}`, "Begun before all others");
    const following = startProgram(["log", "--follow", ...(json ? ["--json"] : []), ...target()]);
    expect(await firstNote(following)).toContain("following the merges");
    const lines: string[] = [];
    const three = new Promise<void>((resolve) =>
      createInterface({ input: following.process.stdout as NodeJS.ReadableStream }).on("line", (line) => {
        if (lines.push(line) === 3) resolve();
      }),
    );
    const runs = [await open(`f-1-${json}`, "One"), early, await open(`f-2-${json}`, "Two")];
    for (const run of runs) await done(run);
    await three;
    following.process.kill("SIGINT");
    const { code, err } = await following.ended;
    expect([code, err.trimEnd().split("\n")]).toEqual([0, [expect.stringContaining("following")]]);
    const ids = lines.map((line) => (json ? (JSON.parse(line) as { id: string }).id : line.split("  ")[3]));
    expect(ids).toEqual(runs);
  });

  test("--follow ends well when nobody reads any more", async () => {
    const following = startProgram(["log", "--follow", ...target()]);
    await firstNote(following);
    following.process.stdout?.destroy();
    await done(await open("f-pipe", "One"));
    expect((await following.ended).code).toBe(0);
  });

  test("--follow goes with nothing else", async () => {
    expect((await runtree(["log", "study_set/x", "--follow", ...target()])).code).toBe(2);
    expect((await runtree(["log", "--limit", "3", "--follow", ...target()])).code).toBe(2);
  });

  test("without a merge says so", async () => {
    const data = `${temporaryFolder()}/data`;
    await runtree(["init", "--data", data]);
    expect(await runtree(["log", "--data", data])).toMatchObject({ code: 0, out: "no merges yet\n" });
  });
});

describe.concurrent("following merges", () => {
  /** A server of which only `main` and its merges are known: each run by its id, and the commits before and after it. */
  function clientOf(moves: readonly { main: string; runs: readonly string[] }[]): RuntreeClient {
    let at = 0;
    const answer = (id: string): unknown => {
      const { main, runs } = moves[Math.min(at, moves.length - 1)] ?? { main: "", runs: [] };
      if (id === "listCollections") {
        at++;
        return { headers: { "runtree-commit": main }, body: {} };
      }
      const items = runs.map((name) => {
        const [before, commit] = name.split(">");
        return { id: name, merge: { commit, verdict: { main_before: before } } };
      });
      return { headers: {}, body: { items, next_cursor: null } };
    };
    return { call: async (id: string) => answer(id) } as unknown as RuntreeClient;
  }

  async function followed(moves: readonly { main: string; runs: readonly string[] }[]): Promise<string[]> {
    const ending = new AbortController();
    const ids: string[] = [];
    // Long enough for what lacks to be looked for again.
    setTimeout(() => ending.abort(), 2500);
    for await (const { id } of followMerges(clientOf(moves), ending.signal, () => undefined)) ids.push(id);
    return ids;
  }

  test("puts several in the order of main, and tells none twice", async () => {
    const runs = ["b>c", "a>b", "c>d", "0>a"];
    expect(
      await followed([
        { main: "a", runs },
        { main: "d", runs },
      ]),
    ).toEqual(["a>b", "b>c", "c>d"]);
  });

  test("tells those on both sides of a commit that is no merge", async () => {
    const runs = ["x>d", "a>b", "0>a"];
    expect(
      await followed([
        { main: "a", runs },
        { main: "d", runs },
      ]),
    ).toEqual(["a>b", "x>d"]);
  });

  test("waits for a merge that is not listed yet", async () => {
    const runs = ["a>b", "0>a"];
    const moves = [
      { main: "a", runs },
      { main: "c", runs },
      { main: "c", runs: ["b>c", ...runs] },
    ];
    expect(await followed(moves)).toEqual(["a>b", "b>c"]);
  });

  test("tells nothing of a main that was moved back", async () => {
    expect(
      await followed([
        { main: "c", runs: ["b>c", "a>b"] },
        { main: "b", runs: ["a>b"] },
      ]),
    ).toEqual([]);
  });
});

test("a wait that is ended does not wait for its last look", async () => {
  const ending = new AbortController();
  let looks = 0;
  const look = async (): Promise<null> => {
    if (++looks === 1) return null;
    ending.abort();
    return new Promise<null>(() => undefined);
  };
  expect(await waitFor(look, ending.signal)).toBeNull();
  expect(looks).toBe(2);
});

test("a look that fails is told", async () => {
  await expect(waitFor(() => Promise.reject(new Error("gone")), new AbortController().signal)).rejects.toThrow("gone");
});

test("a server that goes away while it is waited for is told as one that cannot be reached", async () => {
  const other = await startServer();
  const { body: run } = await call(other, "startRun", { params: { job_id: "custom" }, body: {} });
  const waiting = startProgram(["run", "wait", run.id, "--url", other.url]);
  await other.stop();
  expect((await waiting.ended).code).toBe(7);
});
