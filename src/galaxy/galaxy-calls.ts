import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { LRUCache } from "lru-cache";
import { Pool } from "undici";
import { RuntreeError } from "../domain/errors.ts";
import type { WorkflowServerFault } from "../domain/workflow-server.ts";
import { exchange, type Exchanged, type ExchangeRequest } from "./exchange.ts";
import { noAnswer, refused } from "./galaxy-error.ts";
import type { GalaxyLimits } from "./galaxy-limits.ts";
import { retryAfterMs } from "./retry-after.ts";
import { type Chance, jittered, ServerRest } from "./server-rest.ts";

/** Where a server is, and how it is asked. */
export interface GalaxyAddress extends Chance {
  /** The name that the operator gave it. */
  readonly name: string;
  /** Such as `https://usegalaxy.org`; a path in it goes before all others. */
  readonly url: string;
  readonly key: string;
  readonly limits: GalaxyLimits;
}

/** A call, and how its answer is understood; `read` throws at what it does not understand. */
export interface GalaxyCall<Answer> {
  /** What errors call it. */
  readonly call: string;
  readonly method?: ExchangeRequest["method"];
  /** Below `/api`, each already fit for a path. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** It is asked again and again, and mostly answered the same: such an answer is not read anew, but is the object it was. */
  readonly often?: true;
  readonly read: (answer: unknown) => Answer;
}

type Judged<Answer> =
  | { readonly answer: Answer }
  | { readonly error: RuntreeError; readonly again: boolean; readonly rest: Rest };

/** What an outcome means for the server: all is well with it, it failed, or it asks for a rest. */
type Rest = "answered" | "failed" | { readonly askedMs: number | null };

/** How many answers that are asked for often are kept as they were read, and how many bytes they came in, all together. */
const MOST_READ = 20_000;
const MOST_READ_BYTES = 67_108_864;

/** What stands for our key where a server repeats it; a shorter key may be a word that means something else. */
const HIDDEN = "(the key)";
const LEAST_HIDDEN = 8;

