import { isRunId } from "../domain/run-id.ts";
import { type FileSystem, listFolder, readFileOrNull } from "./files.ts";
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
  /** Lets go of a note, when the run's record tells as much. */
  forget(pushed: PushedTip): void;
}

/** Where no git moves anything. */
export const NO_NOTES: PushNotes = { all: () => [], pusherOf: () => null, forget: () => undefined };

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
    forget: (pushed) => fs.rmSync(pathOf(pushed), { force: true }),
  };
}
