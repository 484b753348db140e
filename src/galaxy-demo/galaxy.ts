import { Histories } from "./histories.ts";
import { Ids } from "./ids.ts";
import { Invocations } from "./invocations.ts";
import { type Pace, paceOf } from "./pace.ts";
import type { Step, WorkflowFile } from "./workflow-file.ts";
import { Workflows } from "./workflows.ts";
import type { JobState } from "./wire.ts";

export interface Clock {
  /** The moment, in ms since 1970. */
  now(): number;
}

/** How what is invoked from now on ends, where a rule fits. Members that are left out fit everything. */
export interface OutcomeRule {
  /** The name of a workflow; that of a sub-workflow, too. */
  readonly workflow?: string;
  readonly tool_id?: string;
  /** The index of a step. */
  readonly step?: number;
  /** How its jobs end; `running` or `queued`: they stay so for ever. */
  readonly job?: JobState;
  /** The invocation fails before it hands out its steps. */
  readonly failed?: boolean;
}

export interface GalaxyOptions {
  readonly clock: Clock;
  /** What `/api/version` says; `completed` is there from 26.0. */
  readonly version?: string;
  readonly pace?: Partial<Pace>;
  /** How long (s) a job takes. */
  readonly seconds?: number;
}

/** Everything that a stand-in holds, in memory. */
export class Galaxy {
  readonly version: string;
  readonly workflows: Workflows;
  readonly histories: Histories;
  readonly invocations: Invocations;
  /** The first that fits counts. */
  outcomes: readonly OutcomeRule[] = [];
  readonly #clock: Clock;
  #ahead = 0;

  constructor({ clock, version = "26.0", pace = {}, seconds = 5 }: GalaxyOptions) {
    this.#clock = clock;
    this.version = version;
    const ids = new Ids();
    this.workflows = new Workflows(ids);
    this.histories = new Histories(ids);
    this.invocations = new Invocations(ids, this.histories, {
      pace: { ...paceOf(seconds), ...pace },
      completes: Number.parseInt(version, 10) >= 26,
      endOf: (workflow, step) => this.#rule(workflow, step)?.job ?? "ok",
      fails: (workflow) =>
        this.outcomes.some((rule) => rule.failed === true && (rule.workflow ?? workflow.name) === workflow.name),
    });
  }

  #rule(workflow: WorkflowFile, step: Step): OutcomeRule | undefined {
    return this.outcomes.find(
      (rule) =>
        rule.job !== undefined &&
        (rule.workflow ?? workflow.name) === workflow.name &&
        (rule.tool_id ?? step.toolId) === step.toolId &&
        (rule.step ?? step.index) === step.index,
    );
  }

  now(): number {
    return this.#clock.now() + this.#ahead;
  }

  /** Puts the clock forward. */
  forward(ms: number): void {
    this.#ahead += ms;
  }
}
