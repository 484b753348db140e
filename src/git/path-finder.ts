import type { Oid, ReadObject } from "./objects.ts";
import { findEntry, isTree, type TreeEntry } from "./tree.ts";

/** How many folders are remembered: about 300 bytes each. */
const MOST = 10_000;

/** Finds paths and remembers the folders that it passed, of one tree: that of `main` is asked again and again. */
export class PathFinder {
  #root: Oid | null = null;
  readonly #folders = new Map<string, Oid>();

  /** Finds the entry at a path of a tree; null when there is none. Throws `corrupt_object` as `findEntry` does. */
  find(read: ReadObject, root: Oid, path: string): TreeEntry | null {
    if (root !== this.#root || this.#folders.size >= MOST) {
      this.#folders.clear();
      this.#root = root;
    }
    const slash = path.lastIndexOf("/");
    if (slash < 0) return findEntry(read, root, path);
    const folder = this.#folderAt(read, root, path.slice(0, slash));
    return folder === null ? null : findEntry(read, folder, path.slice(slash + 1));
  }

  #folderAt(read: ReadObject, root: Oid, path: string): Oid | null {
    const known = this.#folders.get(path);
    if (known !== undefined) return known;
    const entry = findEntry(read, root, path);
    if (entry === null || !isTree(entry)) return null;
    this.#folders.set(path, entry.oid);
    return entry.oid;
  }
}
