import type { Wire } from "../contract/wire.ts";

/** An event of a server. */
export type ServerEvent = Wire<"event#ServerEvent">;

/** The events in an answer of `followEvents`; those that came in one piece together. */
export async function* eventsIn(pieces: AsyncIterable<string>): AsyncGenerator<readonly ServerEvent[]> {
  let text = "";
  for await (const piece of pieces) {
    const frames = `${text}${piece}`.split("\n\n");
    text = frames.pop() ?? "";
    const events = frames.flatMap(eventOf);
    if (events.length > 0) yield events;
  }
}

/** The event of a frame; none of a heartbeat or another frame without data. */
function eventOf(frame: string): ServerEvent[] {
  const [type, data] = ["event", "data"].map((field) => new RegExp(`^${field}: (.*)$`, "m").exec(frame)?.[1]);
  return type === undefined || data === undefined ? [] : [{ type, data: JSON.parse(data) } as ServerEvent];
}
