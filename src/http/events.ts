import type { ServerResponse } from "node:http";
import type { Principal } from "../domain/roles.ts";
import type { News } from "../store/news.ts";
import { eventsOf, type ServerEvent } from "./event.ts";

/** How many events a client that comes back can be behind. */
const KEPT_EVENTS = 10_000;
/** How long (ms) a client may take to read what was sent to it. */
const STALLED_MS = 60_000;
/** How long (ms) it may have taken already when the server is told to stop. */
const STOPPING_MS = 1000;
/** How many events a client that is behind is sent at a time. */
const EVENTS_AT_ONCE = 500;
/** WHATWG HTML §9.2.7 advises a comment every 15 seconds or so, against proxies that drop quiet connections. */
const HEARTBEAT_MS = 15_000;
/** How long a client waits before it comes back. */
const RETRY_MS = 2000;
/** Writes to clients in a second: with many clients events wait a little and go together. */
const WRITES_PER_SECOND = 4000;

/** Told to who comes back too late. */
const RESET: ServerEvent = {
  type: "stream.reset",
  data: { reason: "What came after this event is not known here any more; read the lists again." },
};

interface Follower {
  readonly response: ServerResponse;
  readonly principal: Principal;
  /** The number of the event that it is to be sent next. */
  next: number;
  /** Since when (ms) it has not read what was sent; null when it has. */
  waiting: number | null;
}

/** What events need of their surroundings. */
export interface EventParts {
  /** Told apart from every other start of the server: numbers begin anew. */
  readonly start: string;
  /** Tells whether a principal may still follow. */
  readonly stillGood: (principal: Principal) => boolean;
}

/**
 * Sends what happened to everybody who follows, as server-sent events. The newest are kept: who comes back with
 * `Last-Event-ID` gets what was missed, or `stream.reset` when that is not known any more and lists must be read again.
 * Who reads slowly is sent the next events when the ones before are read, and cut when those are not kept any more.
 */
export class EventStreams {
  readonly #parts: EventParts;
  readonly #followers = new Set<Follower>();
  /** The newest events as they are sent; the first of them has the number `#first`. */
  readonly #kept: string[] = [];
  #first = 1;
  /** From this number on events are still to be sent. */
  #unsent = 1;
  #timer: NodeJS.Timeout | null = null;
  #sentAt = -Infinity;
  readonly #heartbeat: NodeJS.Timeout;
  #cut = 0;
  #closed = false;

  constructor(parts: EventParts) {
    this.#parts = parts;
    this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MS).unref();
  }

  /** How many follow, how many events there were, and how many followers were cut as they read too slowly. */
  get counts(): { readonly followers: number; readonly events: number; readonly cut: number } {
    return { followers: this.#followers.size, events: this.#next - 1, cut: this.#cut };
  }

  /** Takes in what happened. */
  tell(news: News): void {
    for (const event of eventsOf(news)) this.#keep(event);
    this.#sendSoon();
  }

  /** Answers a client with what happens from now on, or since an event. */
  follow(response: ServerResponse, principal: Principal, lastEventId: string | null): void {
    this.#send();
    const next = lastEventId === null ? this.#next : this.#numberAfter(lastEventId);
    const follower: Follower = { response, principal, next: next ?? this.#next, waiting: null };
    const gone = (): boolean => this.#followers.delete(follower);
    response.on("close", gone).on("error", gone);
    response.on("drain", () => this.#goOn(follower));
    response.write(`retry: ${RETRY_MS}\n\n${next === null ? this.#frame(this.#next - 1, RESET) : ""}`);
    this.#goOn(follower);
    if (this.#closed) response.end();
    else this.#followers.add(follower);
  }

  /** Ends all streams; what was told before is sent, but to those that have not read for a while. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#heartbeat);
    this.#send();
    const late = performance.now() - STOPPING_MS;
    for (const follower of this.#followers) {
      if ((follower.waiting ?? Infinity) < late) this.#cutOff(follower);
      else this.#end(follower);
    }
  }

  get #next(): number {
    return this.#first + this.#kept.length;
  }

  #frame(number: number, { type, data }: ServerEvent): string {
    return `id: ${this.#parts.start}-${number}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
  }

  #keep(event: ServerEvent): void {
    this.#kept.push(this.#frame(this.#next, event));
    // Now and then a piece of the list at once, as its beginning is dear to cut off.
    if (this.#kept.length < 2 * KEPT_EVENTS) return;
    this.#send();
    this.#kept.splice(0, KEPT_EVENTS);
    this.#first += KEPT_EVENTS;
    for (const follower of this.#followers) if (follower.next < this.#first) this.#cutOff(follower);
  }

  /** The number of the event after one; null when that is not known any more. */
  #numberAfter(lastEventId: string): number | null {
    const [, start, number] = /^(\w+)-(\d{1,15})$/.exec(lastEventId) ?? [];
    const next = Number(number) + 1;
    return start === this.#parts.start && next >= this.#first && next <= this.#next ? next : null;
  }

  #sendSoon(): void {
    if (this.#timer !== null) return;
    const apart = (this.#followers.size / WRITES_PER_SECOND) * 1000;
    const wait = Math.max(0, this.#sentAt + apart - performance.now());
    this.#timer = setTimeout(() => this.#send(), wait);
  }

  #send(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#unsent === this.#next) return;
    const from = this.#unsent;
    this.#unsent = this.#next;
    this.#sentAt = performance.now();
    // Nearly all of them are sent the same.
    const bytes = Buffer.from(this.#kept.slice(from - this.#first).join(""));
    for (const follower of this.#followers) {
      if (follower.next === from && follower.waiting === null) this.#write(follower, bytes, this.#next);
      else if (follower.waiting === null) this.#goOn(follower);
    }
  }

  /** Sends a follower that has read everything so far what it has not been sent. */
  #goOn(follower: Follower): void {
    follower.waiting = null;
    if (follower.response.writableEnded) return;
    while (follower.waiting === null && follower.next < this.#unsent) {
      const end = Math.min(follower.next + EVENTS_AT_ONCE, this.#unsent);
      const frames = this.#kept.slice(follower.next - this.#first, end - this.#first);
      this.#write(follower, Buffer.from(frames.join("")), end);
    }
  }

  #write(follower: Follower, bytes: Buffer | string, next: number): void {
    follower.next = next;
    if (!follower.response.write(bytes)) follower.waiting = performance.now();
  }

  #end(follower: Follower): void {
    this.#followers.delete(follower);
    follower.response.end();
  }

  #cutOff(follower: Follower): void {
    this.#cut++;
    this.#followers.delete(follower);
    follower.response.destroy();
  }

  #beat(): void {
    const now = performance.now();
    for (const follower of this.#followers) {
      const { principal, waiting, next } = follower;
      if (!this.#parts.stillGood(principal)) this.#end(follower);
      else if (waiting === null) this.#write(follower, ": heartbeat\n\n", next);
      else if (now - waiting > STALLED_MS) this.#cutOff(follower);
    }
  }
}
