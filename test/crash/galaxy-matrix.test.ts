import { describe, expect, test, vi } from "vitest";
import { cancelJob } from "../../src/actions/cancel-job.ts";
import { afterSeeing, hasEnded } from "../../src/domain/invocation-state.ts";
import type { RunRecord } from "../../src/domain/run.ts";
import { isWorkRefused, workflowServerFault } from "../../src/domain/workflow-server.ts";
import { FAULT_NAMES, type FaultName } from "../../src/galaxy-demo/faults.ts";
import type { OperationName } from "../../src/galaxy-demo/operations.ts";
import { type GalaxyGround, galaxyGround, HASTY } from "../support/galaxy-ground.ts";
import { TESTER } from "../support/store.ts";
import { SEED, someOf } from "../support/sample.ts";
import { ALL } from "./points.ts";

/** How many cells are tried on every change. */
const CELLS = 12;

/** How many cells are one test: they go side by side. */
const AT_A_TIME = 6;

/** Long enough for a machine that is busy with all of them. */
const LIMITS = { ...HASTY, answerMs: 1500 };

/** What asks Galaxy: a request that waits, a job of a template, or a sweep that does what another left. */
type Asker = "request" | "job" | "sweep";

/** When the server stops: never, while the answer is awaited that goes wrong, or after that. */
type Stop = "no stop" | "a stop meanwhile" | "a stop after it";

interface Cell {
  readonly fault: FaultName;
  readonly operation: OperationName;
  readonly asker: Asker;
  readonly stop: Stop;
}

const OPERATIONS = ["list", "invoke", "show", "summary", "cancel", "create_history", "workflows"] as const;

const MATRIX: readonly Cell[] = FAULT_NAMES.flatMap((fault) =>
  OPERATIONS.flatMap((operation) =>
    (["request", "job", "sweep"] as const).flatMap((asker) =>
      (["no stop", "a stop meanwhile", "a stop after it"] as const).map((stop) => ({ fault, operation, asker, stop })),
    ),
  ),
);

function wordsOf({ fault, operation, asker, stop }: Cell): string {
  return `${operation} ${fault}, ${asker}, ${stop}`;
}

const hasJobEnded = (ground: GalaxyGround): boolean =>
  ground.store.jobs.running().length === 0 && ground.store.jobs.queue.length === 0;

/** Begins: what asks has asked, or a sweep is left to. Resolves to what a request that waits was told. */
async function begin(ground: GalaxyGround, { operation, asker }: Cell): Promise<unknown> {
  const isEarly = operation === "invoke" || operation === "create_history" || operation === "workflows";
  // What a sweep does for a run that was begun before, and what a look finds where an answer was lost.
  if ((asker === "sweep" && isEarly) || operation === "list")
    ground.demo.faults.add(
      operation === "list"
        ? { operation: "invoke", fault: "cut_after" }
        : { operation: "create_history", fault: "cut_before" },
    );
  if (asker === "job") return ground.enqueue();
  if (operation === "workflows" && asker === "sweep") {
    // It is found by its name once more, as long as its history was not written down.
    await ground.enqueue();
    return vi.waitUntil(() => ground.reports.length > 0, { timeout: 20_000, interval: 5 });
  }
  return ground.request().catch((error: unknown) => error);
}

/** Plays a cell to its end; returns what is wrong with what came of it. */
async function play(cell: Cell): Promise<string[]> {
  const { fault, operation, asker, stop } = cell;
  const ground = await galaxyGround({ limits: LIMITS });
  const { faults, traffic } = ground.demo;
  const isAsked = asker !== "sweep" && operation !== "show" && operation !== "summary" && operation !== "cancel";
  if (!isAsked) await begin(ground, cell);
  const isCancelled = operation === "cancel";
  if (isCancelled) {
    await ground.sweepUntil(() => ground.live().length > 0 && ground.onlyRun().invocation?.state === "in_progress", 5);
    await cancelJob(ground.store, TESTER, ground.onlyRun().job_id, undefined);
  }
  faults.add({ fault, operation, ms: 20 });
  const before = traffic.of(operation);
  const asking = isAsked ? begin(ground, cell) : ground.sweep(1);
  // A look at what is there comes with a sweep, and a sweep is over when a job that waited was dispatched.
  const isSweptNext = isAsked && (operation === "list" || (asker === "job" && stop !== "a stop meanwhile"));
  const swept = isSweptNext ? asking.then(async () => ground.sweep(1)) : asking;
  if (stop === "a stop meanwhile") await Promise.race([traffic.reach(operation, before + 1), swept]);
  else await swept;
  if (stop !== "no stop") await ground.restart();
  const told = await asking;
  await swept;
  for (let sweeps = 0; sweeps < 3; sweeps++) await ground.sweep(1);
  // Galaxy may say that this one is not ours to cancel, or not there.
  const isGivenUp = fault === "status_403" || fault === "status_404";
  const wrong = isCancelled && !isGivenUp && ground.live().length > 0 ? [`${wordsOf(cell)}: it is not cancelled`] : [];
  await ground.sweepUntil(() => hasJobEnded(ground), 20, 40);
  for (let sweeps = 0; sweeps < 5; sweeps++) await ground.sweep(31);
  return [...wrong, ...complaints(ground, cell, told)];
}

