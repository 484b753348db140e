// Rows: a run's whole life over HTTP, and reading a document over HTTP.
import { writeFileSync } from "node:fs";
import { documentOf } from "./documents.mjs";
import { measurementsOf, rates } from "./measure.mjs";
import { row } from "./rows.mjs";
import { canonicalJson } from "./store.mjs";

export const names = ["run-cycle:git", "read:echo"];

/** Few documents, as git's index holds all of them: with many, git would be slower, and we would not. */
const CYCLE = { documents: 1000, clients: 8 };
const READ = { documents: 100_000, connections: 32 };

/** Measures the wanted rows, each with its own servers. */
export async function measure({ wanted, ...bench }) {
  const rows = [];
  if (wanted.includes("run-cycle:git")) rows.push(await runCycle(bench));
  if (wanted.includes("read:echo")) rows.push(await reads(bench));
  return rows;
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
