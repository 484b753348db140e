import { type FileSystem, ioError } from "./files.ts";
import type { Oid } from "./objects.ts";
import { readLooseRef, readPackedRefs } from "./refs.ts";

/** How many refs are remembered; then it begins anew. */
const REMEMBERED = 20_000;

/** What a file is told apart by from the one that replaces it. */
function stampOf(fs: FileSystem, path: string): string | null {
  try {
    const stat = fs.statSync(path, { throwIfNoEntry: false });
    return stat === undefined || stat.isDirectory() ? null : `${stat.ino}:${stat.size}:${stat.mtimeMs}`;
  } catch (error) {
    throw ioError(error, "looking at", path);
  }
}

/** Reads refs from disk; a file is read again only when it is another one. git and we replace them, and never write into them. */
export class RefReader {
  readonly #fs: FileSystem;
  readonly #gitDir: string;
  readonly #loose = new Map<string, { stamp: string; oid: Oid }>();
  #packed: { stamp: string | null; refs: ReadonlyMap<string, Oid> } = { stamp: null, refs: new Map() };

  constructor(fs: FileSystem, gitDir: string) {
    this.#fs = fs;
    this.#gitDir = gitDir;
  }

  /** Where a ref is; null when it does not exist. Throws `corrupt_ref` when its file is empty or torn. */
  get(ref: string): Oid | null {
    const stamp = stampOf(this.#fs, `${this.#gitDir}/${ref}`);
    if (stamp === null) return this.#inPacked(ref);
    const known = this.#loose.get(ref);
    if (known?.stamp === stamp) return known.oid;
    const oid = readLooseRef(this.#fs, this.#gitDir, ref);
    // It went between the two looks.
    if (oid === null) return this.#inPacked(ref);
    if (this.#loose.size >= REMEMBERED) this.#loose.clear();
    this.#loose.set(ref, { stamp, oid });
    return oid;
  }

  #inPacked(ref: string): Oid | null {
    const stamp = stampOf(this.#fs, `${this.#gitDir}/packed-refs`);
    if (stamp !== this.#packed.stamp) this.#packed = { stamp, refs: readPackedRefs(this.#fs, this.#gitDir) };
    return this.#packed.refs.get(ref) ?? null;
  }
}

/** How long (ms) a ref that was looked at is taken for where it is, and how many are. */
const SEEN_MS = 1;
const MOST_SEEN = 1000;

/** Refs as they were a moment ago: one request asks for the same ref several times. */
export class SeenRefs {
  readonly #look: (ref: string) => Oid | null;
  readonly #seen = new Map<string, { readonly oid: Oid | null; readonly until: number }>();

  constructor(look: (ref: string) => Oid | null) {
    this.#look = look;
  }

  get(ref: string): Oid | null {
    const seen = this.#seen.get(ref);
    const now = performance.now();
    if (seen !== undefined && now < seen.until) return seen.oid;
    const oid = this.#look(ref);
    if (this.#seen.size >= MOST_SEEN) this.#seen.clear();
    this.#seen.set(ref, { oid, until: now + SEEN_MS });
    return oid;
  }

  /** Makes the next question look again. */
  clear(): void {
    this.#seen.clear();
  }
}
