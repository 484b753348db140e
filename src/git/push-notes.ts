import { type FileSystem, listFolder, makeFolder, readFileOrNull, syncPath } from "./files.ts";

/** What the hook `reference-transaction` notes about branches that stock git moved, until it is received. */
export interface PushNotes {
  /** The runs whose branches were moved. */
  ids(): string[];
  /** Who moved one; null when nobody noted it. */
  pusherOf(id: string): string | null;
  /** Notes who is about to make the branches of these runs, durably. */
  note(ids: readonly string[], pusher: string): Promise<void>;
  /** Lets go of a note, when the run's record tells as much. */
  forget(id: string): void;
}

/** Where no git moves anything. */
export const NO_NOTES: PushNotes = {
  ids: () => [],
  pusherOf: () => null,
  note: async () => undefined,
  forget: () => undefined,
};

/** The notes of a repository: a file for each run, with the name of who pushed. The hook makes them durable before git moves the branch. */
export function pushNotes(fs: FileSystem, gitDir: string): PushNotes {
  const folder = `${gitDir}/runtree/pushed`;
  return {
    ids: () => listFolder(fs, folder).map(({ name }) => name),
    pusherOf: (id) => readFileOrNull(fs, `${folder}/${id}`)?.toString("utf8").trim() ?? null,
    note: async (ids, pusher) => {
      if (ids.length === 0) return;
      makeFolder(fs, folder);
      // Side by side, so that they share what the disk does for each.
      await Promise.all(ids.map(async (id) => writeAside(fs, `${folder}/${id}`, `${pusher}\n`)));
      syncPath(fs, folder);
    },
    forget: (id) => fs.rmSync(`${folder}/${id}`, { force: true }),
  };
}

async function writeAside(fs: FileSystem, path: string, text: string): Promise<void> {
  const file = await fs.promises.open(path, "w");
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}
