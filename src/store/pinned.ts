import type { GitObject, Oid } from "../git/objects.ts";
import type { Repository, WriteGroup } from "../git/repository.ts";
import { tipsOf } from "./derived.ts";

/** A repository with its refs as they were at one moment, so that what is read of it fits together while others write to it. */
export class PinnedRepository implements Repository {
  readonly #below: Repository;
  readonly #refs: ReadonlyMap<string, Oid>;

  /** Stands on another repository, whose objects stay. */
  constructor(below: Repository) {
    this.#below = below;
    this.#refs = tipsOf(below);
  }

  read(oid: Oid): GitObject | null {
    return this.#below.read(oid);
  }

  ref(name: string): Oid | null {
    return this.#refs.get(name) ?? null;
  }

  refs(prefix: string): Map<string, Oid> {
    return new Map([...this.#refs].filter(([name]) => name.startsWith(prefix)));
  }

  async apply(_group: WriteGroup): Promise<void> {
    throw new Error("a repository is not written to through what pins it");
  }

  async settle(): Promise<void> {
    // It does not go on.
  }

  async close(): Promise<void> {
    // The one below is its owner's.
  }
}
