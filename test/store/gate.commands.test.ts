import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, onTestFinished, test } from "vitest";
import { putConfiguration } from "../../src/actions/change-settings.ts";
import { previewRun } from "../../src/actions/preview-run.ts";
import { resolveRun } from "../../src/actions/resolve-run.ts";
import type { Command } from "../../src/domain/commands.ts";
import type { Json } from "../../src/domain/json.ts";
import type { Violation } from "../../src/domain/verdict.ts";
import type { RunView } from "../../src/store/run-view.ts";
import type { Store } from "../../src/store/store.ts";
import { callsOf, checksFor, commandsOf, DEPTHS, nodeCommand, shellCommand } from "../support/commands.ts";
import { soon } from "../support/processes.ts";
import { CONFIGURATION, finish, merged, open, patch, refusal, SCHEMAS } from "../support/situations.ts";
import { openTestStore, templateFolder, TESTER, type TestStore } from "../support/store.ts";

const short = (violations: readonly Violation[]): string[] =>
  violations.map(({ code, collection, id, pointer }) => `${code} ${collection}/${id} ${pointer}`);

const UNAVAILABLE = "check_unavailable $config/runtree.json /checks/0";

/** A store whose samples are judged by a check for each of some commands, of which the operator has these. */
async function storeWith(
  commands: readonly Command[],
  names: readonly string[] = commands.map(({ name }) => name),
  more: { reports?: string[]; data?: string } = {},
): Promise<TestStore> {
  const configuration = { ...CONFIGURATION, ...checksFor(["samples"], ...names) };
  return openTestStore({
    template: templateFolder(configuration, SCHEMAS),
    commands: commandsOf(...commands),
    report: (message) => void more.reports?.push(message),
    ...(more.data === undefined ? {} : { data: more.data }),
  });
}

const sample = (id: string, document: Json): Json => ({ samples: { [id]: document } });

async function configure(store: Store, run: RunView, configuration: unknown): Promise<RunView> {
  const sent = { value: configuration as Json, notices: [], precondition: (): void => undefined };
  return putConfiguration(store, TESTER, run.record.id, sent);
}

/** A command that says that it began, and goes on when it may. */
function waitingCommand(name: string, then = ""): { command: Command; began: () => boolean; goOn: () => void } {
  const command = shellCommand(
    name,
    `cat > /dev/null; echo >> began; while ! test -e go; do sleep 0.02; done; ${then}`,
  );
  const goOn = (): void => writeFileSync(`${command.cwd}/go`, "");
  onTestFinished(goOn);
  return { command, began: () => existsSync(`${command.cwd}/began`), goOn };
}

