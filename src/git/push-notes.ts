import { isRunId } from "../domain/run-id.ts";
import { type FileSystem, listFolder, makeFolder, readFileOrNull, syncPath, writeAllSynced } from "./files.ts";
import { isOid, type Oid } from "./objects.ts";

/** A tip that somebody pushed to a run's branch, or was about to. */
export interface PushedTip {
  readonly id: string;
  readonly tip: Oid;
}

/** What the hooks note about branches that stock git moves, until it is received: who pushed a tip. */
export interface PushNotes {
  /** All there are; what git did not let through in the end is among them. */
  all(): PushedTip[];
  /** Who pushed this tip; null when nobody noted it. */
  pusherOf(pushed: PushedTip): string | null;
  /** Notes who is about to push these tips; `durably` before this resolves. */
  note(pushed: readonly PushedTip[], pusher: string, durably: boolean): Promise<void>;
  /** Lets go of a note, when the run's record tells as much. */
  forget(pushed: PushedTip): void;
}

/** Where no git moves anything. */
export const NO_NOTES: PushNotes = {
  all: () => [],
  pusherOf: () => null,
  note: async () => undefined,
  forget: () => undefined,
};

/** The notes of a repository: a file for each tip, with the name of who pushed. The hooks make them durable before git moves the branch. */
export function pushNotes(fs: FileSystem, gitDir: string): PushNotes {
  const folder = `${gitDir}/runtree/pushed`;
  const pathOf = ({ id, tip }: PushedTip): string => `${folder}/${id}.${tip}`;
  return {
    all: () =>
      listFolder(fs, folder).flatMap(({ name }) => {
        const [id = "", tip = ""] = name.split(".");
        return isRunId(id) && isOid(tip) ? [{ id, tip }] : [];
      }),
    pusherOf: (pushed) => readFileOrNull(fs, pathOf(pushed))?.toString("utf8").trim() ?? null,
    note: async (pushed, pusher, durably) => {
      makeFolder(fs, folder);
      // Side by side, so that they share what the disk does for each.
      const contents = pushed.map((each) => ({ path: pathOf(each), bytes: Buffer.from(`${pusher}\n`) }));
      if (!durably) return contents.forEach(({ path, bytes }) => fs.writeFileSync(path, bytes));
      await writeAllSynced(fs, contents, "w");
      syncPath(fs, folder);
    },
    forget: (pushed) => fs.rmSync(pathOf(pushed), { force: true }),
  };
}
