// Makes the repositories that the rows work on: documents, closed and open runs, always the same ones.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runRecordPath } from "../dist/domain/layout.js";
import { documentOf, nameOf, sampleName, writeTemplate } from "./documents.mjs";
import { blob, commit, FastImport } from "./import.mjs";
import { git } from "./processes.mjs";
import { closedRecord, message, openRecord, runIdOf } from "./records.mjs";
import { canonicalJson, encodeRecord, open, pathOf, runRef } from "./store.mjs";

/**
 * What a repository holds. Closed runs lie over the year 2025; the first `kept` of them ended without a merge.
 * @typedef {object} Content
 * @property {number} documents
 * @property {number} [closed] runs that are closed, each with a change of one document when `changing`
 * @property {number} [kept] how many of the closed ones are in the attic
 * @property {number} [open] runs with a branch and one changed document
 * @property {number} [watchedEvery] every so-manieth closed run changes the same document, `watchedDocument`
 * @property {boolean} [changing]
 */

const YEAR = Date.UTC(2025, 0, 1);
const YEAR_MS = 365 * 24 * 3600 * 1000;
const OPENED = Date.UTC(2026, 0, 1);

/** How many runs fork from one commit of `main`; their ids have to be asked for, and that is done for so many at once. */
const WAVE = 500;

/** The document that `watchedEvery` speaks of. */
export function watchedDocument(documents) {
  return nameOf(documents - 1, documents);
}

/** The id of an open run of a fixture. */
export function openRunId(index) {
  return runIdOf(OPENED + index, index);
}

/** A fixture is thrown away with the bench, so nothing is synced; what is measured is. */
const IMPORT_SETTINGS = ["fastimport.unpackLimit=1", "core.fsync=none"];
const SIDE = "refs/bench/side";
const MAIN = "refs/heads/main";
const ATTIC = "refs/runtree/attic";

/** Makes a data directory whose repository holds documents and nothing else. */
export async function makeDocuments(data, documents) {
  mkdirSync(data, { recursive: true });
  const template = join(data, "template");
  writeTemplate(template, documents);
  const { gitDir, close } = await open(data, template);
  await close();
  rmSync(template, { recursive: true });
  await withMaker(gitDir, { documents }, (maker) => maker.importDocuments());
}

/** Adds runs to a repository that `makeDocuments` made. @param {Content} content */
export async function addRuns(data, content) {
  const gitDir = join(data, "repo.git");
  await withMaker(gitDir, content, (maker) => maker.closeRuns());
  const opened = await withMaker(gitDir, content, (maker) => maker.openRuns());
  if (opened.length === 0) return;
  const lines = opened.map(({ ref, oid }) => `${oid} ${ref}\n`);
  writeFileSync(join(gitDir, "packed-refs"), `# pack-refs with: peeled fully-peeled sorted \n${lines.join("")}`);
}

async function withMaker(gitDir, content, make) {
  const main = git(["--git-dir", gitDir, "rev-parse", MAIN]).trim();
  const importer = new FastImport(gitDir, ["--depth=10", "--cat-blob-fd=1"], IMPORT_SETTINGS);
  const maker = new Maker(importer, content, main);
  const made = await make(maker);
  await maker.end();
  return made;
}

/** Tells fast-import what to make. Marks count up; `#main` is the newest commit of `main`, with the id last asked for. */
class Maker {
  #git;
  #content;
  #main;
  #attic = null;
  #marks = 0;

  constructor(git, content, root) {
    this.#git = git;
    this.#content = content;
    this.#main = { mark: root, oid: root };
  }

  /** The documents come by one merged run, as everything on `main` does. */
  async importDocuments() {
    const { documents } = this.#content;
    const files = [];
    for (let index = 0; index < documents; index++) {
      const mark = ++this.#marks;
      await this.#git.write(blob(mark, canonicalJson(documentOf(index, documents))));
      files.push(`M 100644 :${mark} ${pathOf(nameOf(index, documents))}\n`);
    }
    const run = {
      id: runIdOf(YEAR - 1000, 0),
      at: YEAR - 1000,
      base: this.#main.oid,
      line: `add ${documents} documents`,
    };
    const [tip] = await this.#forkRuns([{ ...run, files: files.join("") }]);
    await this.#merge({ ...run, files: files.join("") }, tip);
    await this.#learnMain();
  }

