// Every place where the bench calls the store from inside: when an entry point of src/ changes, this file follows.
import fs from "node:fs";
import { join } from "node:path";
import { documentBlame } from "../dist/actions/document-history.js";
import { patchRun as patch } from "../dist/actions/patch-run.js";
import { startRun as start } from "../dist/actions/start-run.js";
import { findProgram } from "../dist/config.js";
import { canonicalJson } from "../dist/domain/json.js";
import { documentPath, runRef } from "../dist/domain/layout.js";
import { NativeGit } from "../dist/git/native.js";
import { findEntry } from "../dist/git/tree.js";
import { readCommit } from "../dist/git/commit.js";
import { readerWith } from "../dist/git/repository.js";
import { ajvFor } from "../dist/schema/drafts.js";
import { assess } from "../dist/store/assess.js";
import { checkedTrailer } from "../dist/store/authorship.js";
import { commitOnBranch, editFiles, runTrailers } from "../dist/store/branch.js";
import { blobAt } from "../dist/store/documents.js";
import { createKey } from "../dist/store/keys.js";
import { openForReading, openStore } from "../dist/store/open.js";
import { encodeRecord, findRun } from "../dist/store/run-view.js";
import { applySubmission } from "../dist/store/submission.js";

/** Makes a key of an agent in a data directory and returns it. */
export function makeKey(data) {
  return createKey(fs, data, { name: "bench", role: "agent", expiresAt: null }, Date.now()).key;
}

/** Gives the server of a data directory a command that does nothing; returns its name and its program. */
export function giveCommand(data) {
  const [command, program] = ["nothing", findProgram("true")];
  const commands = { [command]: { argv: [program] } };
  fs.writeFileSync(join(data, "runtree.config.json"), JSON.stringify({ commands }));
  return { command, program };
}

export { ajvFor, canonicalJson, encodeRecord, runRef };

const GIT = new NativeGit(findProgram("git"));
const AUTHOR = { principal: "bench", idempotency: null };

/** Every collection of the bench is split into folders once. */
const SHARDS = 1;

/** Where a document lies. @param {import("./documents.mjs").Name} name */
export function pathOf({ collection, id }) {
  return documentPath(collection, id, SHARDS);
}

/** Opens a data directory as its one writer, making its repository from the template folder when one is given. */
export async function open(data, template = null, more = {}) {
  const usual = { node: "runtree", clock: () => Date.now(), report: () => undefined };
  return openStore({ fs, git: GIT, data, template, ...usual, ...more });
}

/** Opens a run as `POST /jobs/custom/runs` does; without a body it is empty. Returns its id. */
export async function startRun(store, body) {
  const input = { job_id: "custom", notices: [], ...(body === undefined ? {} : { body }) };
  return (await start(store, AUTHOR, input)).record.id;
}

/** Says done as `PATCH /runs/<id>` does. Throws when the gate refuses. */
export async function finishRun(store, id) {
  await patch(store, AUTHOR, id, { done: true, notices: [] }, () => undefined);
}

/**
 * Submits a merge patch of one document to an open run: read, patch, both files on the branch's tree, one commit with
 * trailers, one ref move; durable when it resolves. What `PATCH` adds are its door, its checks and its turns.
 */
export async function submit(store, id, { collection, id: documentId }, patch) {
  const view = findRun(store.repository, id);
  const { tree } = readCommit(store.reader(), view.head);
  const { files, lines } = applySubmission(store, { tree, base: view.record.base }, [
    { kind: "patch", collection, id: documentId, patch },
  ]);
  const record = {
    ...view.record,
    submissions: view.record.submissions + 1,
    updated_at: new Date(store.clock()).toISOString(),
  };
  await commitOnBranch(store, AUTHOR, {
    from: view,
    parents: [view.head],
    ...editFiles(store, tree, files),
    record,
    text: submissionText(record, lines),
  });
}

function submissionText(record, lines) {
  return {
    subject: `Submit to run ${record.id}`,
    body: lines,
    trailers: runTrailers(record, [["Submission", String(record.submissions)], checkedTrailer(0)]),
  };
}

/** Puts documents on the tree of `main` without writing anything. Returns what `assessDocuments` checks. */
export function propose(store, documents) {
  const files = new Map(documents.map(([name, document]) => [pathOf(name), canonicalJson(document)]));
  return { id: "0".repeat(26), bases: [store.main.commit], ...editFiles(store, store.main.tree, files) };
}

/** Sends a proposal through the gate's plan and checks. Returns how many documents it checked; throws when it found faults. */
export async function assessDocuments(store, proposal) {
  const { checked, violations } = await assess(store, proposal);
  if (violations.length > 0) throw new Error(`the gate found ${violations.length} faults: ${violations[0].message}`);
  return checked;
}

/** The commits of `main` that changed a document, newest first. */
export function historyOf(store, { collection, id }) {
  return store.derived.main.documentHistory(collection, id);
}

/** Which merge changed each leaf of a document last. */
export function blameOf(store, { collection, id }) {
  return documentBlame(store, collection, id);
}

/** The bytes of the trees on a document's path, root first, and of the document, as `main` has them. */
export async function objectsAt(data, name) {
  const repository = await openForReading(fs, GIT, data);
  try {
    const read = readerWith(repository);
    const commit = repository.ref("refs/heads/main");
    const { tree } = readCommit(read, commit);
    const folders = pathOf(name).split("/").slice(0, -1);
    const oids = [tree, ...folders.map((_, depth) => findEntry(read, tree, folders.slice(0, depth + 1).join("/")).oid)];
    return { commit, trees: oids.map((oid) => read(oid).data), document: read(blobAt(read, tree, pathOf(name))).data };
  } finally {
    repository.close();
  }
}
