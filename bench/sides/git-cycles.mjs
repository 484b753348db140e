// The life of a run by git commands: a branch, three commits on it, a merge into `main` with the run's record.
import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { promisify } from "node:util";
import { runRecordPath } from "../../dist/domain/layout.js";
import { documentOf, sampleName } from "../documents.mjs";
import { repeatFor } from "../measure.mjs";
import { closedRecord, openRecord, runIdOf } from "../records.mjs";
import { canonicalJson, encodeRecord, pathOf, runRef } from "../store.mjs";

const run = promisify(execFile);

/** $1 is the branch; prints its first commit. The index is the client's own and goes on from here. */
const CREATE = `set -e
main=$(git rev-parse refs/heads/main)
git read-tree "$main"
record=$(git hash-object -w record.json)
git update-index --add --cacheinfo "100644,$record,run.json"
commit=$(git commit-tree "$(git write-tree)" -p "$main" -m "Start $1")
git update-ref "$1" "$commit" ""
echo "$commit"`;

/** $1 is the branch, $2 its tip, $3 the document's path; prints the new tip. */
const PATCH = `set -e
set -- "$@" $(git hash-object -w document.json record.json)
git update-index --cacheinfo "100644,$4,$3" --cacheinfo "100644,$5,run.json"
commit=$(git commit-tree "$(git write-tree)" -p "$2" -m "Submit to $1")
git update-ref "$1" "$commit" "$2"
echo "$commit"`;

/** $1 is the branch, $2 its tip, $3 the path of the record on main. */
const DONE = `set -e
main=$(git rev-parse refs/heads/main)
git read-tree "$(git merge-tree --write-tree "$main" "$2")"
record=$(git hash-object -w record.json)
printf '0 %040d\\trun.json\\n100644 %s\\t%s\\n' 0 "$record" "$3" | git update-index --index-info
commit=$(git commit-tree "$(git write-tree)" -p "$main" -p "$2" -m "Merge $1")
printf 'update refs/heads/main %s %s\\ndelete %s %s\\n' "$commit" "$main" "$1" "$2" | git update-ref --stdin`;

export async function open({ data, documents, clients, folder }) {
  const folders = Array.from({ length: clients }, (_, client) => `${folder}/${client}`);
  for (const each of folders) mkdirSync(each, { recursive: true });
  let count = 0;
  let lane = Promise.resolve();

  const sh = async (client, script, ...args) => {
    const env = { ...process.env, GIT_DIR: `${data}/repo.git`, GIT_INDEX_FILE: `${folders[client]}/index` };
    return (await run("sh", ["-c", script, "sh", ...args], { cwd: folders[client], env })).stdout.trim();
  };
  const cycle = async (client) => {
    const number = ++count;
    const now = Date.now();
    const made = { id: runIdOf(now, number), at: now, base: "", number, line: "" };
    const write = (file, text) => writeFileSync(`${folders[client]}/${file}`, text);
    const name = sampleName(number, documents);
    const branch = runRef(made.id);
    write("record.json", encodeRecord(openRecord(made, "waiting")));
    let tip = await sh(client, CREATE, branch);
    for (let step = 1; step <= 3; step++) {
      const document = documentOf(Number(name.id.slice(-7)), documents);
      write("document.json", canonicalJson({ ...document, notes: `step ${step} of ${made.id}` }));
      write("record.json", encodeRecord({ ...openRecord(made, "waiting"), submissions: step }));
      tip = await sh(client, PATCH, branch, tip, pathOf(name));
    }
    write("record.json", encodeRecord(closedRecord(made, tip, "success")));
    // One merge after another, or git would refuse the second to move main.
    const merged = lane.then(() => sh(client, DONE, branch, tip, runRecordPath(made.id)));
    lane = merged.catch(() => undefined);
    await merged;
  };
  return { cycles: (milliseconds) => repeatFor(milliseconds, clients, cycle) };
}