  /** Asks for the id of the newest `main`, which records name. */
  async #learnMain() {
    const [oid] = await this.#git.ask(`get-mark ${this.#main.mark}\n`);
    this.#main = { ...this.#main, oid };
  }

  /** Commits run branches from where `main` is; returns their tips, ids and marks (fast-import merges only by the latter). */
  async #forkRuns(runs, status = "closing") {
    const marks = [];
    for (const run of runs) {
      const record = ++this.#marks;
      const tip = ++this.#marks;
      await this.#git.write(
        blob(record, encodeRecord(openRecord(run, status))) +
          commit(SIDE, tip, { seconds: seconds(run.at), message: message.submission(run), from: this.#main.mark }) +
          `${run.files}M 100644 :${record} run.json\n\n`,
      );
      marks.push(tip);
    }
    const oids = await this.#git.ask(marks.map((mark) => `get-mark :${mark}\n`).join(""), marks.length);
    return marks.map((mark, place) => ({ mark: `:${mark}`, oid: oids[place] }));
  }

  async #merge(run, tip) {
    const record = ++this.#marks;
    const from = this.#main.mark;
    const merge = ++this.#marks;
    await this.#git.write(
      blob(record, encodeRecord(closedRecord(run, tip.oid, "success"))) +
        commit(MAIN, merge, { seconds: seconds(run.at), message: message.merge(run), from, merge: tip.mark }) +
        `${run.files}M 100644 :${record} ${runRecordPath(run.id)}\n\n`,
    );
    this.#main = { mark: `:${merge}`, oid: this.#main.oid };
  }

  async #keep(run, tip) {
    const record = ++this.#marks;
    const kept = ++this.#marks;
    const from = this.#attic === null ? {} : { from: this.#attic };
    await this.#git.write(
      blob(record, encodeRecord(closedRecord(run, tip.oid, "failed"))) +
        commit(ATTIC, kept, { seconds: seconds(run.at), message: message.attic(run), ...from, merge: tip.mark }) +
        `M 100644 :${record} ${runRecordPath(run.id)}\n\n`,
    );
    this.#attic = `:${kept}`;
  }

  async closeRuns() {
    const { closed = 0, kept = 0 } = this.#content;
    if (kept > 0) await this.#beginAttic();
    for (let first = 0; first < closed; first += WAVE) {
      const runs = [];
      for (let index = first; index < Math.min(closed, first + WAVE); index++) runs.push(await this.#closing(index));
      const tips = await this.#forkRuns(runs);
      for (const [place, run] of runs.entries()) {
        if (first + place < kept) await this.#keep(run, tips[place]);
        else await this.#merge(run, tips[place]);
      }
      if (first + WAVE > kept) await this.#learnMain();
    }
  }

  async #beginAttic() {
    const mark = ++this.#marks;
    await this.#git.write(`${commit(ATTIC, mark, { seconds: seconds(YEAR), message: "Begin the attic\n" })}\n`);
    this.#attic = `:${mark}`;
  }

  async #closing(index) {
    const { closed = 0, documents, changing = false, watchedEvery = 0 } = this.#content;
    const at = YEAR + Math.floor((index / closed) * YEAR_MS);
    const run = { id: runIdOf(at, index), at, base: this.#main.oid, number: index };
    if (!changing) return { ...run, line: "no changes", files: "" };
    const watched = watchedEvery > 0 && index % watchedEvery === 0;
    return {
      ...run,
      ...(await this.#change(watched ? watchedDocument(documents) : sampleName(index, documents - 1), index)),
    };
  }

  /** A document with other notes, as a file command. */
  async #change(name, number) {
    const { documents } = this.#content;
    const mark = ++this.#marks;
    const index = Number(name.id.slice(-7));
    await this.#git.write(
      blob(mark, canonicalJson({ ...documentOf(index, documents), notes: `changed by ${number}` })),
    );
    return { line: `modify ${name.collection}/${name.id}`, files: `M 100644 :${mark} ${pathOf(name)}\n` };
  }

  /** Opens runs from the newest `main`; returns their branches and tips, sorted as packed-refs is. */
  async openRuns() {
    const { open: count = 0, documents } = this.#content;
    const opened = [];
    for (let first = 0; first < count; first += WAVE) {
      const runs = [];
      for (let index = first; index < Math.min(count, first + WAVE); index++) {
        const change = await this.#change(sampleName(index, documents), index);
        runs.push({ id: openRunId(index), at: OPENED + index, base: this.#main.oid, number: index, ...change });
      }
      const tips = await this.#forkRuns(runs, "waiting");
      for (const [place, run] of runs.entries()) opened.push({ ref: runRef(run.id), oid: tips[place].oid });
    }
    return opened;
  }

  /** Ends fast-import; the ref it used for the tips of runs goes. */
  async end() {
    await this.#git.write(`reset ${SIDE}\nfrom ${"0".repeat(40)}\n\n`);
    await this.#git.end();
  }
}

function seconds(ms) {
  return Math.floor(ms / 1000);
}
