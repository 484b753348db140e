import type { FileSystem } from "./files.ts";
import { writeLoose } from "./loose.ts";
import { ObjectFolder } from "./object-folder.ts";
import type { EncodedObject, GitObject, Oid } from "./objects.ts";
import { buildPack, writePack } from "./pack-writer.ts";
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
  readonly #objects: ObjectFolder;
  readonly #refs: RefReader;

  /** `cacheBytes` of objects are kept in memory. */
  constructor(fs: FileSystem, gitDir: string, cacheBytes: number = CACHE_BYTES) {
    this.#fs = fs;
    this.gitDir = gitDir;
    this.#objects = new ObjectFolder(fs, `${gitDir}/objects`, cacheBytes);
    this.#refs = new RefReader(fs, gitDir);
  }

  read(oid: Oid): GitObject | null {
    return this.#objects.read(oid);
  }

  ref(name: string): Oid | null {
    return this.#refs.get(name);
  }

  refs(prefix: string): Map<string, Oid> {
    return listRefs(this.#fs, this.gitDir, prefix);
  }

  /** Puts objects where reading looks first, but for those that others of them took the place of. */
  remember(objects: readonly EncodedObject[]): void {
    this.#objects.remember(objects);
  }

  /** Writes a group to where stock git looks for it: objects loose or, when there are many, as a pack; then the refs. */
  async apply({ objects, refs }: WriteGroup): Promise<void> {
    const release = await this.#writeObjects(objects);
    try {
      if (refs.length > 0) await moveRefs(this.#fs, this.gitDir, refs);
    } finally {
      release();
    }
    this.remember(objects);
  }

  async #writeObjects(objects: readonly EncodedObject[]): Promise<() => void> {
    if (objects.length > MOST_LOOSE) return writePack(this.#fs, this.gitDir, buildPack(objects));
    await writeLoose(this.#fs, `${this.gitDir}/objects`, objects);
    return () => undefined;
  }

  async settle(): Promise<void> {
    // Everything is where git looks for it as soon as it is acknowledged.
  }

  async close(): Promise<void> {
    this.#objects.close();
  }
}