const STATUS = /^status_(401|403|404|409|429)/;
const SERVER_ERROR = /^status_5/;

/** How the job may end. */
function expectedEnds({ fault, operation, asker, stop }: Cell): readonly string[] {
  if (operation === "cancel") return ["cancelled"];
  if (operation !== "invoke" && operation !== "create_history" && operation !== "workflows") return ["completed"];
  const isRefused = STATUS.test(fault) && (asker === "request" || !fault.startsWith("status_429"));
  const isFailed = isRefused || (asker === "request" && SERVER_ERROR.test(fault));
  if (!isFailed) return ["completed"];
  // The stop may have come before the answer, or the failure was not written.
  return stop === "a stop meanwhile" ? ["failed", "completed"] : ["failed"];
}

function complaints(ground: GalaxyGround, cell: Cell, told: unknown): string[] {
  const wrong: string[] = [];
  const claim = (isSo: boolean, words: string): void => void (isSo || wrong.push(`${wordsOf(cell)}: ${words}`));
  const { ids } = ground.store.runs.select({ executor: "galaxy" }, { offset: 0, limit: 10 });
  claim(ground.live().length === 0, `${ground.live().length} are at work in Galaxy`);
  if (ids.length === 0) {
    claim(cell.operation === "workflows" && cell.asker === "request", "there is no run");
    claim(workflowServerFault(told) !== null || cell.stop !== "no stop", `the request was told ${String(told)}`);
    return wrong;
  }
  claim(ids.length === 1, `there are ${ids.length} runs`);
  const run = ground.onlyRun();
  const { ended } = ground.job(run.job_id);
  claim(
    expectedEnds(cell).includes(ended?.status ?? "open"),
    `the job is ${JSON.stringify(ended)}; ${ground.reports.join("; ")}`,
  );
  if (ended?.status === "failed") claim(ended.error?.code === "galaxy_error", `it failed by ${ended.error?.code}`);
  const fault = workflowServerFault(told);
  if (cell.asker === "request" && fault !== null && cell.stop === "no stop")
    claim(
      (ended?.status === "failed") === (isWorkRefused(fault) || fault.reason === "refused"),
      `told ${fault.reason}`,
    );
  const written = ground.written.filter(({ id }) => id === run.id);
  claim(adoptedIn(written).size <= 1, `${adoptedIn(written).size} were adopted`);
  claim(neverBack(written), `states moved back: ${written.map(({ invocation }) => invocation?.state).join(" ")}`);
  claim(ground.invoked().length <= 1 || cell.operation === "invoke", `${ground.invoked().length} were invoked`);
  return wrong;
}

function adoptedIn(written: readonly RunRecord[]): Set<string> {
  return new Set(written.flatMap(({ invocation }) => invocation?.invocation_id ?? []));
}

/** Tells whether each state could follow the one before it, and nothing followed the last. */
function neverBack(written: readonly RunRecord[]): boolean {
  const states = written.flatMap(({ invocation }) => invocation?.state ?? []);
  return states.every((state, at) => {
    const last = states[at - 1] ?? "queued";
    return state === last || (!hasEnded(last) && afterSeeing(last, state) === state);
  });
}

const CHOSEN = ALL ? MATRIX : someOf(CELLS, MATRIX);
const BATCHES = Array.from({ length: Math.ceil(CHOSEN.length / AT_A_TIME) }, (_, at) =>
  CHOSEN.slice(at * AT_A_TIME, (at + 1) * AT_A_TIME),
);

describe(`whatever goes wrong with one request, and whenever the server stops, each run comes to one end, with one invocation or none (RUNTREE_TEST_SEED=${SEED})`, () => {
  test.each(BATCHES.map((cells) => [cells.map(wordsOf).join("; "), cells] as const))("%s", async (_, cells) => {
    const played = cells.map(async (cell) =>
      play(cell).catch((error: unknown) => [
        `${wordsOf(cell)}: ${error instanceof Error ? error.stack : String(error)}`,
      ]),
    );
    expect((await Promise.all(played)).flat()).toEqual([]);
  });
});
