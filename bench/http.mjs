// A client that costs little: HTTP/1.1 on a socket of its own, one request at a time, answers with a Content-Length.
import { once } from "node:events";
import { connect } from "node:net";

const HEADERS_END = Buffer.from("\r\n\r\n");
const LENGTH = /^content-length: (\d+)/im;

/** One keep-alive connection. */
export class Connection {
  #socket;
  #host;
  #headers;
  #parts = [];
  #settle = null;

  /** Connects to the server at a URL; `headers` go with every request, each line with its end. */
  static async to(url, headers = "") {
    const { hostname, port, host } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    await once(socket, "connect");
    return new Connection(socket, host, headers);
  }

  constructor(socket, host, headers) {
    this.#socket = socket;
    this.#host = host;
    this.#headers = headers;
    socket.on("data", (chunk) => this.#take(chunk));
    socket.on("error", (error) => this.#settle?.reject(error));
    socket.on("close", () => this.#settle?.reject(new Error("the server closed the connection")));
  }

  /** Sends a request and returns the answer; throws for a status that is not 2xx. */
  async request(method, path, value) {
    const body = value === undefined ? "" : JSON.stringify(value);
    const type =
      value === undefined ? "" : `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
    this.#socket.write(`${method} ${path} HTTP/1.1\r\nHost: ${this.#host}\r\n${this.#headers}${type}\r\n${body}`);
    const { status, bytes } = await new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    if (status < 200 || status > 299)
      throw new Error(`${method} ${path} answered ${status}: ${bytes.toString("utf8")}`);
    return bytes;
  }

  #take(chunk) {
    this.#parts.push(chunk);
    const whole = this.#parts.length === 1 ? chunk : Buffer.concat(this.#parts);
    const end = whole.indexOf(HEADERS_END);
    if (end >= 0) {
      const head = whole.toString("latin1", 0, end);
      const begin = end + HEADERS_END.length;
      const length = Number(LENGTH.exec(head)?.[1] ?? 0);
      if (whole.length >= begin + length) {
        this.#parts = [];
        const settle = this.#settle;
        this.#settle = null;
        settle?.resolve({ status: Number(head.slice(9, 12)), bytes: whole.subarray(begin, begin + length) });
        return;
      }
    }
    this.#parts = [whole];
  }

  close() {
    this.#settle = null;
    this.#socket.destroy();
  }
}
