import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Logger } from "pino";
import { PROBLEMS } from "../contract/problems.ts";
import { type ErrorCode, RuntreeError, systemCode } from "../domain/errors.ts";
import { runIdMaker } from "../domain/run-id.ts";
import { isLoopback } from "./loopback.ts";
import type { Limits } from "../domain/limits.ts";
import type { EventStreams } from "./events.ts";
import { type AppOptions, makeApp } from "./app.ts";
import { atEndOfTurn } from "./turn.ts";

/** How long requests at work may take to end once the server is told to stop. */
const DRAIN_MS = 10_000;

/** How often (ms) a stop looks for connections that have become idle. */
const IDLE_MS = 50;
/** How often Node looks for requests that take too long. */
const CHECK_MS = 1000;
/** So many connections more than allowed still get an answer that says so; what comes beyond is dropped. */
const TOLD = 64;

export interface Listening {
  readonly url: string;
  /** Stops taking connections, waits for the requests at work, then cuts what is left. */
  close(): Promise<void>;
}

/** What Node says of a request that it could not read at all, as a problem. */
function answerBroken(error: Error, socket: Socket, log: Logger): void {
  const reason = systemCode(error);
  const code: ErrorCode =
    reason === "HPE_HEADER_OVERFLOW"
      ? "headers_too_large"
      : reason === "ERR_HTTP_REQUEST_TIMEOUT"
        ? "request_timeout"
        : "bad_request";
  log.info({ code, reason }, "unreadable request");
  if (!socket.writable || reason === "ECONNRESET") return void socket.destroy();
  socket.end(problemBytes(code));
}

/** A whole answer for a connection that brought no request that could be read. */
function problemBytes(code: ErrorCode): string {
  const { status, title } = PROBLEMS[code];
  const requestId = runIdMaker()(Date.now());
  const body = JSON.stringify({
    type: `urn:runtree:problem:${code}`,
    title,
    status,
    code,
    detail: `${title}.`,
    request_id: requestId,
  });
  const head = [
    `HTTP/1.1 ${status} ${title}`,
    "Content-Type: application/problem+json; charset=utf-8",
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${requestId}`,
    "Connection: close",
  ];
  return `${head.join("\r\n")}\r\n\r\n${body}`;
}

/** Answers 503 on connections beyond a number; nothing is read of them. */
function refuseBeyond(server: Server, most: number, log: Logger): void {
  let open = 0;
  server.maxConnections = most + TOLD;
  // In place of Node's own listener, which would read requests from every connection.
  const serve = server.listeners("connection") as ((socket: Socket) => void)[];
  server.removeAllListeners("connection");
  server.on("connection", (socket: Socket) => {
    if (open < most) {
      open++;
      socket.once("close", () => open--);
      for (const listener of serve) listener.call(server, socket);
      return;
    }
    log.warn({ connections: most }, "too many connections");
    socket.on("error", () => undefined);
    socket.end(problemBytes("busy"));
    socket.setTimeout(CHECK_MS, () => socket.destroy());
  });
}

async function listen(server: Server, host: string, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => {
      const words =
        systemCode(error) === "EADDRINUSE"
          ? `Port ${port} on ${host} is taken. Give another with --port, or --port 0 for any free one.`
          : `Listening on ${host}:${port} failed: ${error.message}.`;
      reject(new RuntreeError("busy", words, { host, port }, error));
    });
    server.listen(port, host, () => resolve(server.address() as AddressInfo));
  });
}

/** Serves the application. Throws `address_not_allowed` for an address that would need keys, `busy` for one that is taken. */
export async function serveHttp(
  options: Omit<AppOptions, "requestSeconds"> & {
    readonly port: number;
    readonly limits: Limits;
    readonly events: Pick<EventStreams, "close">;
  },
): Promise<Listening> {
  const { host, port, log, limits, ring, events } = options;
  if (!isLoopback(host) && ring.usable === 0) {
    throw new RuntreeError(
      "address_not_allowed",
      `Serving ${host} needs keys, and there are none. Make one first: runtree key create --role admin --name NAME`,
      { host },
    );
  }
  const callback = makeApp({ ...options, requestSeconds: limits.request_s }).callback();
  const answer = atEndOfTurn<{ request: IncomingMessage; response: ServerResponse }>(({ request, response }) => {
    void callback(request, response);
  });
  const server = createServer(
    {
      // Node refuses one that is longer than the whole request may take.
      headersTimeout: Math.min(limits.headers_s, limits.request_s) * 1000,
      // That of a push; all else is watched where its body is read.
      requestTimeout: Math.max(limits.request_s, limits.push_s) * 1000,
      maxHeaderSize: limits.header_bytes,
      connectionsCheckingInterval: CHECK_MS,
    },
    (request, response) => answer({ request, response }),
  );
  refuseBeyond(server, limits.connections, log);
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("clientError", (error, socket) => answerBroken(error, socket as Socket, log));
  const address = await listen(server, host, port);
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${address.port}`,
    close: async () =>
      new Promise((resolve) => {
        const cut = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
        // Those whose last request ends from now on, too: Node would keep them ready for more.
        const idle = setInterval(() => server.closeIdleConnections(), IDLE_MS);
        server.close(() => {
          clearTimeout(cut);
          clearInterval(idle);
          resolve();
        });
        events.close();
        server.closeIdleConnections();
        // Node takes those that no request has come by yet, which clients keep ready, for requests at work.
        for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
      }),
  };
}
