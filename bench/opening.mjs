// What a group of rows works with: sides and servers, begun and ended together.
import { broken } from "./measure.mjs";
import { serve, serveEcho, startSide, TooSlow } from "./processes.mjs";

/** Begins what a group measures. What cannot be begun is told and left out, and the rows that need it stay empty. */
export class Opening {
  #seconds;
  #ends = [];

  /** `seconds` is how long each may take to begin. */
  constructor(seconds) {
    this.#seconds = seconds;
  }

  /** Starts a side; null when it did not open. */
  async side(module, options) {
    return this.#begin(`side ${module}`, async () => {
      const side = await startSide(module, options, this.#seconds);
      this.#ends.push(() => side.end());
      return side;
    });
  }

  /** Starts the clients of a server, a side; null when they or the server did not open. */
  async load(server, options, module = "load") {
    const started = await server;
    return started === null ? null : this.side(module, { ...options, url: started.url });
  }

  /** Starts a server with these flags; null when it did not come up. */
  async server(data, flags = []) {
    return this.#server(() => serve(data, this.#seconds, flags));
  }

  /** Starts a bare Koa server that answers with the bytes of a file. */
  async echo(file) {
    return this.#server(() => serveEcho(file, this.#seconds));
  }

  async #server(start) {
    return this.#begin("server", async () => {
      const server = await start();
      this.#ends.push(() => server.stop());
      return server;
    });
  }

  async #begin(what, begin) {
    try {
      return await begin();
    } catch (error) {
      if (error instanceof TooSlow) process.stderr.write(`bench: ${error.message}\n`);
      else broken(what, error);
      return null;
    }
  }

  /** Ends everything, the newest first. */
  async end() {
    for (const end of this.#ends.splice(0).reverse()) {
      try {
        await end();
      } catch (error) {
        broken("the end", error);
      }
    }
  }
}
