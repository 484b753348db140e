import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { FaultRule } from "./faults.ts";
import type { Reply } from "./reply.ts";

const HUGE_BYTES = 100 * 1024 * 1024;
const PIECE = Buffer.alloc(256 * 1024, "x");
const DRIP_MS = 200;

function head(response: ServerResponse, { status, headers }: Reply): void {
  response.writeHead(status, headers);
}

/** Sends an answer in a piece. */
export function send(response: ServerResponse, reply: Reply): void {
  response.writeHead(reply.status, { ...reply.headers, "Content-Length": Buffer.byteLength(reply.text) });
  response.end(reply.text);
}

/** One JSON text of 100 MB. */
function* hugeText(): Generator<Buffer> {
  yield Buffer.from('{"err_msg": "');
  for (let sent = 0; sent < HUGE_BYTES; sent += PIECE.length) yield PIECE;
  yield Buffer.from('"}');
}

/** Sends far too much, as far as anybody reads it. */
async function sendHuge(response: ServerResponse, reply: Reply): Promise<void> {
  head(response, reply);
  // Who has enough goes away, and the pipeline says so.
  await pipeline(Readable.from(hugeText()), response).catch(() => undefined);
}

/** Sends an answer a byte at a time. */
async function sendSlowly(response: ServerResponse, reply: Reply, ms: number): Promise<void> {
  head(response, reply);
  for (const byte of Buffer.from(reply.text)) {
    if (response.destroyed) return;
    response.write(Buffer.of(byte));
    await sleep(ms, undefined, { ref: false });
  }
  response.end();
}

/** Plays what is no answer in a piece: silence, an end of the connection, too much, too slow. */
export async function misbehave(response: ServerResponse, rule: FaultRule, good: Reply): Promise<void> {
  if (rule.fault === "huge") return sendHuge(response, good);
  if (rule.fault === "slow") return sendSlowly(response, good, rule.ms ?? DRIP_MS);
  if (rule.fault === "cut_before" || rule.fault === "cut_after") response.destroy();
}
