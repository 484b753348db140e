// `npm run bench -- [--only NAME] [--quick] [--json FILE]`: measures the store against what it is compared with.
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { build } from "../scripts/prepare.mjs";
import { GOALS, table } from "./rows.mjs";

/** How long is measured: rounds of each side, how long one lasts, and how long a side may take until it is ready. */
const PLANS = {
  quick: { rounds: 3, milliseconds: 800, readySeconds: 30 },
  full: { rounds: 5, milliseconds: 3000, readySeconds: 300 },
};

/** The files that measure rows, in the order of the table as far as they share work. */
const GROUPS = [
  "commits",
  "merges",
  "requests",
  "history",
  "clones",
  "pushes",
  "queue",
  "invocations",
  "validation",
  "runs",
];

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
const { broken } = await import("./measure.mjs");
const { Opening } = await import("./opening.mjs");
const { Workspace } = await import("./workspace.mjs");
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));

const plan = quick ? PLANS.quick : PLANS.full;
const workspace = new Workspace();
const rows = [];
for (const group of GROUPS) {
  const { names, measure } = await import(`./${group}.mjs`);
  const here = names.filter((name) => wanted.includes(name));
  if (here.length === 0) continue;
  const started = performance.now();
  const opening = new Opening(plan.readySeconds);
  try {
    for (const row of await measure({ workspace, opening, quick, wanted: here, plan })) rows.push(row);
  } catch (error) {
    broken(here.join(", "), error);
  }
  await opening.end();
  process.stderr.write(`bench: ${here.join(", ")} took ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
}
rows.sort((left, right) => wanted.indexOf(left.name) - wanted.indexOf(right.name));
process.stdout.write(table(rows));
if (json !== undefined) writeFileSync(json, `${JSON.stringify(rows, null, 2)}\n`);
