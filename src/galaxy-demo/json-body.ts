import type { IncomingMessage } from "node:http";
import type { Json } from "../domain/json.ts";
import { invalid, Refused } from "./refused.ts";

const MOST_BYTES = 16 * 1024 * 1024;

/** Reads the JSON that a request brings; undefined for nothing. */
export async function readJsonBody(request: IncomingMessage): Promise<Json | undefined> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > MOST_BYTES) throw new Refused(413, 0, "Request entity too large.");
    pieces.push(piece);
  }
  if (bytes === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(pieces).toString("utf8")) as Json;
  } catch {
    throw invalid("JSON decode error");
  }
}
