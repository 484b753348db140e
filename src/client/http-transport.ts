import { request } from "undici";
import { operation } from "../contract/operations.ts";
import { RuntreeError } from "../domain/errors.ts";
import { requestPath, type Transport } from "./client.ts";

/** How long (ms) an answer may take unless told; a merge that checks a large repository anew takes its time. */
const ANSWER_MS = 120_000;

/** How a server is asked. */
export interface HttpOptions {
  /** The key that it wants; undefined for none. */
  readonly key?: string | undefined;
  /** How many ms an answer may take. */
  readonly answerMs?: number;
}

/** Carries requests to the server at an address such as `http://127.0.0.1:7400`; a path in it goes before all others. */
export function httpTransport(url: string, { key, answerMs = ANSWER_MS }: HttpOptions = {}): Transport {
  const base = url.replace(/\/+$/, "");
  if (!/^https?:\/\//.test(base) || !URL.canParse(base))
    throw new RuntreeError("bad_request", `${url} is no address of a server; one looks like http://127.0.0.1:7400.`, {
      url,
    });
  return async (asked) => {
    const path = requestPath(asked);
    try {
      const reply = await request(new URL(base + path), {
        method: operation(asked.operation).method,
        headers: key === undefined ? asked.headers : { ...asked.headers, "x-api-key": key },
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
