import type { EncodedObject, GitObject, Oid, ReadObject } from "./objects.ts";
import { refMoved, type RefMove } from "./refs.ts";

/** What is written together: objects, and the ref moves that need them. */
export interface WriteGroup {
  readonly objects: readonly EncodedObject[];
  readonly refs: readonly RefMove[];
  /** Acknowledged as soon as it is durable: who answers settles before stock git is told to look. */
  readonly early?: true;
  /** One of several that are asked for in the same turn of the event loop: none goes to the disk before the others. */
  readonly together?: true;
}

/** The one seam between Runtree and what keeps its objects and refs. Reads are synchronous: a hot read is a cache hit or one pread. */
export interface Repository {
  /** Reads an object; null when the repository does not have it. Throws `corrupt_object`. */
  read(oid: Oid): GitObject | null;
  /** What a ref points at now; null when it does not exist. */
  ref(name: string): Oid | null;
  /** The refs below a prefix that ends in a slash. */
  refs(prefix: string): Map<string, Oid>;
  /**
   * Writes a group. When it resolves, every object and ref of it is durable and visible to every reader of this seam.
   * All refs move or none: throws `ref_moved` when one is not at its `from`, `busy`, `disk_full` or `io_failed`.
   * Groups are written in the order in which they are given; those that wait together share one write to disk.
   */
  apply(group: WriteGroup): Promise<void>;
  /** Resolves when stock git sees everything that was acknowledged before: to be waited for before git is started. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/** A reader over a repository's objects together with some that are not written yet. */
export function readerWith(repository: Pick<Repository, "read">, objects: readonly EncodedObject[] = []): ReadObject {
  if (objects.length === 0) return (oid) => repository.read(oid);
  const fresh = new Map(objects.map((object) => [object.oid, object]));
  return (oid) => fresh.get(oid) ?? repository.read(oid);
}

/** A repository that reads through to another and keeps what is written to itself: for rehearsals, which write nothing. */
export class RehearsalRepository implements Repository {
  readonly #below: Repository;
  readonly #objects = new Map<Oid, GitObject>();
  readonly #moved = new Map<string, Oid | null>();

  constructor(below: Repository) {
    this.#below = below;
  }

  read(oid: Oid): GitObject | null {
    return this.#objects.get(oid) ?? this.#below.read(oid);
  }

  ref(name: string): Oid | null {
    const moved = this.#moved.get(name);
    return moved === undefined ? this.#below.ref(name) : moved;
  }

  refs(prefix: string): Map<string, Oid> {
    const refs = this.#below.refs(prefix);
    for (const [ref, oid] of this.#moved) {
      if (!ref.startsWith(prefix)) continue;
      if (oid === null) refs.delete(ref);
      else refs.set(ref, oid);
    }
    return refs;
  }

  async apply(group: WriteGroup): Promise<void> {
    for (const { ref, from } of group.refs) {
      const actual = this.ref(ref);
      if (actual !== from) throw refMoved(ref, from, actual);
    }
    for (const { oid, type, data } of group.objects) this.#objects.set(oid, { type, data });
    for (const { ref, to } of group.refs) this.#moved.set(ref, to);
  }

  async settle(): Promise<void> {
    await this.#below.settle();
  }

  async close(): Promise<void> {
    this.#objects.clear();
  }
}
