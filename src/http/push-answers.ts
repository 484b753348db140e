import { randomUUID } from "node:crypto";
import { type AskedPush, checkPush, type PushLimits } from "../actions/check-push.ts";
import { judgePush } from "../actions/judge-push.ts";
import { LOCAL, type Principal } from "../domain/roles.ts";
import type { KeyRing } from "../store/key-ring.ts";
import type { Store } from "../store/store.ts";
import { HeldRuns } from "./held-runs.ts";

/** What the hooks of the repository ask about a push. */
export interface PushQuestion extends AskedPush {
  readonly kind: "check" | "judge";
  readonly pusher: string;
  /** The id of the key; empty where none was asked for. */
  readonly key: string;
  /** What `begin` returned for a push that this server serves; anything else came by path or ssh. */
  readonly way: string;
}

/** Whether it is let in, and what whoever pushes is told. */
export interface PushAnswer {
  readonly ok: boolean;
  readonly lines: readonly string[];
}

/** Answers the hooks of the repository: whether a push may come in, and then what became of it. */
export class PushAnswers {
  readonly #store: Store;
  readonly #ring: KeyRing;
  readonly #limits: PushLimits;
  /** The pushes that this server serves, and the runs that they hold. */
  readonly #served = new Map<string, HeldRuns | null>();

  constructor(store: Store, ring: KeyRing, limits: PushLimits) {
    this.#store = store;
    this.#ring = ring;
    this.#limits = limits;
  }

  /** Begins to serve a push; what is returned names it to the hooks. */
  begin(): string {
    const way = randomUUID();
    this.#served.set(way, null);
    return way;
  }

  /** Ends to serve a push, however that went. */
  end(way: string): void {
    this.#served.get(way)?.release();
    this.#served.delete(way);
  }

  async answer(asked: PushQuestion): Promise<PushAnswer> {
    return asked.kind === "check" ? this.#check(asked) : { ok: true, lines: await this.#judge(asked) };
  }

  async #check(asked: PushQuestion): Promise<PushAnswer> {
    if (this.#served.has(asked.way)) {
      const runs = asked.moves.map(({ run }) => run);
      this.#served.set(asked.way, await HeldRuns.take(this.#store, runs));
    }
    const lines = await checkPush(this.#store, this.#pusherOf(asked), asked, this.#limits);
    return { ok: lines.length === 0, lines };
  }

  async #judge({ moves, way }: PushQuestion): Promise<string[]> {
    const held = this.#served.get(way);
    if (held != null) return judgePush(this.#store, moves, async (_, work) => held.work(work));
    const lines = await judgePush(this.#store, moves, async (run, work) => this.#store.turns.take(`run ${run}`, work));
    // Whoever has the repository at hand looks into it next.
    await this.#store.repository.settle();
    return lines;
  }

  /** Who pushes. A name that no key has is vouched for by this machine, which may have its own ways of knowing people (ssh). */
  #pusherOf({ pusher, key }: PushQuestion): Principal {
    if (pusher === LOCAL.name) return LOCAL;
    return this.#ring.actingAs(pusher, key) ?? { name: pusher, role: "agent", key: null };
  }
}
