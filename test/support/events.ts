import { type IncomingMessage, request } from "node:http";
import { onTestFinished } from "vitest";
import { checkShape } from "../../src/schema/shapes.ts";

export interface SeenEvent {
  readonly id: string;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A client of `/events`, over real HTTP. */
export interface EventClient {
  readonly response: IncomingMessage;
  readonly seen: readonly SeenEvent[];
  /** Resolves when there are so many events. */
  until(count: number): Promise<readonly SeenEvent[]>;
  /** Resolves when the stream has ended or was cut. */
  readonly ended: Promise<unknown>;
  close(): void;
}

function parse(frame: string): SeenEvent | null {
  const fields = new Map(frame.split("\n").map((line) => line.split(/: (.*)/s, 2) as [string, string]));
  const [id = "", type = "", data] = ["id", "event", "data"].map((name) => fields.get(name));
  if (data === undefined) return null;
  const event = { id, type, data: JSON.parse(data) as SeenEvent["data"] };
  if (checkShape("event#ServerEvent", { type, data: event.data }).length > 0)
    throw new Error(`not as its shape says: ${frame}`);
  return event;
}

/** Follows the events of a server, ended with the test; every event is checked against its shape. */
export async function follow(url: string, headers: Record<string, string> = {}): Promise<EventClient> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request(`${url}/events`, { headers, agent: false }, resolve).on("error", reject).end();
  });
  const seen: SeenEvent[] = [];
  let text = "";
  let look = (): void => undefined;
  response.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
    const frames = text.split("\n\n");
    text = frames.pop() ?? "";
    for (const frame of frames) {
      const event = parse(frame);
      if (event !== null) seen.push(event);
    }
    look();
  });
  const ended = new Promise<void>((resolve) => response.on("close", () => resolve()));
  const close = (): void => void response.destroy();
  onTestFinished(close);
  const until = async (count: number): Promise<readonly SeenEvent[]> =>
    new Promise((resolve, reject) => {
      look = () => (seen.length >= count ? resolve(seen) : undefined);
      look();
      void ended.then(() => reject(new Error(`the stream ended after ${seen.length} events`)));
    });
  return { response, seen, until, ended, close };
}
