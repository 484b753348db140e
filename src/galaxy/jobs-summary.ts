import type { JobCounts } from "../domain/workflow-server.ts";
import { idInPath } from "./ask-by-id.ts";
import type { GalaxyCalls } from "./galaxy-calls.ts";
import { count, entries, few, members, word } from "./read.ts";

/** Most states that jobs are counted by; Galaxy knows 16. */
const MOST_STATES = 100;

/** What is read of a summary of jobs. */
export interface JobsSummaryAnswer {
  readonly populated_state: string;
  readonly states: Readonly<Record<string, number>>;
}

/** The jobs of an invocation, without those of its sub-workflows. */
export interface JobsSummary {
  /** `ok` once it is known which jobs there are, `new` before that, `failed` where it could not be found out. */
  readonly populated_state: string;
  readonly jobs: JobCounts;
}

export async function askJobsSummary(galaxy: GalaxyCalls, asked: string): Promise<JobsSummary> {
  return galaxy.ask({
    call: "jobs_summary",
    path: `/invocations/${idInPath(galaxy.name, "jobs_summary", asked)}/jobs_summary`,
    often: true,
    read: (answer) => {
      const { populated_state: populated, states } = members<JobsSummaryAnswer>(answer);
      const counts = few(entries(states), MOST_STATES).map(([state, number]) => [word(state), count(number)] as const);
      return { populated_state: word(populated), jobs: Object.fromEntries(counts.filter(([, number]) => number > 0)) };
    },
  });
}
