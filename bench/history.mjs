// Rows: the history of one document, and the blame of its fields.
import { execFileSync } from "node:child_process";
import { watchedDocument } from "./fixtures.mjs";
import { measurementsOf, rates, repeatFor } from "./measure.mjs";
import { git } from "./processes.mjs";
import { row } from "./rows.mjs";
import { pathOf } from "./store.mjs";

export const names = ["history:git-log", "blame:git-blame"];

const DOCUMENTS = 1000;
const MERGES = 10_000;
const CHANGES = 100;

/** Measures the wanted rows, all by turns. */
export async function measure({ workspace, opening, wanted, plan }) {
  const content = { documents: DOCUMENTS, closed: MERGES, changing: true, watchedEvery: MERGES / CHANGES };
  const name = watchedDocument(DOCUMENTS);
  const ours = opening.side("histories", { data: await workspace.copy(content), name, changes: CHANGES });
  const gitDir = `${await workspace.stockCopy(content)}/repo.git`;
  // What makes `git log -- path` fastest: most commits are passed over without looking at their trees.
  git(["--git-dir", gitDir, "commit-graph", "write", "--reachable", "--changed-paths"]);
  const byGit = (...words) => {
    const all = ["--git-dir", gitDir, ...words, "main", "--", pathOf(name)];
    return (milliseconds) => repeatFor(milliseconds, 1, () => execFileSync("git", all));
  };
  const sides = {};
  const references = {};
  if (wanted.includes("history:git-log")) {
    sides.histories = [ours, "histories"];
    references.log = byGit("log", "--format=%H");
  }
  if (wanted.includes("blame:git-blame")) {
    sides.blames = [ours, "blames"];
    references.blame = byGit("blame", "--first-parent", "--porcelain");
  }
  const found = await rates({ ...(await measurementsOf(sides)), ...references }, plan);
  const rows = {
    "history:git-log": { ours: found.histories, reference: "git log -- path", value: found.log },
    "blame:git-blame": { ours: found.blames, reference: "git blame --first-parent -- path", value: found.blame },
  };
  return wanted.map((name) => row(name, { ...rows[name], durable: false }));
}
