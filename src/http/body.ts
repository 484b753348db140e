import type { IncomingMessage } from "node:http";
import { RuntreeError } from "../domain/errors.ts";

/** How much of a refused body is still read, so that the client gets to see the answer. */
const DRAIN_BYTES = 8 * 1024 * 1024;

/** Tells whether a request brings a body. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

/**
 * Reads a request's body. Throws `too_large` beyond `limit` bytes, after reading on for a while to let the client finish,
 * `bad_request` when the client goes away, and `request_timeout` when it has not sent all of it in so many seconds.
 */
export async function readBody(message: IncomingMessage, limit: number, seconds: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  // By events: iterating over a stream costs more than all else that is done with a small body.
  let late: NodeJS.Timeout | undefined;
  await new Promise<void>((resolve, reject) => {
    const words = `The request did not arrive within ${seconds} s.`;
    late = setTimeout(() => reject(new RuntreeError("request_timeout", words)), seconds * 1000);
    const broken = (error?: unknown): void => {
      // A request that was read whole is closed, too, after its answer.
      if (!message.complete) reject(new RuntreeError("bad_request", "The body broke off.", {}, error));
    };
    message.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length <= limit) chunks.push(chunk);
      else if (length > limit + DRAIN_BYTES) {
        resolve();
        message.destroy();
      }
    });
    message.on("end", resolve).on("error", broken).on("close", broken);
  }).finally(() => clearTimeout(late));
  if (length > limit) throw new RuntreeError("too_large", `The body may have ${limit} bytes at most.`, { limit });
  return Buffer.concat(chunks);
}
