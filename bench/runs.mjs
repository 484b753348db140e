// Rows: what 100,000 closed runs cost: a page of their list, the time and memory of a start.
import { readFileSync } from "node:fs";
import { Connection } from "./http.mjs";
import { byTurns, measurementsOf, median, percentile } from "./measure.mjs";
import { row } from "./rows.mjs";

export const names = ["list:healthz", "start:time", "start:memory"];

const DOCUMENTS = 100_000;
const CONTENT = { documents: DOCUMENTS, closed: 100_000, kept: 10_000 };
const GOAL = { seconds: 3, megabytes: 600 };

/** A start that took longer is not repeated. */
const LONG_SECONDS = 6;

/** Measures the wanted rows on one repository. */
export async function measure({ workspace, opening, wanted, plan }) {
  const data = await workspace.copy(CONTENT);
  const server = await opening.server(data);
  const rows = [];
  if (wanted.includes("list:healthz")) rows.push(await lists(server, opening, plan));
  await opening.end();
  // A first start that took too long leaves nothing by which the next would be faster.
  const starts = server === null ? [] : await restarts(data, opening, plan.rounds);
  const of = (member) => (starts.length === 0 ? undefined : median(starts.map((start) => start[member])));
  const time = { ours: of("seconds"), reference: `${GOAL.seconds} s`, value: GOAL.seconds, durable: false };
  const memory = { ours: of("megabytes"), reference: `${GOAL.megabytes} MB`, value: GOAL.megabytes, durable: false };
  if (wanted.includes("start:time")) rows.push(row("start:time", time));
  if (wanted.includes("start:memory")) rows.push(row("start:memory", memory));
  return rows;
}

async function lists(server, opening, plan) {
  const load = opening.load(server, { documents: DOCUMENTS, connections: 1 });
  const found = await byTurns(await measurementsOf({ lists: [load, "lists"], health: [load, "health"] }), plan);
  const slowest = (rounds) =>
    rounds === undefined ? undefined : median(rounds.map((times) => percentile(times, 0.99)));
  return row("list:healthz", {
    ours: slowest(found.lists),
    reference: "p99 of GET /healthz",
    value: slowest(found.health),
    durable: false,
  });
}

/** Starts after a clean stop, one after another. */
async function restarts(data, opening, most) {
  const starts = [];
  do {
    const started = performance.now();
    const server = await opening.server(data);
    if (server === null) break;
    const client = await Connection.to(server.url);
    await client.request("GET", "/readyz");
    const seconds = (performance.now() - started) / 1000;
    const kilobytes = Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${server.pid}/status`, "utf8"))[1]);
    starts.push({ seconds, megabytes: (kilobytes * 1024) / 1e6 });
    client.close();
    await opening.end();
  } while (starts.length < most && starts[0].seconds < LONG_SECONDS);
  return starts;
}
