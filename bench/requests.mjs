// Rows: a run's whole life over HTTP, reading a document over HTTP, what keys cost, and what followers of events cost.
import { writeFileSync } from "node:fs";
import { documentOf } from "./documents.mjs";
import { measurementsOf, rates } from "./measure.mjs";
import { row } from "./rows.mjs";
import { canonicalJson, makeKey } from "./store.mjs";

export const names = ["auth:open", "events", "run-cycle:git", "read:echo"];

/** Few documents, as git's index holds all of them: with many, git would be slower, and we would not. */
const CYCLE = { documents: 1000, clients: 8 };
const KEYED = { documents: 100_000, connections: 32 };
const FOLLOWED = { documents: 100_000, connections: 8 };
const FOLLOWERS = 1000;
const READ = { documents: 100_000, connections: 32 };

/** Measures the wanted rows, each with its own servers. */
export async function measure({ wanted, ...bench }) {
  const rows = [];
  if (wanted.includes("auth:open")) rows.push(await keyed(bench));
  if (wanted.includes("events")) rows.push(await followed(bench));
  if (wanted.includes("run-cycle:git")) rows.push(await runCycle(bench));
  if (wanted.includes("read:echo")) rows.push(await reads(bench));
  return rows;
}

async function keyed({ workspace, opening, plan }) {
  const data = await workspace.copy(KEYED);
  const key = makeKey(data);
  // The limits are on; the usual one would end the measurement.
  writeFileSync(`${data}/runtree.config.json`, JSON.stringify({ limits: { requests_per_minute: 1e9 } }));
  const ours = opening.load(opening.server(data), { ...KEYED, key });
  const open = opening.load(opening.server(await workspace.copy(KEYED)), KEYED);
  const found = await rates(await measurementsOf({ ours: [ours, "patches"], open: [open, "patches"] }), plan);
  return row("auth:open", {
    ours: found.ours,
    reference: "the same without keys",
    value: found.open,
    durable: true,
  });
}

async function followed({ workspace, opening, plan }) {
  const server = opening.server(await workspace.copy(FOLLOWED));
  const ours = opening.load(server, FOLLOWED);
  const quiet = opening.load(opening.server(await workspace.copy(FOLLOWED)), FOLLOWED);
  const followers = await opening.side("followers", { url: (await server)?.url, followers: FOLLOWERS });
  const measurements = await measurementsOf({ ours: [ours, "merges"], quiet: [quiet, "merges"] });
  const counted = {
    ...measurements,
    ours: async (milliseconds) => {
      await followers.call("begin");
      const round = await measurements.ours(milliseconds);
      await followers.call("heard", round.operations);
      return round;
    },
  };
  const found = await rates(counted, plan);
  return row("events", {
    ours: found.ours,
    reference: "the same without followers",
    value: found.quiet,
    durable: true,
  });
}

async function runCycle({ workspace, opening, plan }) {
  const { documents, clients } = CYCLE;
  const server = opening.server(await workspace.copy({ documents }));
  const load = opening.load(server, { documents, connections: clients });
  const data = await workspace.stockCopy({ documents });
  const git = opening.side("git-cycles", { data, documents, clients, folder: workspace.path("indexes") });
  const found = await rates(await measurementsOf({ ours: [load, "cycles"], git: [git, "cycles"] }), plan);
  return row("run-cycle:git", {
    ours: found.ours,
    reference: "the same by git commands",
    value: found.git,
    durable: true,
  });
}

async function reads({ workspace, opening, plan }) {
  const { documents, connections } = READ;
  const file = workspace.path("document");
  writeFileSync(file, canonicalJson(documentOf(documents - 1, documents)));
  const ours = opening.load(opening.server(await workspace.copy({ documents })), { documents, connections });
  const echo = opening.load(opening.echo(file), { documents, connections });
  const found = await rates(await measurementsOf({ ours: [ours, "reads"], echo: [echo, "reads"] }), plan);
  return row("read:echo", {
    ours: found.ours,
    reference: "bare Koa, the same bytes",
    value: found.echo,
    durable: false,
  });
}
