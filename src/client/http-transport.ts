import { request } from "undici";
import { operation } from "../contract/operations.ts";
import { RuntreeError } from "../domain/errors.ts";
import { requestPath, type Transport, wholeReply } from "./client.ts";

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
    const { follow } = asked;
    const away = (error: unknown): RuntreeError =>
      new RuntreeError(
        "unreachable",
        `No Runtree answers at ${url}. Say where it is with --url URL or RUNTREE_URL, start one with \`runtree serve\`, or work on a repository with --data DIR.`,
        { url },
        error,
      );
    try {
      const reply = await request(new URL(base + path), {
        method: operation(asked.operation).method,
        headers: key === undefined ? asked.headers : { ...asked.headers, "x-api-key": key },
        body: asked.body,
        headersTimeout: answerMs,
        // What is followed may have nothing to say for long.
        bodyTimeout: follow === undefined ? answerMs : 0,
        ...(follow === undefined ? {} : { signal: follow }),
      });
      const headers = Object.entries(reply.headers).map(([name, value]) => [
        name,
        Array.isArray(value) ? value.join(", ") : (value ?? ""),
      ]);
      const head = { status: reply.statusCode, headers: Object.fromEntries(headers) as Record<string, string> };
      return follow === undefined || reply.statusCode >= 400
        ? wholeReply(asked.operation, head, new Uint8Array(await reply.body.arrayBuffer()))
        : { ...head, body: "", pieces: piecesOf(reply.body, follow, away) };
    } catch (error) {
      throw away(error);
    }
  };
}

/** The text of a body as its bytes come, until it ends or the signal ends it. */
async function* piecesOf(
  body: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  away: (error: unknown) => RuntreeError,
): AsyncGenerator<string> {
  // A character may come in two pieces.
  const decoder = new TextDecoder();
  try {
    for await (const bytes of body) yield decoder.decode(bytes, { stream: true });
    yield decoder.decode();
  } catch (error) {
    if (!signal.aborted) throw away(error);
  }
}
