// Clients of a server, for the processes that put load on it: keep-alive connections, and how long requests take.
import { Connection } from "./http.mjs";
import { repeatFor } from "./measure.mjs";

/** So many connections to a server; `headers` go with every request, each line with its end. */
export class Clients {
  #url;
  #connections;
  #headers;
  #open = [];

  constructor(url, connections, headers = "") {
    this.#url = url;
    this.#connections = connections;
    this.#headers = headers;
  }

  /** Sends a request by one of them. */
  request(number, method, path, value) {
    return this.#open[number].request(method, path, value);
  }

  /** Wraps what measures, to connect anew for it: a server closes connections that were idle for a while, as they are between two rounds. */
  connected(measure) {
    return async (argument) => {
      const open = Array.from({ length: this.#connections }, () => Connection.to(this.#url, this.#headers));
      this.#open = await Promise.all(open);
      try {
        return await measure(argument);
      } finally {
        for (const client of this.#open) client.close();
      }
    };
  }

  /** Has every connection do something again and again for a time. */
  repeatedly(operation) {
    return this.connected((milliseconds) => repeatFor(milliseconds, this.#connections, operation));
  }

  /** How long (ms) each of the requests took that one connection made within a time; what `next` returns is sent, and its `check` gets the answer. */
  latencies(next) {
    return this.connected(async (milliseconds) => {
      const found = [];
      await repeatFor(milliseconds, 1, async () => {
        const { method = "GET", path, value, check } = next();
        const started = performance.now();
        const answer = await this.request(0, method, path, value);
        found.push(performance.now() - started);
        check?.(answer);
      });
      return found;
    });
  }
}
