// `npm run bench -- [--only NAME] [--quick] [--json FILE]`: measures the store against what it is compared with.
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { build } from "../scripts/prepare.mjs";
import { GOALS, table } from "./rows.mjs";

/** How long is measured: rounds of each side, and how long one lasts. */
const PLANS = { quick: { rounds: 3, milliseconds: 1000 }, full: { rounds: 5, milliseconds: 3000 } };

/** The files that measure rows, in the order of the table as far as they share work. */
const GROUPS = ["commits", "merges", "requests", "runs", "history", "clones", "validation"];

const { values } = parseArgs({
  options: { only: { type: "string" }, quick: { type: "boolean", default: false }, json: { type: "string" } },
});
const { only = "", quick, json } = values;
const wanted = Object.keys(GOALS).filter((name) => name.startsWith(only));
if (wanted.length === 0) {
  process.stderr.write(`bench: there is no row ${only}; there are ${Object.keys(GOALS).join(", ")}\n`);
  process.exit(2);
}
build();
const { Workspace } = await import("./workspace.mjs");
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));
const workspace = new Workspace();
const rows = [];
for (const group of GROUPS) {
  const { names, measure } = await import(`./${group}.mjs`);
  const here = names.filter((name) => wanted.includes(name));
  if (here.length === 0) continue;
  const started = performance.now();
  for (const row of await measure({ workspace, quick, wanted: here, plan: quick ? PLANS.quick : PLANS.full }))
    rows.push(row);
  process.stderr.write(`bench: ${here.join(", ")} took ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
}
rows.sort((left, right) => wanted.indexOf(left.name) - wanted.indexOf(right.name));
process.stdout.write(table(rows));
if (json !== undefined) writeFileSync(json, `${JSON.stringify(rows, null, 2)}\n`);