describe("a check", () => {
  test("judges the merged documents of its collections: warnings before done, a refusal at done", async () => {
    const depths = nodeCommand("depths", DEPTHS);
    const { store } = await storeWith([depths]);
    const run = await open(store, { samples: { s1: { depth: -1 }, s2: { depth: 1 } }, studies: { st: {} } });
    expect(run.record.warnings).toEqual([
      {
        code: "check",
        collection: "samples",
        id: "s1",
        pointer: "/depth",
        message: "is above the ground",
        detail: { check: "check-depths" },
      },
    ]);
    expect(callsOf(depths)).toEqual([["samples/s1", "samples/s2"]]);
    const { code, errors, run: rejected } = await refusal(finish(store, run));
    expect([code, short(errors)]).toEqual(["validation_failed", ["check samples/s1 /depth"]]);
    expect(rejected.record).toMatchObject({ status: "rejected", merge: { verdict: { violation_count: 1 } } });
    const mended = await patch(store, rejected, { body: sample("s1", { depth: 2 }), done: true });
    expect(mended.record.status).toBe("success");
  });

  test("is given one line for each document, as it would stand on main, and none for those that go", async () => {
    const command = shellCommand("see", "cat >> seen");
    const { store } = await storeWith([command]);
    const lines = (): unknown[] => {
      const seen = readFileSync(`${command.cwd}/seen`, "utf8").trimEnd().split("\n");
      return seen.map((line) => JSON.parse(line) as unknown);
    };
    await merged(store, { samples: { s1: { name: "a\nb", depth: 1 }, s2: {} } });
    const [first, second] = [
      await open(store, sample("s1", { depth: 2 })),
      await open(store, { samples: { s1: { note: null, tags: ["x"] }, s2: null } }),
    ];
    await finish(store, first);
    await finish(store, second);
    const line = (document: Record<string, unknown>): unknown => ({
      collection: "samples",
      id: document["id"],
      document,
    });
    expect(lines()).toEqual([
      line({ id: "s1", name: "a\nb", depth: 1 }),
      line({ id: "s2" }),
      line({ id: "s1", name: "a\nb", depth: 2 }),
      line({ id: "s1", name: "a\nb", depth: 1, tags: ["x"] }),
      line({ id: "s1", name: "a\nb", depth: 2, tags: ["x"] }),
    ]);
  });

  test("judges only what changed, and not again what passed", async () => {
    const depths = nodeCommand("depths", DEPTHS);
    const { store } = await storeWith([depths]);
    await merged(store, { samples: { s1: { depth: 1 }, s2: { depth: 1 } } });
    const run = await open(store, sample("s2", { depth: 2 }));
    await patch(store, run, { body: sample("s3", { depth: 3 }) });
    expect(await previewRun(store, run.record.id)).toMatchObject({ mergeable: true });
    await finish(store, run);
    expect(callsOf(depths)).toEqual([["samples/s1", "samples/s2"], ["samples/s2"], ["samples/s3"]]);
    await merged(store, { studies: { st: {} }, samples: { s1: null } });
    expect(callsOf(depths)).toHaveLength(3);
  });

  test("judges what failed again, as its command may have been mended", async () => {
    const depths = nodeCommand("depths", DEPTHS);
    const { store } = await storeWith([depths]);
    const run = await open(store, sample("s1", { depth: -1 }));
    writeFileSync(`${depths.cwd}/script.cjs`, "");
    expect((await finish(store, run)).record.status).toBe("success");
  });

  test("knows a document by its place too: the same bytes elsewhere are judged", async () => {
    const depths = nodeCommand("depths", DEPTHS);
    const configuration = { format: 1, collections: { samples: {}, studies: {} } };
    const { store } = await openTestStore({
      template: templateFolder({ ...configuration, ...checksFor(["samples", "studies"], "depths") }),
      commands: commandsOf(depths),
    });
    await merged(store, { samples: { x: { depth: 1 } } });
    await merged(store, { studies: { x: { depth: 1 } } });
    expect(callsOf(depths)).toEqual([["samples/x"], ["studies/x"]]);
  });

  test("is not asked of what its schema refuses, of which it may not know what to think", async () => {
    const strict = nodeCommand("strict", "for (const { document } of lines) document.depth.toFixed();");
    const { store } = await storeWith([strict]);
    const { errors } = await refusal(merged(store, { samples: { s1: { depth: "deep" }, s2: { depth: 1 } } }));
    expect(short(errors)).toEqual(["schema samples/s1 /depth"]);
  });

  test("stands beside others, each with its own name, and two may ask one command, once", async () => {
    const depths = nodeCommand("depths", DEPTHS);
    const checks = ["first", "second"].map((name) => ({ name, collections: ["samples"], command: "depths" }));
    const template = templateFolder({ ...CONFIGURATION, checks }, SCHEMAS);
    const { store } = await openTestStore({ template, commands: commandsOf(depths) });
    const { errors } = await refusal(merged(store, sample("s1", { depth: -1 })));
    expect(errors.map(({ detail }) => detail)).toEqual([{ check: "first" }, { check: "second" }]);
    expect(callsOf(depths)).toEqual([["samples/s1"]]);
  });

  test("may be asked of ids that are called like parts of JavaScript", async () => {
    const depths = nodeCommand("depths", DEPTHS);
    const { store } = await storeWith([depths]);
    const samples = ["__proto__", "constructor", "toString"].map((id) => ({ id, depth: -1 }));
    const { errors } = await refusal(merged(store, { samples }));
    expect(short(errors)).toEqual([
      "check samples/__proto__ /depth",
      "check samples/constructor /depth",
      "check samples/toString /depth",
    ]);
  });

  test("judges many documents a thousand at a time", async () => {
    const depths = nodeCommand("depths", DEPTHS);
    const { store } = await storeWith([depths]);
    const samples = Array.from({ length: 2300 }, (_, at) => ({ id: `s${at}`, depth: at % 2 === 0 ? 1 : -1 }));
    const { errors, run } = await refusal(merged(store, { samples }));
    expect(errors).toHaveLength(100);
    expect(run.record.merge?.verdict.violation_count).toBe(1150);
    expect(callsOf(depths).map(({ length }) => length)).toEqual([1000, 1000, 300]);
  });
});

