import type { Dispatcher, Pool } from "undici";
import type { WorkflowServerFault } from "../domain/workflow-server.ts";

export interface ExchangeRequest {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

/** An answer whole, or how far it came. */
export type Exchanged =
  | { readonly status: number; readonly headers: Dispatcher.ResponseData["headers"]; readonly body: Buffer }
  | {
      readonly status: null;
      readonly sent: boolean;
      readonly reason: WorkflowServerFault["reason"];
      readonly cause: unknown;
    };

/** How much of an answer that only tells an error is read, in bytes. */
const ERROR_BYTES = 65_536;

/** Ends a request of ours on purpose. */
class GivenUp extends Error {}

/**
 * Makes one request, once, and reads at most `bytes` of the answer within `ms`, follows no redirect, and tells whether
 * a request that failed was sent: undici says when it begins to write one. Never throws.
 */
export function exchange(
  pool: Pool,
  request: ExchangeRequest,
  { ms, bytes }: { readonly ms: number; readonly bytes: number },
): Promise<Exchanged> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let controller: Dispatcher.DispatchController | null = null;
    let answer: { status: number; headers: Dispatcher.ResponseData["headers"] } | null = null;
    let [length, settled] = [0, false];
    const settle = (exchanged: Exchanged): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      resolve(exchanged);
      controller?.abort(new GivenUp("No more is needed."));
    };
    const body = (): Buffer => Buffer.concat(chunks);
    /** No more comes, or no more is wanted. What only tells an error has said the most in its status. */
    const broken = (reason: WorkflowServerFault["reason"], cause: unknown): void => {
      if (answer !== null && answer.status >= 300) return settle({ ...answer, body: body() });
      settle({ status: null, sent: controller !== null, reason, cause });
    };
    const timer = setTimeout(
      () => broken(controller === null ? "unreachable" : "timeout", new GivenUp(`No answer within ${ms} ms.`)),
      ms,
    );
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(begun) {
        // What was given up while it waited for a connection is not sent any more.
        if (settled) return begun.abort(new GivenUp("Too late."));
        controller = begun;
      },
      onResponseStart(_controller, status, headers) {
        if (status < 200) return;
        answer = { status, headers };
        if (status < 300 && Number(headers["content-length"] ?? 0) > bytes) broken("too_large", undefined);
      },
      onResponseData(_controller, chunk) {
        if (settled) return;
        length += chunk.length;
        if (length > (answer !== null && answer.status >= 300 ? ERROR_BYTES : bytes))
          return broken("too_large", undefined);
        chunks.push(chunk);
      },
      onResponseEnd() {
        controller = null;
        if (answer !== null) settle({ ...answer, body: body() });
      },
      onResponseError(_controller, error) {
        const reason = controller === null ? "unreachable" : "broken";
        broken(pool.destroyed ? "closed" : reason, error);
      },
    };
    pool.dispatch({ ...request, headersTimeout: 0, bodyTimeout: 0 }, handler);
  });
}
