// The same merges by git: branches that changed one document, into a `main` that moved on since they forked.
import { execFileSync } from "node:child_process";
import { documentOf, sampleName } from "../documents.mjs";
import { blob, commit, FastImport } from "../import.mjs";
import { repeatFor } from "../measure.mjs";
import { git } from "../processes.mjs";
import { canonicalJson, pathOf } from "../store.mjs";

/** Branches that wait to be merged, and commits by which `main` is ahead of them. */
const BRANCHES = 3000;
const AHEAD = 200;
const MAIN = "refs/heads/main";

/** $1 is the branch, $2 where `main` is; prints where it is then. */
const MERGE = `set -e
tree=$(git merge-tree --write-tree "$2" "$1")
commit=$(git commit-tree "$tree" -p "$2" -p "$1" -m "Merge $1")
git update-ref ${MAIN} "$commit" "$2"
echo "$commit"`;

export async function open({ data, documents }) {
  const gitDir = `${data}/repo.git`;
  const base = git(["--git-dir", gitDir, "rev-parse", MAIN]).trim();
  await makeBranches(gitDir, documents, base);
  const env = { ...process.env, GIT_DIR: gitDir };
  let main = git(["--git-dir", gitDir, "rev-parse", MAIN]).trim();
  let next = 0;
  return {
    merges: (milliseconds) =>
      repeatFor(milliseconds, 1, () => {
        const branch = branchOf(next++ % BRANCHES);
        main = execFileSync("sh", ["-c", MERGE, "sh", branch, main], { env, encoding: "utf8" }).trim();
      }),
  };
}

function branchOf(number) {
  return `bench/${number}`;
}

async function makeBranches(gitDir, documents, base) {
  const importer = new FastImport(gitDir);
  for (let number = 0; number < BRANCHES + AHEAD; number++) {
    const name = sampleName(number, documents);
    const ref = number < BRANCHES ? `refs/heads/${branchOf(number)}` : MAIN;
    const text = {
      seconds: 1_750_000_000 + number,
      message: `Change ${name.id}\n`,
      ...(number <= BRANCHES ? { from: base } : {}),
    };
    const changed = canonicalJson({ ...documentOf(Number(name.id.slice(-7)), documents), notes: `merge ${number}` });
    await importer.write(`${blob(1, changed)}${commit(ref, 2, text)}M 100644 :1 ${pathOf(name)}\n\n`);
  }
  await importer.end();
  git(["--git-dir", gitDir, "pack-refs", "--all"]);
}
