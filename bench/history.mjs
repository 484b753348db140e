// Row: the history of one document.
import { execFileSync } from "node:child_process";
import { watchedDocument } from "./fixtures.mjs";
import { measurementsOf, rates, repeatFor } from "./measure.mjs";
import { git } from "./processes.mjs";
import { row } from "./rows.mjs";
import { pathOf } from "./store.mjs";

export const names = ["history:git-log"];

const DOCUMENTS = 1000;
const MERGES = 10_000;
const CHANGES = 100;

/** Measures the row. */
export async function measure({ workspace, opening, plan }) {
  const content = { documents: DOCUMENTS, closed: MERGES, changing: true, watchedEvery: MERGES / CHANGES };
  const name = watchedDocument(DOCUMENTS);
  const ours = opening.side("histories", { data: await workspace.copy(content), name, changes: CHANGES });
  const gitDir = `${await workspace.stockCopy(content)}/repo.git`;
  // What makes `git log -- path` fastest: most commits are passed over without looking at their trees.
  git(["--git-dir", gitDir, "commit-graph", "write", "--reachable", "--changed-paths"]);
  const log = ["--git-dir", gitDir, "log", "--format=%H", "main", "--", pathOf(name)];
  const found = await rates(
    {
      ...(await measurementsOf({ ours: [ours, "histories"] })),
      log: (milliseconds) => repeatFor(milliseconds, 1, () => execFileSync("git", log)),
    },
    plan,
  );
  return [row("history:git-log", { ours: found.ours, reference: "git log -- path", value: found.log, durable: false })];
}
