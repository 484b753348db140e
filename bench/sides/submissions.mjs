// Submissions of one document each to open runs of a store in this process.
import { sampleName } from "../documents.mjs";
import { repeatFor } from "../measure.mjs";
import { open as openStore, startRun, submit } from "../store.mjs";

/** Opens so many runs; each has a document of its own that is patched again and again. */
export async function open({ data, documents, runs }) {
  const { store, close } = await openStore(data);
  const names = Array.from({ length: runs }, (_, number) => sampleName(number, documents));
  const ids = await Promise.all(names.map(() => startRun(store)));
  let count = 0;
  const one = (number) => submit(store, ids[number], names[number], { notes: `submission ${++count}` });
  let next = 0;
  return {
    together: (milliseconds) => repeatFor(milliseconds, runs, one),
    oneByOne: (milliseconds) => repeatFor(milliseconds, 1, () => one(next++ % runs)),
    close,
  };
}
