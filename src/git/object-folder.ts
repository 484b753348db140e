import { hasCode, type RuntreeError } from "../domain/errors.ts";
import type { FileSystem } from "./files.ts";
import { readLoose } from "./loose.ts";
import { ObjectCache } from "./object-cache.ts";
import type { EncodedObject, GitObject, Oid } from "./objects.ts";
import { Packs } from "./packs.ts";

/** The objects of a folder such as `objects`, loose or in packs, and those of them that were read lately. */
export class ObjectFolder {
  readonly #fs: FileSystem;
  readonly #folder: string;
  readonly #cache: ObjectCache;
  readonly #packs: Packs;

  /** `cacheBytes` of objects are kept in memory, and a third of it of what others are told against in packs: mostly the same bytes. */
  constructor(fs: FileSystem, folder: string, cacheBytes: number) {
    this.#fs = fs;
    this.#folder = folder;
    this.#cache = new ObjectCache(cacheBytes);
    this.#packs = new Packs(fs, folder, cacheBytes / 3);
  }

  /** Reads an object; null when the folder does not have it. Throws `corrupt_object` when all there is of it is damaged. */
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
      return readLoose(this.#fs, this.#folder, oid);
    } catch (error) {
      if (!hasCode(error, "corrupt_object")) throw error;
      faults.push(error);
      return null;
    }
  }

  /** Puts objects into the cache, where reading looks first, but for those that others of them took the place of. */
  remember(objects: readonly EncodedObject[]): void {
    const replaced = new Set(objects.map(({ base }) => base));
    for (const { oid, type, data } of objects) {
      if (!replaced.has(oid)) this.#cache.set(oid, withOwnBytes({ type, data }));
    }
  }

  close(): void {
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
