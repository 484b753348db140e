import { ATTIC, MAIN, OPS, RESULTS, resultsRef, RUNS } from "../domain/layout.ts";
import type { Oid } from "../git/objects.ts";
import type { Repository } from "../git/repository.ts";
import { RememberedRequests, type RequestsState } from "./idempotency.ts";
import { type MainSnapshot, MainState } from "./main-state.ts";
import { JobIndex, type JobIndexState } from "./job-index.ts";
import { RunIndex } from "./run-index.ts";
import type { Progress } from "./progress.ts";
import type { RunRowsState } from "./run-rows.ts";
import { TemplateIndex } from "./template-index.ts";

/** Everything that is derived from a repository and may be thrown away. */
export interface Derived {
  readonly main: MainState;
  readonly runs: RunIndex;
  readonly jobs: JobIndex;
  readonly templates: TemplateIndex;
  readonly requests: RememberedRequests;
}

/** All of it as plain values. */
export interface DerivedState {
  /** Where the refs were: everything up to there is known, and perhaps more. */
  readonly tips: ReadonlyMap<string, Oid>;
  readonly main: MainSnapshot;
  readonly runs: RunRowsState;
  readonly jobs: JobIndexState;
  readonly requests: RequestsState;
}

/** Where the refs are that anything is derived from. */
export function tipsOf(repository: Repository): Map<string, Oid> {
  const tips = new Map([...repository.refs(RUNS), ...repository.refs(RESULTS)]);
  for (const ref of [MAIN, ATTIC, OPS]) {
    const tip = repository.ref(ref);
    if (tip !== null) tips.set(ref, tip);
  }
  return tips;
}

/** The tips of what Runtree itself committed, for the trailers of its commits. */
function ownTips(repository: Repository): Oid[] {
  const tips = tipsOf(repository);
  return [...tips].flatMap(([ref, tip]) =>
    ref.startsWith(RUNS) && tips.has(resultsRef(ref.slice(RUNS.length))) ? [] : [tip],
  );
}

/**
 * Derives everything from a repository: by reading all of it, or from a state by reading what differs since. `now` is in
 * ms since 1970. Throws when the state is not of this repository's past, and what reading throws.
 */
export function derive(
  repository: Repository,
  now: number,
  state?: DerivedState,
  progress: Progress = () => undefined,
): Derived {
  const main = new MainState(repository, state?.main, progress);
  if (state !== undefined && main.history.broughtBy(state.main.commit) !== state.main.commit)
    throw new Error("main was moved to where it did not come from");
  const tips: ReadonlyMap<string, Oid> = state?.tips ?? new Map();
  const [known, place] = [new Set(tips.values()), main.history.placeOf(tips.get(MAIN) ?? "")];
  progress("runs and jobs", 0, 0);
  const runs = new RunIndex(repository, state?.runs);
  runs.follow({ main: tips.get(MAIN) ?? null, attic: tips.get(ATTIC) ?? null });
  // Runs that the old main had and the new one has not are no runs any more.
  main.onRewound = (before) => {
    runs.follow({ main: before, attic: repository.ref(ATTIC) });
    jobs.runsChanged();
  };
  const jobs = new JobIndex(repository, runs, state?.jobs);
  jobs.follow(tips.get(OPS) ?? null);
  const requests = new RememberedRequests(state?.requests);
  requests.follow(repository, ownTips(repository), now, (commit) => {
    const landed = main.history.placeOf(commit);
    return known.has(commit) || (landed >= 0 && landed <= place);
  });
  return { main, runs, jobs, templates: new TemplateIndex(repository), requests };
}

/** Everything derived as plain values, which change with it: a copy is to be made before the next wait. */
export function stateOf({ main, runs, jobs, requests }: Derived, tips: ReadonlyMap<string, Oid>): DerivedState {
  return { tips, main: main.state(), runs: runs.state(), jobs: jobs.state(), requests: requests.state() };
}
