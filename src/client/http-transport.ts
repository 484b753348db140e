import { request } from "undici";
import { operation } from "../contract/operations.ts";
import { RuntreeError } from "../domain/errors.ts";
import { requestPath, type Transport } from "./client.ts";

/** How long (ms) an answer may take unless told; a merge that checks a large repository anew takes its time. */
const ANSWER_MS = 120_000;

/** Carries requests to the server at an address such as `http://127.0.0.1:7400`; an answer may take so many ms. */
export function httpTransport(url: string, answerMs: number = ANSWER_MS): Transport {
  return async (asked) => {
    try {
      const reply = await request(new URL(requestPath(asked), url), {
        method: operation(asked.operation).method,
        headers: asked.headers,
        body: asked.body,
        headersTimeout: answerMs,
        bodyTimeout: answerMs,
      });
      const headers = Object.entries(reply.headers).map(([name, value]) => [
        name,
        Array.isArray(value) ? value.join(", ") : (value ?? ""),
      ]);
      return {
        status: reply.statusCode,
        headers: Object.fromEntries(headers) as Record<string, string>,
        body: await reply.body.text(),
      };
    } catch (error) {
      throw new RuntreeError(
        "unreachable",
        `No Runtree answers at ${url}. Start one with \`runtree serve\`, or work on a repository with --data DIR.`,
        { url },
        error,
      );
    }
  };
}
