// Rows: how fast runs are merged, and that neither documents nor open runs make it slower.
import { rates } from "./measure.mjs";
import { startSide } from "./processes.mjs";
import { row } from "./rows.mjs";

const DOCUMENTS = 100_000;
const FEW = 1000;
const MANY = { quick: DOCUMENTS, full: 1_000_000 };
const OPEN_RUNS = 10_000;

export const names = ["merge:git", "merge:documents", "merge:open-runs"];

/** Measures the wanted rows, all repositories by turns. */
export async function measure({ workspace, quick, wanted, plan }) {
  const many = quick ? MANY.quick : MANY.full;
  const sides = {};
  const begin = async (name, content) => {
    const module = name === "git" ? "git-merges" : "merges";
    const data = name === "git" ? await workspace.stockCopy(content) : await workspace.copy(content);
    sides[name] ??= await startSide(module, { data, documents: content.documents });
  };
  const plain = many === DOCUMENTS ? "many" : "plain";
  if (wanted.includes("merge:git") || wanted.includes("merge:open-runs")) await begin(plain, { documents: DOCUMENTS });
  if (wanted.includes("merge:git")) await begin("git", { documents: DOCUMENTS });
  if (wanted.includes("merge:open-runs")) await begin("open", { documents: DOCUMENTS, open: OPEN_RUNS });
  if (wanted.includes("merge:documents")) {
    await begin("few", { documents: FEW });
    if (sides.many === undefined) await begin("many", { documents: many });
  }
  const measurements = Object.entries(sides).map(([name, side]) => [
    name,
    (milliseconds) => side.call("merges", milliseconds),
  ]);
  const found = await rates(Object.fromEntries(measurements), plan);
  for (const side of Object.values(sides)) await side.end();

  const time = (rate) => 1000 / rate;
  const rows = {
    "merge:git": () => ({
      ours: found[plain],
      reference: "git merge-tree + commit-tree + update-ref",
      value: found.git,
    }),
    "merge:documents": () => ({
      ours: time(found.many),
      reference: `${many.toLocaleString("en-US")} documents against 1,000`,
      value: time(found.few),
    }),
    "merge:open-runs": () => ({
      ours: time(found.open),
      reference: "10,000 open runs against none",
      value: time(found[plain]),
    }),
  };
  return wanted.map((name) => row(name, { ...rows[name](), durable: true }));
}
