import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** A bare connection to a server, and all that came back on it so far. */
export interface RawConnection {
  readonly socket: Socket;
  answer(): string;
  /** Resolves when the other side has ended it. */
  readonly closed: Promise<unknown>;
}

/** Connects to a server and sends bytes as they are. */
export function rawConnection(url: string, text = ""): RawConnection {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let answer = "";
  socket.on("data", (chunk: Buffer) => (answer += chunk.toString("utf8"))).on("error", () => undefined);
  if (text !== "") socket.write(text);
  return { socket, answer: () => answer, closed: once(socket, "close") };
}

/** Sends bytes over a bare connection and returns everything that comes back until the other side ends it. */
export async function raw({ url }: { readonly url: string }, text: string): Promise<string> {
  const { answer, closed } = rawConnection(url, text);
  await closed;
  return answer();
}

/** The problem that an answer as it came holds, with its status. */
export function problemIn(answer: string): { status: number; code: string } {
  const { code } = JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4)) as { code: string };
  return { status: Number(/^HTTP\/1.1 (\d+)/.exec(answer)?.[1]), code };
}
