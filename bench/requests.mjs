// Rows: a run's whole life over HTTP, and reading a document over HTTP.
import { writeFileSync } from "node:fs";
import { documentOf } from "./documents.mjs";
import { rates } from "./measure.mjs";
import { serve, serveEcho, startSide } from "./processes.mjs";
import { row } from "./rows.mjs";
import { canonicalJson } from "./store.mjs";

export const names = ["run-cycle:git", "read:echo"];

/** Few documents, as git's index holds all of them: with many, git would be slower, and we would not. */
const CYCLE = { documents: 1000, clients: 8 };
const READ = { documents: 100_000, connections: 32 };

export async function measure({ workspace, wanted, plan }) {
  const rows = [];
  if (wanted.includes("run-cycle:git")) rows.push(await runCycle(workspace, plan));
  if (wanted.includes("read:echo")) rows.push(await reads(workspace, plan));
  return rows;
}

async function runCycle(workspace, plan) {
  const { documents, clients } = CYCLE;
  const server = await serve(await workspace.copy({ documents }));
  const load = await startSide("load", { url: server.url, documents, connections: clients });
  const data = await workspace.stockCopy({ documents });
  const reference = await startSide("git-cycles", { data, documents, clients, folder: workspace.path("indexes") });
  const found = await rates(
    {
      ours: (milliseconds) => load.call("cycles", milliseconds),
      git: (milliseconds) => reference.call("cycles", milliseconds),
    },
    plan,
  );
  await load.end();
  await reference.end();
  await server.stop();
  return row("run-cycle:git", {
    ours: found.ours,
    reference: "the same by git commands",
    value: found.git,
    durable: true,
  });
}

async function reads(workspace, plan) {
  const { documents, connections } = READ;
  const file = workspace.path("document");
  writeFileSync(file, canonicalJson(documentOf(documents - 1, documents)));
  const servers = { ours: await serve(await workspace.copy({ documents })), echo: await serveEcho(file) };
  const load = async ({ url }) => startSide("load", { url, documents, connections });
  const loads = { ours: await load(servers.ours), echo: await load(servers.echo) };
  const found = await rates(
    {
      ours: (milliseconds) => loads.ours.call("reads", milliseconds),
      echo: (milliseconds) => loads.echo.call("reads", milliseconds),
    },
    plan,
  );
  for (const each of [loads.ours, loads.echo]) await each.end();
  for (const each of [servers.ours, servers.echo]) await each.stop();
  return row("read:echo", {
    ours: found.ours,
    reference: "bare Koa, the same bytes",
    value: found.echo,
    durable: false,
  });
}
