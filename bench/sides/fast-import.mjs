// The same submissions through `git fast-import`: a checkpoint after each commit, and its progress line awaited.
import { FastImport, blob, commit } from "../import.mjs";
import { repeatFor } from "../measure.mjs";
import { nextTexts, submissionMessage, submissionTarget } from "../submission.mjs";

export async function open({ data, documents, runs, settings = [] }) {
  const targets = [];
  for (let number = 0; number < runs; number++) targets.push(await submissionTarget(data, number, documents));
  const importer = new FastImport(`${data}/repo.git`, [`--active-branches=${runs}`], settings);
  const begun = new Set();
  let count = 0;
  const one = async () => {
    const place = count++ % runs;
    const target = targets[place];
    const texts = nextTexts(target, count);
    targets[place] = { ...target, ...texts };
    const text = {
      seconds: Math.floor(Date.now() / 1000),
      message: submissionMessage(target, count),
      ...(begun.has(place) ? {} : { from: target.main }),
    };
    begun.add(place);
    const files = `M 100644 :1 ${target.path}\nM 100644 :2 run.json\n\n`;
    const commands =
      blob(1, texts.document) + blob(2, texts.record) + commit(`refs/heads/runs/${target.id}`, 3, text) + files;
    await importer.ask(`${commands}checkpoint\n\nprogress ${count}\n`);
  };
  return { commits: (milliseconds) => repeatFor(milliseconds, 1, one), close: () => importer.end() };
}
