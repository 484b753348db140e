import { byUnit } from "../domain/json.ts";
import { ATTIC, MAIN, RUNS } from "../domain/layout.ts";
import { isRunId } from "../domain/run-id.ts";
import type { RunStatus } from "../domain/run.ts";
import { readCommit } from "../git/commit.ts";
import { readerWith, type Repository } from "../git/repository.ts";
import { findEntry, isTree, walkFiles } from "../git/tree.ts";
import { findRun, type RunView } from "./run-view.ts";

/** What a list of runs may ask for; dates in ms, both ends included, compared with `started_at` or else `created_at`. */
export interface RunFilter {
  readonly job_id?: string;
  readonly status?: RunStatus;
  readonly contract_id?: string;
  readonly pipeline_name?: string;
  readonly template_id?: string;
  readonly dataset_id?: string;
  readonly mode?: string;
  readonly start?: number;
  readonly end?: number;
  readonly has_warnings?: boolean;
}

/** Every run by id, for lists; derived from Git. */
export class RunIndex {
  readonly #runs = new Map<string, RunView>();

  /** Reads every run of a repository: open branches, records on `main`, records in the attic. */
  rebuild(repository: Repository): void {
    const ids = new Set([...repository.refs(RUNS).keys()].map((ref) => ref.slice(RUNS.length)).filter(isRunId));
    const read = readerWith(repository);
    for (const ref of [MAIN, ATTIC]) {
      const commit = repository.ref(ref);
      const folder = commit === null ? null : findEntry(read, readCommit(read, commit).tree, "runs");
      if (folder === null || !isTree(folder)) continue;
      for (const { entry } of walkFiles(read, folder.oid)) ids.add(entry.name.replace(/\.json$/, ""));
    }
    for (const id of ids) {
      const view = findRun(repository, id);
      if (view !== null) this.#runs.set(id, view);
    }
  }

  learn(view: RunView): void {
    this.#runs.set(view.record.id, view);
  }

  /** The runs of a filter, newest first. */
  select(filter: RunFilter): RunView[] {
    return [...this.#runs.values()].filter((view) => fits(view, filter)).sort(newestFirst);
  }

  /** How many runs are open. */
  openCount(): number {
    return [...this.#runs.values()].filter(({ place }) => place === "open").length;
  }
}

function newestFirst(left: RunView, right: RunView): number {
  return byUnit(right.record.created_at, left.record.created_at) || byUnit(right.record.id, left.record.id);
}

/** Members of a record that a filter compares as they are. */
const SAME_MEMBERS = ["job_id", "status", "contract_id", "pipeline_name", "template_id", "dataset_id", "mode"] as const;

function fits({ record }: RunView, filter: RunFilter): boolean {
  const time = Date.parse(record.started_at ?? record.created_at);
  const same = SAME_MEMBERS.every((name) => filter[name] === undefined || record[name] === filter[name]);
  const warned = record.warning_count + record.notices.length > 0;
  return (
    same &&
    (filter.start === undefined || time >= filter.start) &&
    (filter.end === undefined || time <= filter.end) &&
    (filter.has_warnings === undefined || filter.has_warnings === warned)
  );
}
