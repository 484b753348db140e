import { createHash, randomBytes } from "node:crypto";
import type { Principal } from "../domain/roles.ts";

/** A run that a process of this node works on. */
export interface Execution {
  readonly runId: string;
  readonly jobId: string;
  /** Null until the process has begun. */
  readonly pid: number | null;
  /** Resolves when the job has ended and that is written. */
  readonly ended: Promise<void>;
  /** Where its log is, and whether more may come. */
  readonly log: string;
  /** Has the process group ended; the job is then cancelled for this reason. */
  cancel(reason: string): void;
}

/** What an executor of this node is doing, by run; and the tokens by which its processes submit. Nothing outlives the process. */
export class Executions {
  /** When (ms since 1970) a Galaxy was last asked about an open run, by its id. */
  readonly polled: Map<string, number> = new Map();
  readonly #byRun = new Map<string, Execution>();
  /** Who has a token, by the digest of it. */
  readonly #tokens = new Map<string, Principal>();

  of(runId: string | undefined): Execution | null {
    return this.#byRun.get(runId ?? "") ?? null;
  }

  /** How many there are. */
  get size(): number {
    return this.#byRun.size;
  }

  /** Takes note of an execution, and makes a token that is good for its run only: 256 random bits, URL-safe. */
  begin(execution: Execution, principal: string): string {
    this.#byRun.set(execution.runId, execution);
    const token = `runtree_run_${randomBytes(32).toString("base64url")}`;
    this.#tokens.set(digest(token), { name: principal, role: "agent", key: null, onlyRun: execution.runId });
    return token;
  }

  /** Forgets an execution that has ended, and its token. */
  end(runId: string): void {
    this.#byRun.delete(runId);
    for (const [token, { onlyRun }] of this.#tokens) if (onlyRun === runId) this.#tokens.delete(token);
  }

  /** Who a token belongs to; null when it is none, or the run has ended. */
  identify(token: string): Principal | null {
    return this.#tokens.get(digest(token)) ?? null;
  }
}

function digest(token: string): string {
  return createHash("sha256").update(token).digest("base64url");
}
