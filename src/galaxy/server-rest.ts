import type { GalaxyLimits } from "./galaxy-limits.ts";

/** A clock in ms since 1970, and a number from 0 up to 1 by chance. */
export interface Chance {
  readonly clock: () => number;
  readonly random: () => number;
}

/**
 * When a server is left alone: after failures in a row, for times that grow up to a limit, and when it asks for it.
 * After a rest of the first kind one request goes ahead, and the others wait for how it fares.
 */
export class ServerRest {
  readonly #limits: GalaxyLimits;
  readonly #chance: Chance;
  /** In a row. */
  #failures = 0;
  /** Of our own making, without an answer in between. */
  #rests = 0;
  #restsUntil = 0;
  #askedUntil = 0;
  #goesAhead = false;

  constructor(limits: GalaxyLimits, chance: Chance) {
    this.#limits = limits;
    this.#chance = chance;
  }

  /** Until when (ms since 1970) nothing is asked: never longer from now than a rest may be, if the clock was put back. */
  get until(): number {
    const [now, { mostRestMs, mostAskedRestMs }] = [this.#chance.clock(), this.#limits];
    this.#restsUntil = Math.min(this.#restsUntil, now + mostRestMs);
    this.#askedUntil = Math.min(this.#askedUntil, now + mostAskedRestMs);
    return Math.max(this.#restsUntil, this.#askedUntil);
  }

  /** Tells whether a request may be made now. After a yes, one of `answered`, `failed` or `askedToRest` has to follow. */
  mayAsk(): boolean {
    if (this.#chance.clock() < this.until || this.#goesAhead) return false;
    this.#goesAhead = this.#rests > 0;
    return true;
  }

  /** The server answered, whatever it said. */
  answered(): void {
    this.#failures = 0;
    this.#rests = 0;
    this.#restsUntil = 0;
    this.#goesAhead = false;
  }

  failed(): void {
    this.#goesAhead = false;
    this.#failures += 1;
    if (this.#failures >= this.#limits.failures) this.#rest();
  }

  /** The server has too much to do, and says for how many ms, or null. */
  askedToRest(ms: number | null): void {
    if (ms === null) {
      this.#goesAhead = false;
      return this.#rest();
    }
    this.answered();
    // A time that has passed asks for a rest as well, if a short one.
    const { restMs, mostAskedRestMs } = this.#limits;
    const until = this.#chance.clock() + Math.min(Math.max(ms, restMs), mostAskedRestMs);
    this.#askedUntil = Math.max(this.#askedUntil, until);
  }

  /** A rest of our own. Requests that were under way when it began change nothing about it. */
  #rest(): void {
    const now = this.#chance.clock();
    if (now < this.until) return;
    const { restMs, mostRestMs } = this.#limits;
    this.#restsUntil = now + jittered(Math.min(restMs * 2 ** this.#rests, mostRestMs), this.#chance.random);
    this.#rests += 1;
  }
}

/** Between half of a time and all of it. */
export function jittered(ms: number, random: () => number): number {
  return ms * (0.5 + random() / 2);
}
