// The seven objects of one submission, for the references: the same document, record, trees and commit that ours makes.
import { hash } from "node:crypto";
import { sampleName } from "./documents.mjs";
import { openRecord, runIdOf } from "./records.mjs";
import { canonicalJson, encodeRecord, objectsAt, pathOf } from "./store.mjs";

const OPENED = Date.UTC(2026, 0, 1);
const OID_BYTES = 20;

/** A run and its document, as they stand before the first submission to it. */
export async function submissionTarget(data, number, documents) {
  const name = sampleName(number, documents);
  const { commit, trees, document } = await objectsAt(data, name);
  const id = runIdOf(OPENED + number, number);
  const record = encodeRecord(openRecord({ id, at: OPENED + number, base: commit, number, line: "" }, "waiting"));
  return { id, name, path: pathOf(name), main: commit, trees, document: document.toString("utf8"), record };
}

/** The texts of the next submission, made of the stored ones as the store does it. */
export function nextTexts({ document, record }, count) {
  const run = JSON.parse(record);
  run.submissions += 1;
  run.updated_at = new Date().toISOString();
  return {
    document: canonicalJson({ ...JSON.parse(document), notes: `submission ${count}` }),
    record: canonicalJson(run),
  };
}

/** The message of a submission's commit. */
export function submissionMessage({ id, name }, count) {
  return `Submit to run ${id}\n\nmodify ${name.collection}/${name.id}\n\nRun-Id: ${id}\nJob-Id: custom\nSubmission: ${count}\nValidation: passed; 0\n`;
}

const withHeader = (type, data) => Buffer.concat([Buffer.from(`${type} ${data.length}\0`, "latin1"), data]);
const digest = (bytes) => hash("sha1", bytes, "buffer");

/** Makes the objects of one submission after another for a run, in memory: JSON and SHA-1 and nothing else. */
export class SubmissionObjects {
  #target;
  #trees;
  #places;
  #recordPlace;
  #parent;
  #count = 0;

  constructor(target) {
    this.#target = target;
    this.#parent = target.main;
    const [root, ...below] = target.trees;
    const entry = Buffer.concat([Buffer.from("100644 run.json\0", "latin1"), Buffer.alloc(OID_BYTES)]);
    // git sorts run.json before runtree.json, and both before schemas.
    const before = root.lastIndexOf("100644 runtree.json");
    const grown = Buffer.concat([root.subarray(0, before), entry, root.subarray(before)]);
    this.#trees = [grown, ...below].map((tree) => withHeader("tree", tree));
    const stored = [
      ...below.map((tree) => digest(withHeader("tree", tree))),
      digest(withHeader("blob", Buffer.from(target.document))),
    ];
    this.#places = this.#trees.map((tree, depth) => tree.indexOf(stored[depth]));
    this.#recordPlace = this.#trees[0].indexOf(entry) + entry.length - OID_BYTES;
  }

  /** The next submission's objects with their headers: document, record, trees from leaf to root, commit. */
  next() {
    const count = ++this.#count;
    const texts = nextTexts(this.#target, count);
    this.#target = { ...this.#target, ...texts };
    const document = withHeader("blob", Buffer.from(texts.document));
    const record = withHeader("blob", Buffer.from(texts.record));
    let child = digest(document);
    const recordOid = digest(record);
    const trees = [];
    for (let depth = this.#trees.length - 1; depth >= 0; depth--) {
      const tree = Buffer.from(this.#trees[depth]);
      child.copy(tree, this.#places[depth]);
      if (depth === 0) recordOid.copy(tree, this.#recordPlace);
      trees.push(tree);
      child = digest(tree);
    }
    const seconds = Math.floor(Date.now() / 1000);
    const commit = withHeader(
      "commit",
      Buffer.from(
        `tree ${child.toString("hex")}\nparent ${this.#parent}\nauthor bench <bench@runtree.invalid> ${seconds} +0000\ncommitter runtree <runtree@runtree.invalid> ${seconds} +0000\n\n${submissionMessage(this.#target, count)}`,
      ),
    );
    this.#parent = digest(commit).toString("hex");
    return [document, record, ...trees, commit];
  }
}
