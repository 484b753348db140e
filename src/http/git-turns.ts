import type { Principal } from "../domain/roles.ts";

/** Requests of git that are at work for one key at a time: each is up to five processes. */
const AT_ONCE = 8;

/** Lets requests of git wait for their turn, so that one who asks for much, or sends slowly, does not keep others from git. */
export class GitTurns {
  readonly #atWork = new Map<string, number>();
  readonly #waiting = new Map<string, (() => void)[]>();

  /** Waits for a turn of whoever asks, told apart by key, without one by address. Returns what gives it back; once is enough, more do no harm. */
  async take({ name, key }: Principal, address: string): Promise<() => void> {
    const who = key === null ? `address ${address}` : `key ${name}`;
    const atWork = this.#atWork.get(who) ?? 0;
    if (atWork < AT_ONCE) this.#atWork.set(who, atWork + 1);
    else {
      const waiting = this.#waiting.get(who) ?? [];
      this.#waiting.set(who, waiting);
      await new Promise<void>((begin) => waiting.push(begin));
    }
    let given = false;
    return () => {
      if (given) return;
      given = true;
      this.#giveBack(who);
    };
  }

  #giveBack(who: string): void {
    const waiting = this.#waiting.get(who) ?? [];
    const next = waiting.shift();
    if (waiting.length === 0) this.#waiting.delete(who);
    // A turn passes from hand to hand.
    if (next !== undefined) return next();
    const left = (this.#atWork.get(who) ?? 1) - 1;
    if (left === 0) this.#atWork.delete(who);
    else this.#atWork.set(who, left);
  }
}
