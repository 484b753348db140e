// The history of one document and its blame, asked again and again of a store in this process.
import { repeatFor } from "../measure.mjs";
import { blameOf, historyOf, open as openStore } from "../store.mjs";

export async function open({ data, name, changes }) {
  const { store, close } = await openStore(data);
  const found = historyOf(store, name).length;
  if (found < changes) throw new Error(`the history has ${found} commits instead of ${changes}`);
  return {
    blames: (milliseconds) => repeatFor(milliseconds, 1, () => blameOf(store, name)),
    histories: (milliseconds) => repeatFor(milliseconds, 1, () => historyOf(store, name)),
    close,
  };
}
