import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Server as TcpServer } from "node:net";
import { onTestFinished } from "vitest";
import { GalaxyClient, type GalaxyOptions } from "../../src/galaxy/galaxy-client.ts";
import type { GalaxyLimits } from "../../src/galaxy/galaxy-limits.ts";

export type Answering = (request: IncomingMessage, response: ServerResponse) => void;

export interface SmallServer {
  readonly url: string;
  /** What was asked so far, such as `GET /api/version`. */
  readonly asked: string[];
  readonly bodies: unknown[];
  /** What it says from now on. */
  answer: Answering;
}

/** The address of a listening server, which is closed with the test. */
export async function listening(server: Server | TcpServer): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        if ("closeAllConnections" in server) server.closeAllConnections();
      }),
  );
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Starts a server that answers as it is told. */
export async function smallServer(answer: Answering): Promise<SmallServer> {
  const small = { url: "", asked: [] as string[], bodies: [] as unknown[], answer };
  const server = createServer((request, response) => {
    small.asked.push(`${request.method} ${request.url}`);
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const text = Buffer.concat(chunks).toString("utf8");
      small.bodies.push(text === "" ? null : JSON.parse(text));
      small.answer(request, response);
    });
  });
  small.url = `http://${await listening(server)}`;
  return small;
}

/** Answers everything with one JSON value. */
export function says(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Answering {
  return (_request, response) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify(value));
  };
}

/** Answers by path, without what is below `/api` and without the query; anything else is not there. */
export function saysAt(values: Readonly<Record<string, unknown>>): Answering {
  return (request, response) => {
    const path = new URL(request.url ?? "", "http://x").pathname.replace(/^\/api/, "");
    const known = Object.hasOwn(values, path);
    const missing = { err_code: 404_001, err_msg: "Not found." };
    says(known ? values[path] : missing, known ? 200 : 404)(request, response);
  };
}

/** A clock that only moves when it is told to. */
export function handClock(): { now: number; readonly clock: () => number } {
  const hand = { now: Date.UTC(2026, 0, 1), clock: () => hand.now };
  return hand;
}

/** A client with short times and nothing left to chance, closed with the test. */
export function clientOf(
  url: string,
  limits: Partial<GalaxyLimits> = {},
  more: Partial<GalaxyOptions> = {},
): GalaxyClient {
  const client = new GalaxyClient({
    name: "small",
    url,
    key: "a-key",
    clock: Date.now,
    random: () => 0.5,
    limits: { connectMs: 300, answerMs: 10_000, retryMs: 1, retries: 0, answerBytes: 100_000, ...limits },
    ...more,
  });
  onTestFinished(() => client.close());
  return client;
}