/** Calls to one server: its connections, when it rests, and what is tried again. */
export class GalaxyCalls {
  readonly name: string;
  readonly #address: GalaxyAddress;
  readonly #pool: Pool;
  readonly #prefix: string;
  readonly #rest: ServerRest;
  readonly #stop = new AbortController();
  /** What was read of answers that are asked for often, by path. */
  readonly #read = new LRUCache<string, { readonly digest: string; readonly answer: unknown }>({
    max: MOST_READ,
    maxSize: MOST_READ_BYTES,
  });

  /** Throws `bad_configuration`. */
  constructor(address: GalaxyAddress) {
    const { origin, path } = checkedUrl(address);
    const { connections, connectMs } = address.limits;
    this.name = address.name;
    this.#address = address;
    this.#prefix = path;
    this.#rest = new ServerRest(address.limits, address);
    this.#pool = new Pool(origin, { connections, connect: { timeout: connectMs } });
  }

  get restsUntil(): number {
    return this.#rest.until;
  }

  /** Ends whatever is under way, as `closed`. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#pool.destroy();
  }

  /** Makes a call. Only those that read are tried again, and only while the server is not to rest and the time lasts. */
  async ask<Answer>(call: GalaxyCall<Answer>): Promise<Answer> {
    const { clock, random, limits } = this.#address;
    const until = clock() + limits.callMs;
    let last: RuntreeError | null = null;
    for (let tried = 0; ; tried += 1) {
      if (!this.#rest.mayAsk()) throw last ?? this.#resting(call);
      const judged = this.#judge(call, await this.#exchange(call, until - clock()));
      if ("answer" in judged) {
        this.#rest.answered();
        return judged.answer;
      }
      this.#note(judged.rest);
      last = judged.error;
      const wait = jittered(limits.retryMs * 2 ** tried, random);
      const mayRead = (call.method ?? "GET") === "GET" && judged.again && tried < limits.retries;
      if (!mayRead || clock() < this.restsUntil || clock() + wait >= until) throw last;
      await pause(wait, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    }
  }

  #exchange({ method = "GET", path, query, body }: GalaxyCall<unknown>, left: number): Promise<Exchanged> {
    const { limits, key } = this.#address;
    const asked = query === undefined ? "" : `?${new URLSearchParams(query).toString()}`;
    const request: ExchangeRequest = {
      method,
      path: `${this.#prefix}/api${path}${asked}`,
      headers: {
        "x-api-key": key,
        accept: "application/json",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    };
    return exchange(this.#pool, request, {
      ms: Math.max(1, Math.min(limits.answerMs, left)),
      bytes: limits.answerBytes,
    });
  }

  #note(rest: Rest): void {
    if (rest === "answered") this.#rest.answered();
    else if (rest === "failed") this.#rest.failed();
    else this.#rest.askedToRest(rest.askedMs);
  }

  #judge<Answer>(call: GalaxyCall<Answer>, exchanged: Exchanged): Judged<Answer> {
    if (exchanged.status === null) {
      const { sent, reason, cause } = exchanged;
      if (reason === "refused") throw new Error("An exchange refuses nothing.", { cause });
      const error = noAnswer({ ...this.#about(call, sent), reason }, cause);
      return { error, again: reason !== "too_large" && reason !== "closed", rest: "failed" };
    }
    const { status, headers, body } = exchanged;
    if (status < 300) {
      try {
        return { answer: call.often === true ? this.#readOften(call, body) : call.read(this.#json(body)) };
      } catch (cause) {
        const error = noAnswer({ ...this.#about(call, true), reason: "unreadable" }, cause);
        return { error, again: true, rest: "failed" };
      }
    }
    const header = headers["retry-after"];
    const after = retryAfterMs(Array.isArray(header) ? header[0] : header, this.#address.clock());
    const asked = status === 429 || (status === 503 && after !== null);
    const fault = {
      ...this.#about(call, true, status),
      status,
      ...(asked && after !== null ? { retry_after_ms: after } : {}),
    };
    const rest = asked ? { askedMs: after } : status < 500 ? "answered" : "failed";
    return { error: refused(fault, this.#jsonOrNull(body)), again: status >= 500, rest };
  }

  #readOften<Answer>(call: GalaxyCall<Answer>, body: Buffer): Answer {
    const digest = createHash("sha1").update(body).digest("base64");
    const known = this.#read.get(call.path);
    if (known?.digest === digest) return known.answer as Answer;
    const answer = call.read(this.#json(body));
    this.#read.set(call.path, { digest, answer }, { size: Math.max(1, body.length) });
    return answer;
  }

  /** The JSON of an answer, without our key: some servers repeat it in what they say about an error. */
  #json(body: Buffer): unknown {
    const { key } = this.#address;
    const text = body.toString("utf8");
    return JSON.parse(key.length < LEAST_HIDDEN ? text : text.replaceAll(key, HIDDEN));
  }

  #jsonOrNull(body: Buffer): unknown {
    try {
      return this.#json(body);
    } catch {
      return null;
    }
  }

  #resting(call: GalaxyCall<unknown>): RuntreeError {
    const wait = Math.max(0, this.restsUntil - this.#address.clock());
    const reason = this.#stop.signal.aborted ? "closed" : "resting";
    return noAnswer({ ...this.#about(call, false), reason, retry_after_ms: Math.ceil(wait) });
  }

  /** What was refused with a 4xx was not done; what got another answer, or none, may have been. */
  #about(
    { call, method = "GET" }: GalaxyCall<unknown>,
    sent: boolean,
    status?: number,
  ): Pick<WorkflowServerFault, "server" | "call" | "sent" | "effect"> {
    const undone = status !== undefined && status >= 400 && status < 500 && status !== 408;
    return { server: this.name, call, sent, effect: method === "GET" || !sent || undone ? "none" : "unknown" };
  }
}

function checkedUrl({ name, url, key }: GalaxyAddress): { origin: string; path: string } {
  const refuse = (words: string): RuntreeError =>
    new RuntreeError("bad_configuration", `Galaxy "${name}": ${words}.`, { server: name });
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null || !/^https?:$/.test(parsed.protocol))
    throw refuse(`${url} is no address of a server; one looks like https://usegalaxy.org`);
  if (parsed.username !== "" || parsed.password !== "" || parsed.search !== "" || parsed.hash !== "")
    throw refuse("its address may have a path, and nothing behind it or before the host");
  if (!/^[\x21-\x7e]+$/.test(key)) throw refuse("its key must be printable characters without a space");
  return { origin: parsed.origin, path: parsed.pathname.replace(/\/+$/, "") };
}
