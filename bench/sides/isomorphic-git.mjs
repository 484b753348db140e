// The same submissions through isomorphic-git as it ships. Its trees are kept in memory, so that it never has to read.
import fs from "node:fs";
import git from "isomorphic-git";
import { repeatFor } from "../measure.mjs";
import { nextTexts, submissionMessage, submissionTarget } from "../submission.mjs";

export async function open({ data, documents, runs }) {
  const repository = { fs, gitdir: `${data}/repo.git`, cache: {} };
  const targets = [];
  for (let number = 0; number < runs; number++) {
    const target = await submissionTarget(data, number, documents);
    const folders = target.path.split("/");
    const trees = [];
    for (let depth = 0; depth < folders.length; depth++) {
      const filepath = depth === 0 ? undefined : folders.slice(0, depth).join("/");
      trees.push((await git.readTree({ ...repository, oid: target.main, filepath })).tree);
    }
    targets.push({ ...target, trees, parent: target.main });
  }
  let count = 0;
  const write = (text) => git.writeBlob({ ...repository, blob: Buffer.from(text) });
  const one = async (place) => {
    const target = targets[place];
    const texts = nextTexts(target, ++count);
    const message = submissionMessage(target, count);
    const [document, record] = await Promise.all([write(texts.document), write(texts.record)]);
    const { oid, trees } = await writeTrees(repository, target, document, record);
    const timestamp = Math.floor(Date.now() / 1000);
    const who = (name) => ({ name, email: `${name}@runtree.invalid`, timestamp, timezoneOffset: 0 });
    const parent = await git.writeCommit({
      ...repository,
      commit: { tree: oid, parent: [target.parent], author: who("bench"), committer: who("runtree"), message },
    });
    await git.writeRef({ ...repository, ref: `refs/heads/runs/${target.id}`, value: parent, force: true });
    targets[place] = { ...target, ...texts, trees, parent };
  };
  return { commits: (milliseconds) => repeatFor(milliseconds, runs, one) };
}

/** Writes the trees from the document's folder up to the root, which holds the record as well. */
async function writeTrees(repository, target, document, record) {
  const names = target.path.split("/");
  const trees = [...target.trees];
  let oid = document;
  for (let depth = names.length - 1; depth >= 0; depth--) {
    const tree = trees[depth].map((entry) => (entry.path === names[depth] ? { ...entry, oid } : entry));
    if (depth === 0) {
      const rest = tree.filter(({ path }) => path !== "run.json");
      trees[0] = [...rest, { mode: "100644", path: "run.json", type: "blob", oid: record }];
    } else trees[depth] = tree;
    oid = await git.writeTree({ ...repository, tree: trees[depth] });
  }
  return { oid, trees };
}