describe("a check that cannot be made", () => {
  test("because its command is not configured here warns, and refuses at done, and says what to do", async () => {
    // The template has no documents, but a check without its command would stop the first of them.
    await expect(storeWith([], ["units"])).rejects.toMatchObject({ code: "template_invalid" });
    const { store, data, close } = await storeWith([shellCommand("units", "cat > /dev/null")]);
    await merged(store, sample("s1", {}));
    await close();
    const { store: without } = await storeWith([], ["units"], { data });
    await merged(without, { studies: { st: {} } });
    const run = await open(without, sample("s1", { depth: 1 }));
    expect(run.record.warnings).toEqual([
      {
        code: "check_unavailable",
        collection: "$config",
        id: "runtree.json",
        pointer: "/checks/0",
        message: expect.stringMatching(
          /^Not checked here: the check check-units asks the command units, .*runtree\.config\.json/,
        ),
        detail: { check: "check-units", command: "units" },
      },
    ]);
    const { code, errors } = await refusal(finish(without, run));
    expect([code, short(errors)]).toEqual(["validation_failed", [UNAVAILABLE]]);
    expect(await previewRun(without, run.record.id)).toMatchObject({ mergeable: false, violation_count: 1 });
    // What goes is not judged.
    await merged(without, { samples: { s1: null } });
  });

  test.each([
    ["fails", "cat > /dev/null; echo 'no vocabulary' >&2; exit 3", "ended with exit code 3", "no vocabulary"],
    ["prints garbage", "cat > /dev/null; echo garbage", "wrote something in line 1", ""],
    ["hangs", "trap '' TERM; while :; do sleep 0.1; done", "took longer than 1 s", ""],
    ["writes for ever", "yes", "wrote more than 4194304 bytes", ""],
    [
      "speaks of a document that it was not given",
      'cat > /dev/null; echo \'{"collection": "samples", "id": "other", "pointer": "", "message": "m"}\'',
      "spoke in line 1 of a document that it was not given",
      "",
    ],
  ])("because its command %s refuses the merge; asked again, it is asked again", async (_, script, words, said) => {
    const reports: string[] = [];
    const command = shellCommand("units", script, { timeout_s: 1 });
    const { store } = await storeWith([command], ["units"], { reports });
    const { errors, run } = await refusal(merged(store, { samples: { s1: { depth: 1 }, s2: {} } }));
    expect(short(errors)).toEqual([UNAVAILABLE]);
    expect(errors[0]?.message).toContain(`The check check-units could not be made: its command units ${words}`);
    expect(errors[0]?.message).not.toContain(said || "nothing");
    expect(reports).toEqual([expect.stringContaining(`the command units of a check ${words}`)]);
    expect(reports[0]).toContain(said);
    writeFileSync(`${command.cwd}/script`, "#!/bin/sh\ncat > /dev/null\n");
    expect((await finish(store, run)).record.status).toBe("success");
  });

  test("tells all else that is wrong beside it", async () => {
    const depths = nodeCommand("depths", DEPTHS);
    const { store } = await storeWith([depths, shellCommand("broken", "exit 1")]);
    const { errors } = await refusal(merged(store, { samples: { s1: { depth: -1, parent: "none" } } }));
    expect(short(errors)).toEqual([
      "check_unavailable $config/runtree.json /checks/1",
      "check samples/s1 /depth",
      "reference_missing samples/s1 /parent",
    ]);
  });

  test("need not read what it is given, and passes when it says nothing", async () => {
    const { store } = await storeWith([shellCommand("idle", "exit 0")]);
    const samples = Array.from({ length: 500 }, (_, at) => ({ id: `s${at}`, note: "n".repeat(1000) }));
    expect((await merged(store, { samples })).record.status).toBe("success");
  });
});

