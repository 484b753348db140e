import type { Validator } from "../schema/validator.ts";
import type { Repository } from "../git/repository.ts";
import type { CommandChecks } from "./command-checks.ts";
import type { PushNotes } from "../git/push-notes.ts";
import type { SnapshotFile } from "./snapshot.ts";

/** What a store takes from its surroundings: the repository, the committer's name, a clock in ms since 1970. */
export interface StoreParts {
  readonly repository: Repository;
  /** Closed with the store. */
  readonly validator: Validator;
  readonly node: string;
  readonly clock: () => number;
  /** The operator's commands, for the checks of `runtree.json`; none by default. Closed with the store. */
  readonly commands?: CommandChecks;
  /** The collection whose documents describe datasets; `datasets` by default. */
  readonly datasets?: string;
  /** Where what is derived is kept from one start to the next; without one everything is read. */
  readonly snapshot?: SnapshotFile;
  /** What stock git moved; nothing by default. */
  readonly pushes?: PushNotes;
  /** Hears of work that fails after its request was answered. */
  readonly report?: (message: string) => void;
}
