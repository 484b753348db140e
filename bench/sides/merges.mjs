// Merges of one-document runs through the gate of a store in this process.
import { sampleName } from "../documents.mjs";
import { finishRun, open as openStore, startRun } from "../store.mjs";

/** How many runs say done at once; each after the first finds `main` moved since it forked. */
const IN_FLIGHT = 32;

export async function open({ data, documents }) {
  const { store, close } = await openStore(data);
  let count = 0;
  const start = () => {
    const { collection, id } = sampleName(++count, documents);
    return startRun(store, { [collection]: { [id]: { notes: `merge ${count}` } } });
  };
  return {
    /** Opens runs, which is not measured, and merges them, which is. */
    merges: async (milliseconds) => {
      const round = { operations: 0, milliseconds: 0 };
      while (round.milliseconds < milliseconds) {
        const [first, ...runs] = await Promise.all(Array.from({ length: IN_FLIGHT + 1 }, start));
        await finishRun(store, first);
        const started = performance.now();
        await Promise.all(runs.map((id) => finishRun(store, id)));
        round.milliseconds += performance.now() - started;
        round.operations += runs.length;
      }
      return round;
    },
    close,
  };
}
