// Rows: how fast runs are merged, and that neither documents nor open runs make it slower.
import { measurementsOf, rates } from "./measure.mjs";
import { row } from "./rows.mjs";

const DOCUMENTS = 100_000;
const FEW = 1000;
const MANY = { quick: DOCUMENTS, full: 1_000_000 };
const OPEN_RUNS = 10_000;

export const names = ["merge:git", "merge:documents", "merge:open-runs"];

/** Which repositories each row compares, and what they hold. */
const NEEDS = {
  "merge:git": ["plain", "git"],
  "merge:documents": ["many", "few"],
  "merge:open-runs": ["plain", "open"],
};

/** Measures the wanted rows, all repositories by turns. */
export async function measure({ workspace, opening, quick, wanted, plan }) {
  const many = quick ? MANY.quick : MANY.full;
  const contents = {
    plain: { documents: DOCUMENTS },
    git: { documents: DOCUMENTS },
    few: { documents: FEW },
    open: { documents: DOCUMENTS, open: OPEN_RUNS },
    many: { documents: many },
  };
  /** In the quick form the repository with many documents is the plain one. */
  const sideOf = (name) => (name === "many" && quick ? "plain" : name);
  const sides = {};
  for (const name of new Set(wanted.flatMap((row) => NEEDS[row]).map(sideOf))) {
    const content = contents[name];
    const data = name === "git" ? await workspace.stockCopy(content) : await workspace.copy(content);
    const options = { data, documents: content.documents };
    sides[name] = [opening.side(name === "git" ? "git-merges" : "merges", options), "merges"];
  }
  const found = await rates(await measurementsOf(sides), plan);
  const time = (name) => 1000 / found[sideOf(name)];
  const words = `${FEW.toLocaleString("en-US")} documents; ours with ${many.toLocaleString("en-US")}`;
  const rows = {
    "merge:git": { ours: found.plain, reference: "git merge-tree + commit-tree + update-ref", value: found.git },
    "merge:documents": { ours: time("many"), reference: words, value: time("few") },
    "merge:open-runs": { ours: time("open"), reference: "no open runs; ours with 10,000", value: time("plain") },
  };
  return wanted.map((name) => row(name, { ...rows[name], durable: true }));
}
