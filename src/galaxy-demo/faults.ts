import { OPERATION_NAMES, type OperationName } from "./operations.ts";

/** What a faulty answer is, and whether the request has had its effect by then. */
const FAULTS = {
  /** No answer, for as long as the client waits. */
  timeout_before: { effect: false },
  timeout_after: { effect: true },
  /** The connection ends without an answer. */
  cut_before: { effect: false },
  cut_after: { effect: true },
  status_401: { effect: false },
  status_403: { effect: false },
  status_404: { effect: false },
  status_409: { effect: false },
  /** 429 with a number of seconds, with nonsense, and without `Retry-After`. */
  status_429: { effect: false },
  status_429_bad: { effect: false },
  status_429_bare: { effect: false },
  status_500: { effect: false },
  status_502: { effect: false },
  status_503: { effect: false },
  status_504: { effect: false },
  /** 200 with a page, with nothing, with the first half of the JSON, with 100 MB. */
  html: { effect: false },
  empty: { effect: true },
  truncated: { effect: true },
  huge: { effect: true },
  /** A state that no Galaxy has yet; one from before; an array in place of an object, and the other way round. */
  unknown_state: { effect: true },
  backwards: { effect: true },
  other_shape: { effect: true },
  /** A byte at a time. */
  slow: { effect: true },
} as const satisfies Readonly<Record<string, { readonly effect: boolean }>>;

export type FaultName = keyof typeof FAULTS;

export const FAULT_NAMES: readonly FaultName[] = Object.keys(FAULTS) as FaultName[];

/** A fault that is asked for. */
export interface FaultRule {
  readonly fault: FaultName;
  readonly operation: OperationName | "*";
  /** Only for requests about this id. */
  readonly id?: string;
  /** How many requests get it (default 1); null: all. */
  readonly times?: number | null;
  /** How many requests are answered well before the first that gets it. */
  readonly skip?: number;
  /** Whether the request has its effect all the same; by default what the fault says. */
  readonly effect?: boolean;
  /** What `Retry-After` says. */
  readonly retry_after?: string;
  /** From one byte to the next of a slow answer (ms). */
  readonly ms?: number;
}

interface Waiting {
  readonly rule: FaultRule;
  skip: number;
  left: number;
}

/** Tells whether a rule is one, for those that come from outside. */
export function isFaultRule(value: object): value is FaultRule {
  const rule: Readonly<Record<string, unknown>> = { ...value };
  const names: readonly unknown[] = FAULT_NAMES;
  const operations: readonly unknown[] = ["*", ...OPERATION_NAMES];
  return names.includes(rule["fault"]) && operations.includes(rule["operation"]);
}

/** The faults that wait for their requests. */
export class Faults {
  #waiting: Waiting[] = [];

  /** Adds a fault; of several that fit a request the one that was added first is played. */
  add(rule: FaultRule): void {
    this.#waiting.push({ rule, skip: rule.skip ?? 0, left: rule.times === null ? Infinity : (rule.times ?? 1) });
  }

  clear(): void {
    this.#waiting = [];
  }

  /** What was not played yet. */
  get rules(): readonly FaultRule[] {
    return this.#waiting.map(({ rule }) => rule);
  }

  /** The fault for a request, which is one fewer then; null for none. */
  take(operation: OperationName, id: string): FaultRule | null {
    const fits = this.#waiting.filter(
      ({ rule }) => (rule.operation === "*" || rule.operation === operation) && (rule.id ?? id) === id,
    );
    for (const waiting of fits) {
      if (waiting.skip > 0) {
        waiting.skip--;
        continue;
      }
      waiting.left--;
      if (waiting.left === 0) this.#waiting = this.#waiting.filter((each) => each !== waiting);
      return waiting.rule;
    }
    return null;
  }
}

/** Tells whether a request with this fault has its effect. */
export function hasEffect({ fault, effect }: FaultRule): boolean {
  return effect ?? FAULTS[fault].effect;
}
