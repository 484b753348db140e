import { type FileSystem, listFolder, readFileOrNull } from "./files.ts";

/** What the hook `reference-transaction` notes about branches that stock git moved, until it is received. */
export interface PushNotes {
  /** The runs whose branches were moved. */
  ids(): string[];
  /** Who moved one; null when nobody noted it. */
  pusherOf(id: string): string | null;
  /** Lets go of a note, when the run's record tells as much. */
  forget(id: string): void;
}

/** Where no git moves anything. */
export const NO_NOTES: PushNotes = { ids: () => [], pusherOf: () => null, forget: () => undefined };

/** The notes of a repository: a file for each run, with the name of who pushed. The hook makes them durable before git moves the branch. */
export function pushNotes(fs: FileSystem, gitDir: string): PushNotes {
  const folder = `${gitDir}/runtree/pushed`;
  return {
    ids: () => listFolder(fs, folder).map(({ name }) => name),
    pusherOf: (id) => readFileOrNull(fs, `${folder}/${id}`)?.toString("utf8").trim() ?? null,
    forget: (id) => fs.rmSync(`${folder}/${id}`, { force: true }),
  };
}
