// Rows: how fast submissions are committed, the PATCH that brings them, and jobs that are put in the queue.
import { measurementsOf, rates } from "./measure.mjs";
import { row } from "./rows.mjs";
import { giveCommand } from "./store.mjs";

const DOCUMENTS = 100_000;
const IN_FLIGHT = 64;
const CONNECTIONS = 32;

export const names = [
  "commit:isomorphic-git",
  "commit:fast-import",
  "commit:cpu",
  "commit-1:append",
  "http-patch:commit",
  "enqueue:commit",
];

/** Measures the wanted rows. All of them are measured by turns, so that those that are compared with `commit:*` share what ours does. */
export async function measure({ workspace, opening, wanted, plan }) {
  const content = { documents: DOCUMENTS };
  const options = { documents: DOCUMENTS, runs: IN_FLIGHT };
  const store = opening.side("submissions", { ...options, data: await workspace.copy(content) });
  const sides = {};
  if (wanted.some((name) => name !== "commit-1:append")) sides.ours = [store, "together"];
  if (wanted.includes("commit:isomorphic-git")) {
    const side = opening.side("isomorphic-git", { ...options, data: await workspace.stockCopy(content) });
    sides.isomorphic = [side, "commits"];
  }
  if (wanted.includes("commit:fast-import")) {
    const side = opening.side("fast-import", { ...options, data: await workspace.stockCopy(content) });
    sides.fastImport = [side, "commits"];
  }
  if (wanted.includes("commit:cpu") || wanted.includes("commit-1:append")) {
    const data = await workspace.copy(content);
    const limits = opening.side("limits", { ...options, data, log: workspace.path("log") });
    if (wanted.includes("commit:cpu")) sides.cpu = [limits, "cpu"];
    if (wanted.includes("commit-1:append"))
      Object.assign(sides, { oneByOne: [store, "oneByOne"], append: [limits, "append"] });
  }
  if (wanted.includes("http-patch:commit")) {
    const server = opening.server(await workspace.copy(content));
    sides.patches = [opening.load(server, { documents: DOCUMENTS, connections: CONNECTIONS }), "patches"];
  }
  if (wanted.includes("enqueue:commit")) {
    const data = await workspace.copy(content);
    const { command } = giveCommand(data);
    const server = opening.server(data, ["--concurrency", "0"]);
    sides.jobs = [opening.load(server, { command, connections: CONNECTIONS }, "jobs"), "enqueues"];
  }
  const found = await rates(await measurementsOf(sides), plan);
  const rows = {
    "commit:isomorphic-git": {
      ours: found.ours,
      reference: "isomorphic-git as shipped, not durable",
      value: found.isomorphic,
    },
    "commit:fast-import": {
      ours: found.ours,
      reference: "git fast-import, a checkpoint per commit",
      value: found.fastImport,
    },
    "commit:cpu": { ours: found.ours, reference: "JSON + SHA-1 of the same objects, no I/O", value: found.cpu },
    "commit-1:append": { ours: found.oneByOne, reference: "append + fdatasync of as many bytes", value: found.append },
    "http-patch:commit": { ours: found.patches, reference: "ours of commit:cpu", value: found.ours },
    "enqueue:commit": { ours: found.jobs, reference: "ours of commit:cpu", value: found.ours },
  };
  return wanted.map((name) => row(name, { ...rows[name], durable: true }));
}
