import { expect } from "vitest";
import type { OperationId } from "../../src/contract/operations.ts";
import type { RunStatus } from "../../src/domain/run.ts";
import { type Answer, call } from "../support/http.ts";
import type { TestServer } from "../support/server.ts";

/** What a request asks for, and what its answer must be: nobody else writes to the run, so that is known beforehand. */
interface Wish {
  readonly operation: OperationId;
  readonly params: Readonly<Record<string, string>>;
  readonly key: string;
  readonly body: unknown;
  readonly answer: number;
  readonly run: { readonly status: RunStatus; readonly submissions: number };
}

/** A run as its client was last told, and the documents it submitted. */
export interface ToldRun {
  readonly id: string;
  readonly head: string;
  readonly status: RunStatus;
  readonly submissions: number;
  readonly documents: readonly string[];
}

interface Unanswered {
  readonly wish: Wish;
  readonly documents: readonly string[];
}

/** Everything that clients were told, and the requests whose answers a crash cut off. */
export class Ledger {
  readonly runs: Map<string, ToldRun> = new Map<string, ToldRun>();
  readonly unanswered: Unanswered[] = [];
  answers = 0;
  /** How many requests are at work that merge a run. */
  merging = 0;

  /** Sends a request and takes note of the answer; null when the connection broke before there was one. */
  async send(server: TestServer, wish: Wish, documents: readonly string[]): Promise<string | null> {
    const { operation, params, key, body } = wish;
    const merges = wish.run.status === "success" ? 1 : 0;
    let answer: Answer;
    this.merging += merges;
    try {
      answer = await call(server, operation, { params, body, headers: { "idempotency-key": key } });
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      this.unanswered.push({ wish, documents });
      return null;
    } finally {
      this.merging -= merges;
    }
    expect(answer.status).toBe(wish.answer);
    const run = answer.status < 300 ? answer.body : answer.body.run;
    expect(run).toMatchObject(wish.run);
    this.runs.set(run.id, { id: run.id, head: run.head, ...wish.run, documents });
    this.answers++;
    return run.id;
  }

  /** Sends again what was not answered, with the same keys. */
  async repeat(server: TestServer): Promise<void> {
    for (const { wish, documents } of this.unanswered.splice(0))
      expect(await this.send(server, wish, documents)).not.toBeNull();
  }

  in(...statuses: readonly RunStatus[]): ToldRun[] {
    return [...this.runs.values()].filter(({ status }) => statuses.includes(status));
  }
}

const KINDS = ["at once", "at once", "in steps", "left open", "cancelled", "refused"] as const;

/** Works until the server is gone, or so many tasks are done: opens runs, submits to them, finishes, cancels and leaves them, one request after another. */
export async function work(
  server: TestServer,
  ledger: Ledger,
  name: string,
  random: () => number,
  tasks = Infinity,
): Promise<void> {
  for (let task = 0; task < tasks; task++) {
    const kind = KINDS[Math.floor(random() * KINDS.length)];
    const [first, second] = [`${name}-${task}-a`, `${name}-${task}-b`];
    const document = (id: string): object => ({
      study_set: { [id]: kind === "refused" ? { description: "no title" } : { title: id } },
    });
    const start = async (more: object, answer: number, status: RunStatus): Promise<string | null> => {
      const body = { body: document(first), ...more };
      const wish = {
        operation: "startRun",
        params: { job_id: "custom" },
        key: `${first}-start`,
        body,
        answer,
        run: { status, submissions: 1 },
      } as const;
      return ledger.send(server, wish, [first]);
    };
    const patch = async (
      id: string,
      body: object,
      status: RunStatus,
      documents: readonly string[],
    ): Promise<string | null> => {
      const key = `${first}-${status}-${documents.length}`;
      const run = { status, submissions: documents.length };
      return ledger.send(
        server,
        { operation: "patchRun", params: { run_id: id }, key, body, answer: 200, run },
        documents,
      );
    };
    let id: string | null;
    if (kind === "at once") id = await start({ done: true }, 201, "success");
    else if (kind === "refused") id = await start({ done: true }, 422, "rejected");
    else {
      id = await start({}, 201, "waiting");
      if (id !== null && kind === "cancelled") id = await patch(id, { status: "cancelled" }, "cancelled", [first]);
      if (id !== null && kind === "in steps")
        id = await patch(id, { body: document(second) }, "waiting", [first, second]);
      if (id !== null && kind === "in steps") id = await patch(id, { done: true }, "success", [first, second]);
    }
    if (id === null) return;
  }
}
