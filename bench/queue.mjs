// Rows: how fast the queue is worked on, and what it costs to look at a long one and to order it anew.
import { byTurns, measurementsOf, median, percentile, rates } from "./measure.mjs";
import { row } from "./rows.mjs";
import { giveCommand } from "./store.mjs";

export const names = ["dispatch:spawn", "queue-view:healthz", "reorder:enqueue"];

const CONTENT = { documents: 100_000 };
const QUEUED = 10_000;
const SLOTS = 2;

/** Measures the wanted rows; the two of a long queue on one server. */
export async function measure({ wanted, ...bench }) {
  const rows = [];
  if (wanted.includes("dispatch:spawn")) rows.push(await dispatches(bench));
  await bench.opening.end();
  if (wanted.some((name) => name !== "dispatch:spawn")) rows.push(...(await longQueue(wanted, bench)));
  return rows;
}

async function dispatches({ workspace, opening, plan }) {
  const data = await workspace.copy(CONTENT);
  const { command, program } = giveCommand(data);
  const server = opening.server(data, ["--concurrency", String(SLOTS)]);
  const ours = opening.load(server, { command, connections: 1, dispatching: true }, "jobs");
  const spawns = opening.side("spawns", { program });
  const sides = { ours: [ours, "dispatches"], one: [spawns, "oneByOne"], two: [spawns, "twoAtOnce"] };
  const found = await rates(await measurementsOf(sides), plan);
  process.stderr.write(
    `bench: bare spawns a second, one by one ${Math.round(found.one)}, two at once ${Math.round(found.two)}\n`,
  );
  return row("dispatch:spawn", {
    ours: found.ours,
    reference: "bare spawns, two at once",
    value: found.two,
    durable: true,
  });
}

async function longQueue(wanted, { workspace, opening, plan }) {
  const data = await workspace.copy(CONTENT);
  const { command } = giveCommand(data);
  const server = opening.server(data, ["--concurrency", "0"]);
  const load = opening.load(server, { command, connections: 1, queued: QUEUED }, "jobs");
  const each = (rounds, of) => (rounds === undefined ? undefined : median(rounds.map(of)));
  const rows = [];
  if (wanted.includes("queue-view:healthz")) {
    const found = await byTurns(await measurementsOf({ views: [load, "views"], health: [load, "health"] }), plan);
    const slowest = (times) => percentile(times, 0.99);
    rows.push(
      row("queue-view:healthz", {
        ours: each(found.views, slowest),
        reference: "p99 of GET /healthz",
        value: each(found.health, slowest),
        durable: false,
      }),
    );
  }
  if (wanted.includes("reorder:enqueue")) {
    const sides = { reorders: [load, "reorders"], enqueues: [load, "single"] };
    const found = await byTurns(await measurementsOf(sides), plan);
    rows.push(
      row("reorder:enqueue", {
        ours: each(found.reorders, median),
        reference: "one POST /jobs",
        value: each(found.enqueues, median),
        durable: true,
      }),
    );
  }
  return rows;
}
