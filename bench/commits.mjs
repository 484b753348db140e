// Rows: how fast submissions are committed, and the PATCH that brings them.
import { rates } from "./measure.mjs";
import { serve, startSide } from "./processes.mjs";
import { row } from "./rows.mjs";

const DOCUMENTS = 100_000;
const IN_FLIGHT = 64;
const CONNECTIONS = 32;

export const names = [
  "commit:isomorphic-git",
  "commit:fast-import",
  "commit:cpu",
  "commit-1:append",
  "http-patch:commit",
];

/** Measures the wanted rows. All of them are measured by turns, so that `commit:*` and `http-patch` share what ours does. */
export async function measure({ workspace, wanted, plan }) {
  const sides = [];
  const side = async (module, options) => {
    const started = await startSide(module, options);
    sides.push(started);
    return (name) => (milliseconds) => started.call(name, milliseconds);
  };
  const content = { documents: DOCUMENTS };
  const options = { documents: DOCUMENTS, runs: IN_FLIGHT };
  const measurements = {};
  const ours = await side("submissions", { ...options, data: await workspace.copy(content) });
  if (wanted.some((name) => name !== "commit-1:append")) measurements.ours = ours("together");
  if (wanted.includes("commit:isomorphic-git")) {
    measurements.isomorphic = (await side("isomorphic-git", { ...options, data: await workspace.stockCopy(content) }))(
      "commits",
    );
  }
  if (wanted.includes("commit:fast-import")) {
    measurements.fastImport = (await side("fast-import", { ...options, data: await workspace.stockCopy(content) }))(
      "commits",
    );
  }
  if (wanted.includes("commit:cpu") || wanted.includes("commit-1:append")) {
    const limits = await side("limits", {
      ...options,
      data: await workspace.copy(content),
      log: workspace.path("log"),
    });
    if (wanted.includes("commit:cpu")) measurements.cpu = limits("cpu");
    if (wanted.includes("commit-1:append")) {
      measurements.oneByOne = ours("oneByOne");
      measurements.append = limits("append");
    }
  }
  let server = null;
  if (wanted.includes("http-patch:commit")) {
    server = await serve(await workspace.copy(content));
    const load = await side("load", { url: server.url, documents: DOCUMENTS, connections: CONNECTIONS });
    measurements.patches = load("patches");
  }
  const found = await rates(measurements, plan);
  for (const each of sides) await each.end();
  await server?.stop();

  const rows = {
    "commit:isomorphic-git": () => ({ reference: "isomorphic-git as shipped, not durable", value: found.isomorphic }),
    "commit:fast-import": () => ({ reference: "git fast-import, a checkpoint per commit", value: found.fastImport }),
    "commit:cpu": () => ({ reference: "JSON + SHA-1 of the same objects, no I/O", value: found.cpu }),
    "commit-1:append": () => ({
      reference: "append + fdatasync of as many bytes",
      ours: found.oneByOne,
      value: found.append,
    }),
    "http-patch:commit": () => ({ reference: "ours of commit:cpu", ours: found.patches, value: found.ours }),
  };
  return wanted.map((name) => row(name, { ours: found.ours, durable: true, ...rows[name]() }));
}
