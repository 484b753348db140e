import { LRUCache } from "lru-cache";
import { hasCode, RuntreeError } from "../domain/errors.ts";
import type { FileSystem } from "./files.ts";
import { readLoose, writeLoose } from "./loose.ts";
import type { EncodedObject, GitObject, Oid, ReadObject } from "./objects.ts";
import { Packs } from "./packs.ts";
import { listRefs, moveRefs, readRef, type RefMove } from "./refs.ts";

/** What is written together: objects, and the ref moves that need them. */
export interface WriteGroup {
  readonly objects: readonly EncodedObject[];
  readonly refs: readonly RefMove[];
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
   * Writes a group. When it resolves, every object and ref of it is durable and visible to every reader, stock git included.
   * All refs move or none: throws `ref_moved` when one is not at its `from`, `busy`, `disk_full` or `io_failed`.
   */
  apply(group: WriteGroup): Promise<void>;
  close(): void;
}

/** A reader over a repository's objects together with some that are not written yet. */
export function readerWith(repository: Pick<Repository, "read">, objects: readonly EncodedObject[] = []): ReadObject {
  if (objects.length === 0) return (oid) => repository.read(oid);
  const fresh = new Map(objects.map((object) => [object.oid, object]));
  return (oid) => fresh.get(oid) ?? repository.read(oid);
}

/** Bytes of objects kept in memory; objects beyond a quarter of it are not kept. */
const CACHE_BYTES = 64 * 1024 * 1024;

/** A bare repository on disk: objects loose or in packs, refs in git's files format. */
export class BareRepository implements Repository {
  readonly gitDir: string;
  readonly #fs: FileSystem;
  readonly #cache: LRUCache<Oid, GitObject> = new LRUCache<Oid, GitObject>({
    maxSize: CACHE_BYTES,
    maxEntrySize: CACHE_BYTES / 4,
    sizeCalculation: (object) => object.data.length + 200,
  });
  readonly #packs: Packs;

  constructor(fs: FileSystem, gitDir: string) {
    this.#fs = fs;
    this.gitDir = gitDir;
    this.#packs = new Packs(fs, gitDir);
  }

  read(oid: Oid): GitObject | null {
    const cached = this.#cache.get(oid);
    if (cached !== undefined) return cached;
    const faults: RuntreeError[] = [];
    let object = this.#readPacked(oid, faults) ?? this.#readLoose(oid, faults);
    if (object === null) {
      this.#packs.follow(faults);
      object = this.#readPacked(oid, faults) ?? this.#readLoose(oid, faults);
    }
    if (object !== null) this.#cache.set(oid, object);
    else if (faults[0] !== undefined) throw faults[0];
    return object;
  }

  #readPacked(oid: Oid, faults: RuntreeError[]): GitObject | null {
    return this.#packs.read(oid, (base) => this.read(base), faults);
  }

  /** A torn loose object must not hide a good copy in a pack, so it is only a fault until every place was looked at. */
  #readLoose(oid: Oid, faults: RuntreeError[]): GitObject | null {
    try {
      return readLoose(this.#fs, this.gitDir, oid);
    } catch (error) {
      if (!hasCode(error, "corrupt_object")) throw error;
      faults.push(error);
      return null;
    }
  }

  ref(name: string): Oid | null {
    return readRef(this.#fs, this.gitDir, name);
  }

  refs(prefix: string): Map<string, Oid> {
    return listRefs(this.#fs, this.gitDir, prefix);
  }

  async apply(group: WriteGroup): Promise<void> {
    await writeLoose(this.#fs, this.gitDir, group.objects);
    if (group.refs.length > 0) await moveRefs(this.#fs, this.gitDir, group.refs);
    for (const { oid, type, data } of group.objects) this.#cache.set(oid, { type, data });
  }

  close(): void {
    this.#packs.close();
  }
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
      if (actual !== from)
        throw new RuntreeError("ref_moved", `${ref} is ${actual ?? "absent"}.`, { ref, expected: from, actual });
    }
    for (const { oid, type, data } of group.objects) this.#objects.set(oid, { type, data });
    for (const { ref, to } of group.refs) this.#moved.set(ref, to);
  }

  close(): void {
    this.#objects.clear();
  }
}
