import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Logger } from "pino";
import { PROBLEMS } from "../contract/problems.ts";
import { type ErrorCode, RuntreeError, systemCode } from "../domain/errors.ts";
import { runIdMaker } from "../domain/run-id.ts";
import { isLoopback } from "./loopback.ts";
import { type AppOptions, makeApp } from "./app.ts";
import { atEndOfTurn } from "./turn.ts";

/** Limits of facts/reliability.md §Security. */
const HEADERS_MS = 10_000;
const REQUEST_MS = 60_000;
const HEADER_BYTES = 16 * 1024;
const CONNECTIONS = 1024;
/** How long requests at work may take to end once the server is told to stop. */
const DRAIN_MS = 10_000;

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
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
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
  options: AppOptions & { readonly host: string; readonly port: number },
): Promise<Listening> {
  const { host, port, log } = options;
  if (!isLoopback(host)) {
    throw new RuntreeError(
      "address_not_allowed",
      `Binding ${host} needs keys, which this version does not have; use 127.0.0.1 behind a proxy that authenticates.`,
      { host },
    );
  }
  const callback = makeApp(options).callback();
  const answer = atEndOfTurn<{ request: IncomingMessage; response: ServerResponse }>(({ request, response }) => {
    void callback(request, response);
  });
  const server = createServer(
    { headersTimeout: HEADERS_MS, requestTimeout: REQUEST_MS, maxHeaderSize: HEADER_BYTES },
    (request, response) => answer({ request, response }),
  );
  server.maxConnections = CONNECTIONS;
  server.on("clientError", (error, socket) => answerBroken(error, socket as Socket, log));
  const address = await listen(server, host, port);
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${address.port}`,
    close: async () =>
      new Promise((resolve) => {
        const cut = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
        server.close(() => {
          clearTimeout(cut);
          resolve();
        });
        server.closeIdleConnections();
      }),
  };
}
