import type { ServerResponse } from "node:http";

/** How long (ms) clients may still take to read when the server is told to stop. */
const STOPPING_MS = 1000;

/** Clients that follow logs: each is cut when it stands still for too long with something to read. */
export class LogFollowers {
  #stalledMs: number;
  readonly #standing = new Map<ServerResponse, NodeJS.Timeout>();

  /** `stalledMs` is how long (ms) a reader may stand still. */
  constructor(stalledMs: number) {
    this.#stalledMs = stalledMs;
  }

  /** Takes note that a client has not read all that was sent. */
  stands(response: ServerResponse): void {
    this.reads(response);
    this.#standing.set(
      response,
      setTimeout(() => response.destroy(), this.#stalledMs),
    );
  }

  /** Takes note that a client has read everything so far, or is gone. */
  reads(response: ServerResponse): void {
    clearTimeout(this.#standing.get(response));
    this.#standing.delete(response);
  }

  /** Waits for nobody much longer. */
  close(): void {
    this.#stalledMs = Math.min(this.#stalledMs, STOPPING_MS);
    // A copy: each is put in anew.
    const standing = [...this.#standing.keys()];
    for (const response of standing) this.stands(response);
  }
}
