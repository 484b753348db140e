import { hasCode, type RuntreeError } from "../domain/errors.ts";
import type { FileSystem } from "./files.ts";
import { readLoose, writeLoose } from "./loose.ts";
import { ObjectCache } from "./object-cache.ts";
import type { EncodedObject, GitObject, Oid } from "./objects.ts";
import { buildPack, writePack } from "./pack-writer.ts";
import { Packs } from "./packs.ts";
import { RefReader } from "./ref-reader.ts";
import { listRefs, moveRefs } from "./refs.ts";
import type { Repository, WriteGroup } from "./repository.ts";

/** Bytes of objects kept in memory: the documents of `main` where there are some 100,000. */
const CACHE_BYTES = 192 * 1024 * 1024;

/** More objects than this become a pack: a loose file costs an fsync, a pack costs every reader a look into it. */
const MOST_LOOSE = 32;

/** A bare repository on disk: objects loose or in packs, refs in git's files format. */
export class BareRepository implements Repository {
  readonly gitDir: string;
  readonly #fs: FileSystem;
  readonly #cache: ObjectCache;
  readonly #packs: Packs;
  readonly #refs: RefReader;

  /** `cacheBytes` of objects are kept in memory, and a third of it of what others are told against in packs: mostly the same bytes. */
  constructor(fs: FileSystem, gitDir: string, cacheBytes: number = CACHE_BYTES) {
    this.#fs = fs;
    this.#cache = new ObjectCache(cacheBytes);
    this.gitDir = gitDir;
    this.#packs = new Packs(fs, gitDir, cacheBytes / 3);
    this.#refs = new RefReader(fs, gitDir);
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
    if (object !== null) this.#cache.set(oid, withOwnBytes(object));
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
    return this.#refs.get(name);
  }

  refs(prefix: string): Map<string, Oid> {
    return listRefs(this.#fs, this.gitDir, prefix);
  }

  /** Puts objects into the cache, where reading looks first, but for those that others of them took the place of. */
  remember(objects: readonly EncodedObject[]): void {
    const replaced = new Set(objects.map(({ base }) => base));
    for (const { oid, type, data } of objects) {
      if (!replaced.has(oid)) this.#cache.set(oid, withOwnBytes({ type, data }));
    }
  }

  /** Writes a group to where stock git looks for it: objects loose or, when there are many, as a pack; then the refs. */
  async apply({ objects, refs }: WriteGroup): Promise<void> {
    const release = this.#writeObjects(objects);
    try {
      if (refs.length > 0) await moveRefs(this.#fs, this.gitDir, refs);
    } finally {
      release();
    }
    this.remember(objects);
  }

  #writeObjects(objects: readonly EncodedObject[]): () => void {
    if (objects.length > MOST_LOOSE) return writePack(this.#fs, this.gitDir, buildPack(objects));
    writeLoose(this.#fs, this.gitDir, objects);
    return () => undefined;
  }

  async settle(): Promise<void> {
    // Everything is where git looks for it as soon as it is acknowledged.
  }

  async close(): Promise<void> {
    this.#packs.close();
  }
}

/** An object whose bytes do not keep more than themselves in memory: a slice of a pool or a larger buffer keeps all of it. */
function withOwnBytes(object: GitObject): GitObject {
  if (object.data.buffer.byteLength <= 2 * object.data.length) return object;
  const data = Buffer.allocUnsafeSlow(object.data.length);
  object.data.copy(data);
  return { type: object.type, data };
}
