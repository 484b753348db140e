// Row: that closed runs leave nothing behind that a clone would have to carry.
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { byTurns, median } from "./measure.mjs";
import { git } from "./processes.mjs";
import { row } from "./rows.mjs";

export const names = ["clone:plain"];

const MAIN = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const DOCUMENTS = 2000;
const RUNS = { quick: 3000, full: 30_000 };

/** The last runs are closed by the store itself, so that its own packs and refs are part of what is cloned. */
const OWN_MS = 1000;

/** Measures the row. */
export async function measure({ workspace, opening, quick, plan }) {
  const closed = quick ? RUNS.quick : RUNS.full;
  const data = await workspace.copy({ documents: DOCUMENTS, closed, kept: closed / 5, changing: true });
  const own = await opening.side("merges", { data, documents: DOCUMENTS });
  await own?.call("merges", OWN_MS);
  await opening.end();
  // As a server does by its timer.
  execFileSync(process.execPath, [MAIN, "maintain", "--data", data], { stdio: "ignore" });

  const plain = workspace.path("plain");
  git(["init", "--quiet", "--bare", "--initial-branch=main", plain]);
  git(["--git-dir", plain, "fetch", "--quiet", `file://${data}/repo.git`, "refs/heads/main:refs/heads/main"]);
  const clone = (source) => async () => {
    const target = workspace.path("clone");
    const started = performance.now();
    git(["clone", "--quiet", "--no-checkout", `file://${source}`, target]);
    const milliseconds = performance.now() - started;
    rmSync(target, { recursive: true });
    return milliseconds;
  };
  const found = await byTurns({ ours: clone(`${data}/repo.git`), plain: clone(plain) }, plan);
  return [
    row("clone:plain", {
      ours: median(found.ours ?? []) / 1000,
      reference: "a repository whose only ref is the same main",
      value: median(found.plain ?? []) / 1000,
      durable: true,
    }),
  ];
}
