import type { Dataset } from "../domain/workflow-server.ts";
import { idInPath } from "./ask-by-id.ts";
import type { GalaxyCalls } from "./galaxy-calls.ts";
import { id, members, textOrNull, word } from "./read.ts";

/** What is read of a dataset. */
export interface DatasetAnswer {
  readonly id: string;
  readonly name: string | null;
  readonly state: string;
  readonly extension: string | null;
}

export async function askDataset(galaxy: GalaxyCalls, asked: string): Promise<Dataset> {
  return galaxy.ask({
    call: "show_dataset",
    path: `/datasets/${idInPath(galaxy.name, "show_dataset", asked)}`,
    read: (answer) => {
      const { id: known, name, state, extension } = members<DatasetAnswer>(answer);
      return { id: id(known), name: textOrNull(name), galaxy_state: word(state), extension: textOrNull(extension) };
    },
  });
}
