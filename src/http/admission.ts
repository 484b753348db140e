import type { Operation } from "../contract/operation.ts";
import { RuntreeError } from "../domain/errors.ts";
import type { Principal } from "../domain/roles.ts";
import type { Store } from "../store/store.ts";

/** What writes are let in by. */
export interface AdmissionLimits {
  /** How many runs of one key may be open at a time. */
  readonly openRuns: number;
  /** Throws `disk_full` while there is too little room. */
  readonly requireRoom: () => void;
}

/** Lets requests that write in while there is room for them. What was carried out before is answered without it. */
export class Admission {
  readonly #store: Store;
  readonly #limits: AdmissionLimits;
  /** By principal: how many runs are being opened, and so not counted by the index yet. */
  readonly #opening = new Map<string, number>();

  constructor(store: Store, limits: AdmissionLimits) {
    this.#store = store;
    this.#limits = limits;
  }

  /** Does the work of a request. Throws `disk_full`, `too_many_runs`, and what the work throws. */
  async admit<Result>(
    { method, opensRun }: Operation,
    { name, key }: Principal,
    work: () => Promise<Result>,
  ): Promise<Result> {
    if (method !== "GET") this.#limits.requireRoom();
    if (opensRun !== true || key === null) return work();
    const opening = this.#opening.get(name) ?? 0;
    const open = this.#store.runs.openCountOf(name) + opening;
    if (open >= this.#limits.openRuns) {
      const words = `${name} has ${open} open runs, which is as many as a key may have; finish or cancel some.`;
      throw new RuntreeError("too_many_runs", words, { open });
    }
    this.#opening.set(name, opening + 1);
    try {
      return await work();
    } finally {
      const left = (this.#opening.get(name) ?? 1) - 1;
      if (left === 0) this.#opening.delete(name);
      else this.#opening.set(name, left);
    }
  }
}
