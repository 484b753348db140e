// The same submissions through `git fast-import`: a checkpoint after each commit, and its progress line awaited.
import { FastImport, blob, commit } from "../import.mjs";
import { repeatFor } from "../measure.mjs";
import { nextTexts, submissionMessage, submissionTarget } from "../submission.mjs";

/**
 * Processes, each with a branch of its own: a checkpoint writes every branch that its process ever moved, so that one
 * process with 64 branches would be eight times slower. More than four are no faster on two cores.
 */
const PROCESSES = 4;

/** A pack for each checkpoint; without it git would write the objects one by one, which is slower. */
const SETTINGS = ["fastimport.unpackLimit=1"];

export async function open({ data, documents }) {
  const branches = [];
  for (let number = 0; number < PROCESSES; number++) {
    const importer = new FastImport(`${data}/repo.git`, [], SETTINGS);
    branches.push({ importer, count: 0, target: await submissionTarget(data, number, documents) });
  }
  const one = async (number) => {
    const branch = branches[number];
    const { importer, target } = branch;
    const count = ++branch.count;
    const texts = nextTexts(target, count);
    branch.target = { ...target, ...texts };
    const text = {
      seconds: Math.floor(Date.now() / 1000),
      message: submissionMessage(target, count),
      ...(count === 1 ? { from: target.main } : {}),
    };
    const commands = blob(1, texts.document) + blob(2, texts.record) + commit(`refs/heads/runs/${target.id}`, 3, text);
    await importer.ask(
      `${commands}M 100644 :1 ${target.path}\nM 100644 :2 run.json\n\ncheckpoint\n\nprogress ${count}\n`,
    );
  };
  return {
    commits: (milliseconds) => repeatFor(milliseconds, PROCESSES, one),
    close: async () => {
      for (const { importer } of branches) await importer.end();
    },
  };
}