describe("the lane", () => {
  test("is not held by a slow check: others merge meanwhile", async () => {
    const { command, began, goOn } = waitingCommand("slow");
    const { store } = await storeWith([command]);
    const slow = merged(store, sample("s1", { depth: 1 }));
    await soon(began).toBe(true);
    expect((await merged(store, { studies: { st: {} } })).record.status).toBe("success");
    goOn();
    expect((await slow).record.status).toBe("success");
  });

  test("is not held where others changed what a check had judged", async () => {
    const depths = nodeCommand("depths", DEPTHS);
    const { store } = await storeWith([depths]);
    await merged(store, sample("s1", { depth: 1 }));
    const [one, other] = [
      await open(store, sample("s1", { depth: 2 })),
      await open(store, sample("s1", { name: "core" })),
    ];
    const { lane } = store;
    const take = lane.take.bind(lane);
    let [inside, asked] = [false, 0];
    lane.take = async (work) =>
      take(async (ahead) => {
        inside = true;
        const before = callsOf(depths).length;
        const result = await work(ahead);
        asked += callsOf(depths).length - before;
        inside = false;
        return result;
      });
    await Promise.all([finish(store, one), finish(store, other)]);
    expect([inside, asked]).toEqual([false, 0]);
    expect(callsOf(depths)).toHaveLength(4);
    expect(store.main.index.count("samples")).toBe(1);
  });

  test("is held at last where what is to be judged never stays the same", async () => {
    const depths = nodeCommand("depths", DEPTHS);
    const { store } = await storeWith([depths]);
    const run = await open(store, sample("s1", { depth: 1 }));
    let inside = false;
    const { lane } = store;
    const take = lane.take.bind(lane);
    lane.take = async (work) =>
      take(async (ahead) => {
        inside = true;
        return work(ahead).finally(() => (inside = false));
      });
    // As if what is asked outside were always something else.
    store.commands.hasPassed = () => false;
    let outside = 0;
    const round = store.commands.round();
    store.commands.round = () => round;
    const { ask } = round;
    round.ask = async (tasks) => (inside ? ask.call(round, tasks) : void outside++);
    expect((await finish(store, run)).record.status).toBe("success");
    expect(outside).toBe(4);
  });

  test("is not held by a check that is unavailable, nor is it asked twice", async () => {
    const command = shellCommand("broken", "echo >> calls; exit 1");
    const { store } = await storeWith([command]);
    await refusal(merged(store, sample("s1", {})));
    expect(readFileSync(`${command.cwd}/calls`, "utf8")).toBe("\n");
  });

  test("is free while a rehearsal waits for a check", async () => {
    const { command, began, goOn } = waitingCommand("slow");
    const { store } = await storeWith([command]);
    const rehearsed = merged(store.rehearse(), sample("s1", { depth: 1 }));
    await soon(began).toBe(true);
    expect((await merged(store, { studies: { st: {} } })).record.status).toBe("success");
    goOn();
    expect((await rehearsed).record.status).toBe("success");
    expect(store.main.index.count("samples")).toBe(0);
  });

  test("four commands run at once, and others wait for their turn", async () => {
    const { command, goOn } = waitingCommand("slow");
    const { store } = await storeWith([command]);
    const runs = Array.from({ length: 6 }, async (_, at) => merged(store, sample(`s${at}`, { depth: at })));
    const began = (): number => (existsSync(`${command.cwd}/began`) ? readFileSync(`${command.cwd}/began`).length : 0);
    await soon(began).toBe(4);
    goOn();
    expect((await Promise.all(runs)).map(({ record }) => record.status)).toEqual(Array(6).fill("success"));
    expect(began()).toBe(6);
  });
});

