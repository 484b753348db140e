import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { RuntreeError } from "../domain/errors.ts";
import { LOCAL, type Principal } from "../domain/roles.ts";

const WINDOW_SECONDS = 60;

/** A limiter that refuses throws what it found. */
function refusal(thrown: unknown): RateLimiterRes {
  if (thrown instanceof RateLimiterRes) return thrown;
  throw thrown;
}

/** Counts the requests of each key, and of each address that reads without one, in windows of a minute. */
export class RequestRate {
  readonly #limiter: RateLimiterMemory;
  readonly #perMinute: number;
  readonly #policy: string;

  constructor(perMinute: number) {
    this.#perMinute = perMinute;
    this.#policy = `"requests";q=${perMinute};w=${WINDOW_SECONDS}`;
    this.#limiter = new RateLimiterMemory({ points: perMinute, duration: WINDOW_SECONDS });
  }

  /**
   * Counts a request, and tells what is left by headers (draft-ietf-httpapi-ratelimit-headers); the person at this
   * machine is not counted. Throws `rate_limited` with the seconds to wait.
   */
  async count(principal: Principal, address: string, tell: (name: string, value: string) => void): Promise<void> {
    if (principal === LOCAL) return;
    const { name, key } = principal;
    const found = await this.#limiter.consume(key !== null ? `key ${name}` : `address ${address}`).catch(refusal);
    const seconds = Math.max(1, Math.ceil(found.msBeforeNext / 1000));
    tell("RateLimit-Policy", this.#policy);
    tell("RateLimit", `"requests";r=${found.remainingPoints};t=${seconds}`);
    if (found.consumedPoints <= this.#perMinute) return;
    const words = `${name} made more than ${this.#perMinute} requests in a minute; go on in ${seconds} s.`;
    throw new RuntreeError("rate_limited", words, { retry_after_s: seconds });
  }
}
