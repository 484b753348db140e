// Pushes by stock git of runs that say done, each with one changed document; their commits are made before time is taken.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { documentOf, sampleName } from "../documents.mjs";
import { blob, commit, FastImport } from "../import.mjs";
import { git, STOCK } from "../processes.mjs";
import { runIdOf } from "../records.mjs";
import { canonicalJson, pathOf, runRef } from "../store.mjs";

const run = promisify(execFile);

/** Runs whose commits are made together, at least. */
const BATCH = 100;
/** Objects stay files of their own, as `git commit` leaves them. */
const SETTINGS = ["fastimport.unpackLimit=1000000"];
const MAIN = "refs/heads/main";
const MADE = "refs/bench/made";
const DONE = `${JSON.stringify({ job: "custom", done: true })}\n`;
const MERGED = /^remote: runtree: merged [0-9a-f]{40}/gm;

/**
 * Pushes from a bare clone to the repository at a URL, which lies in `folder`. `judged` is whether its server merges what
 * is pushed, and has to tell so; where it does not, the branches go again after each push, so that they do not pile up.
 * @param {{ clone: string, url: string, folder: string, documents: number, judged: boolean }} options
 */
export async function open({ clone, url, folder, documents, judged }) {
  const stock = (...args) => run("git", ["--git-dir", clone, "-c", "protocol.version=2", ...args], { env: STOCK });
  const base = git(["--git-dir", clone, "rev-parse", MAIN]).trim();
  let made = 0;
  const ready = [];

  /** Commits more runs, all of them from where `main` was at first, each with another document. */
  const makeRuns = async (count) => {
    const importer = new FastImport(clone, ["--cat-blob-fd=1"], SETTINGS);
    const refs = [];
    for (let mark = 0; mark < count * 3; mark += 3) {
      const number = ++made;
      const name = sampleName(number, documents);
      const document = { ...documentOf(Number(name.id.slice(-7)), documents), notes: `push ${number}` };
      const text = { seconds: 1_780_000_000 + number, message: `Change ${name.id}\n`, from: base };
      await importer.write(
        blob(mark + 1, canonicalJson(document)) +
          blob(mark + 2, DONE) +
          `${commit(MADE, mark + 3, text)}M 100644 :${mark + 1} ${pathOf(name)}\nM 100644 :${mark + 2} run.json\n\n`,
      );
      refs.push({ mark: mark + 3, ref: runRef(runIdOf(Date.now(), number)) });
    }
    const oids = await importer.ask(refs.map(({ mark }) => `get-mark :${mark}\n`).join(""), count);
    await importer.end();
    ready.push(...refs.map(({ ref }, place) => ({ ref, oid: oids[place] })));
  };

  /** Pushes so many runs at once; returns how long it took in ms. */
  const push = async (count) => {
    if (ready.length < count) await makeRuns(Math.max(count, BATCH));
    const runs = ready.splice(0, count);
    const started = performance.now();
    const { stderr } = await stock("push", url, ...runs.map(({ oid, ref }) => `${oid}:${ref}`));
    const milliseconds = performance.now() - started;
    if (judged) expectMerged(stderr, count);
    else for (const { ref } of runs) git(["--git-dir", folder, "update-ref", "-d", ref]);
    return milliseconds;
  };

  /** How long each of several pushes took, as many as the time is enough for. */
  const pushes = (count) => async (milliseconds) => {
    const found = [];
    for (let spent = 0; spent < milliseconds; spent += found.at(-1)) found.push(await push(count));
    return found;
  };
  return { one: pushes(1), fifty: pushes(50) };
}

function expectMerged(told, count) {
  const merged = [...told.matchAll(MERGED)].length;
  if (merged !== count) throw new Error(`of ${count} pushed runs ${merged} were told to be merged: ${told}`);
}