describe("a run that changes the checks", () => {
  const CHECKED = { ...CONFIGURATION, ...checksFor(["samples"], "depths") };

  async function unchecked(): Promise<{ store: Store; depths: Command }> {
    const depths = nodeCommand("depths", DEPTHS);
    const { store } = await openTestStore({
      template: templateFolder(CONFIGURATION, SCHEMAS),
      commands: commandsOf(depths),
    });
    await merged(store, { samples: { s1: { depth: 1 }, s2: { depth: -1 } }, studies: { st: {} } });
    expect(callsOf(depths)).toEqual([]);
    return { store, depths };
  }

  test("has every document of their collections judged", async () => {
    const { store, depths } = await unchecked();
    const run = await configure(store, await open(store), CHECKED);
    expect(short(run.record.warnings)).toEqual(["check samples/s2 /depth"]);
    expect(short((await refusal(finish(store, run))).errors)).toEqual(["check samples/s2 /depth"]);
    await patch(store, run, { body: sample("s2", { depth: 2 }) });
    expect((await finish(store, run)).record.status).toBe("success");
    expect(new Set(callsOf(depths)[0])).toEqual(new Set(["samples/s1", "samples/s2"]));
    expect(short((await refusal(merged(store, sample("s1", { depth: -5 })))).errors)).toEqual([
      "check samples/s1 /depth",
    ]);
  });

  test("has nothing judged again that the same command judged before", async () => {
    const { store, depths } = await unchecked();
    await merged(store, sample("s2", { depth: 2 }));
    await finish(store, await configure(store, await open(store), CHECKED));
    const before = callsOf(depths).length;
    store.commands.hasPassed = () => false;
    const renamed = { ...CHECKED, checks: [{ name: "other", collections: ["samples"], command: "depths" }] };
    await finish(store, await configure(store, await open(store), { ...renamed, references: [] }));
    expect(callsOf(depths)).toHaveLength(before);
    const wider = { ...CHECKED, checks: [{ name: "wide", collections: ["samples", "studies"], command: "depths" }] };
    await finish(store, await configure(store, await open(store), wider));
    expect(new Set(callsOf(depths).slice(before).flat())).toEqual(new Set(["studies/st"]));
  });

  test("to a command that is not there is refused, whether there are documents or not", async () => {
    const { store } = await unchecked();
    const collections = { ...CONFIGURATION.collections, empty: {} };
    const missing = { ...CONFIGURATION, collections, ...checksFor(["empty"], "missing") };
    const run = await configure(store, await open(store), missing);
    expect(short(run.record.warnings)).toEqual([UNAVAILABLE]);
    expect((await refusal(finish(store, run))).code).toBe("validation_failed");
  });

  test.each([
    ["a check without a command", { checks: [{ name: "c", collections: ["samples"] }] }, "/checks/0/command"],
    [
      "a check without collections",
      { checks: [{ name: "c", collections: [], command: "depths" }] },
      "/checks/0/collections",
    ],
    [
      "a command with a path",
      { checks: [{ name: "c", collections: ["samples"], command: "/bin/sh" }] },
      "/checks/0/command",
    ],
    [
      "an argv",
      { checks: [{ name: "c", collections: ["samples"], command: "depths", argv: ["sh"] }] },
      "/checks/0/argv",
    ],
  ])("to %s is refused at the door", async (_, checks, pointer) => {
    const { store } = await unchecked();
    const { errors } = await refusal(configure(store, await open(store), { ...CONFIGURATION, ...checks }));
    expect(errors.map((error) => error.pointer)).toEqual([pointer]);
  });

  test("to collections that are not there, or to two of one name, is refused", async () => {
    const { store } = await unchecked();
    const checks = [
      { name: "c", collections: ["samples", "none"], command: "depths" },
      { name: "c", collections: ["studies"], command: "depths" },
    ];
    const run = await configure(store, await open(store), { ...CONFIGURATION, checks });
    expect(short(run.record.warnings)).toEqual([
      "unknown_collection $config/runtree.json /checks/0/collections/1",
      "schema $config/runtree.json /checks/1/name",
      "check samples/s2 /depth",
    ]);
  });
});

test("what a person settles is judged as it comes out, once", async () => {
  const depths = nodeCommand("depths", DEPTHS);
  const { store } = await storeWith([depths]);
  await merged(store, sample("s1", { depth: 1 }));
  const [ours, theirs] = [await open(store, sample("s1", { depth: 2 })), await open(store, sample("s1", { depth: 3 }))];
  await finish(store, ours);
  await refusal(finish(store, theirs));
  const before = callsOf(depths).length;
  const resolutions = [{ collection: "samples", id: "s1", pointer: "/depth", value: -4 }];
  const resolved = await resolveRun(store, TESTER, theirs.record.id, { resolutions }, () => undefined);
  expect(short(resolved.record.warnings)).toEqual(["check samples/s1 /depth"]);
  expect(callsOf(depths).length - before).toBe(1);
});

test("the documents of a template are judged like any others", async () => {
  const depths = nodeCommand("depths", DEPTHS);
  const configuration = { ...CONFIGURATION, ...checksFor(["samples"], "depths") };
  const files = { ...SCHEMAS, "metadata/samples/s1.json": { id: "s1", depth: -1 } };
  const template = templateFolder(configuration, files);
  await expect(openTestStore({ template, commands: commandsOf(depths) })).rejects.toMatchObject({
    code: "template_invalid",
    message: expect.stringContaining("is above the ground"),
  });
  await expect(openTestStore({ template })).rejects.toThrow("Not checked here");
});
