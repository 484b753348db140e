import type { ServerResponse } from "node:http";
import { RuntreeError } from "../domain/errors.ts";

/** Answers larger than this are watched until they are read; smaller ones fit into the system's own buffers. */
const WATCHED_BYTES = 64 * 1024;
/** Bytes of answers that may wait for their readers together; what comes beyond is to be asked again. */
const MOST_BYTES = 256 * 1024 * 1024;

/** Large answers that are not read yet: bounded all together, and cut one by one when nobody reads. */
export class UnreadAnswers {
  readonly #stalledMs: number;
  #bytes = 0;

  /** `stalledMs` is how long (ms) a reader may stand still. */
  constructor(stalledMs: number) {
    this.#stalledMs = stalledMs;
  }

  /** Takes note of an answer that is about to be sent. Throws `busy` when too much waits already. */
  watch(response: ServerResponse, bytes: number): void {
    if (bytes <= WATCHED_BYTES) return;
    if (this.#bytes + bytes > MOST_BYTES)
      throw new RuntreeError(
        "busy",
        "Too many large answers wait for their readers; ask again, or for fewer at a time.",
      );
    this.#bytes += bytes;
    response.once("close", () => (this.#bytes -= bytes));
    response.setTimeout(this.#stalledMs, () => response.destroy());
  }
}
