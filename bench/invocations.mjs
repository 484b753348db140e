// Rows: what it costs to watch invocations on a Galaxy, and to have workflows invoked there.
import { DATASET, DATASETS, IN_FLIGHT, READS, WORKFLOW } from "./galaxies.mjs";
import { byTurns, measurementsOf, median, rates } from "./measure.mjs";
import { row } from "./rows.mjs";

export const names = ["poll:undici", "invoke:undici"];

const CONTENT = { documents: 10_000 };
const LIVE = { quick: 500, full: 5000 };
/** How many sweeps memory is looked at over, and how many of them are asked for at a time. */
const LONG = { sweeps: 100, each: 20 };
/** A day that no measurement comes upon. */
const NEVER = "0 0 0 29 2 *";

/** Measures the wanted rows, each with a stand-in of its own. */
export async function measure({ wanted, opening, ...bench }) {
  const rows = [];
  if (wanted.includes("poll:undici")) rows.push(await polls({ opening, ...bench }));
  await opening.end();
  if (wanted.includes("invoke:undici")) rows.push(await invokes({ opening, ...bench }));
  return rows;
}

async function polls({ workspace, opening, plan, quick }) {
  const live = quick ? LIVE.quick : LIVE.full;
  const place = await (await opening.side("stand-in", { live })).call("where");
  const ours = await opening.side("sweeps", { ...place, data: await workspace.copy(CONTENT), live });
  const ids = (await ours?.call("ids")) ?? [];
  const bare = ids.length === 0 ? null : opening.side("undici", { ...place, ids });
  const sides = { ours: [ours, "sweeps"], bare: [bare, "looks"] };
  const found = await byTurns(await measurementsOf(sides), plan);
  if (ours !== null) await tell(ours, quick);
  const each = (rounds) => (rounds === undefined ? undefined : median(rounds.map(median)));
  return row("poll:undici", {
    ours: each(found.ours),
    reference: `the same ${live * 2} answers by bare undici`,
    value: each(found.bare),
    durable: true,
  });
}

/** Tells what the row has no place for. */
async function tell(side, quick) {
  const milliseconds = await side.call("quiet");
  process.stderr.write(
    `bench: one durable write a sweep; none, and ${Math.round(milliseconds)} ms, where nothing changed\n`,
  );
  if (quick) return;
  const told = ({ heap, rss }) => `${(heap / 1e6).toFixed(1)} MB of heap and ${Math.round(rss / 1e6)} MB in all`;
  const before = await side.call("memory", 0);
  let after = before;
  for (let done = 0; done < LONG.sweeps; done += LONG.each) after = await side.call("memory", LONG.each);
  process.stderr.write(`bench: memory was ${told(before)}, and ${told(after)} after ${LONG.sweeps} sweeps\n`);
}

async function invokes({ workspace, opening, plan }) {
  const place = await (await opening.side("stand-in")).call("where");
  const { url, key } = place;
  const galaxy = ["--galaxy-url", url, "--galaxy-key", key, "--dataset-collection", DATASETS, "--poll", NEVER];
  const server = opening.server(await workspace.copy(CONTENT), ["--concurrency", "0", ...galaxy]);
  const job = { dataset_id: DATASET, workflow_name: WORKFLOW, parameters: { reads: READS } };
  const load = opening.load(server, { connections: IN_FLIGHT, job }, "asking");
  const bare = opening.side("undici", place);
  const found = await rates(await measurementsOf({ ours: [load, "jobs"], bare: [bare, "invokes"] }), plan);
  return row("invoke:undici", {
    ours: found.ours,
    reference: "the same four requests by bare undici",
    value: found.bare,
    durable: true,
  });
}
