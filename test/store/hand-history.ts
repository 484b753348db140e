import { canonicalJson, type Json } from "../../src/domain/json.ts";
import { documentPath } from "../../src/domain/layout.ts";
import { encodeCommit } from "../../src/git/commit.ts";
import { type EncodedObject, encodeObject, type GitObject, type Oid, type ReadObject } from "../../src/git/objects.ts";
import { formatTree, readTree } from "../../src/git/tree.ts";
import { editTree } from "../../src/git/tree-edit.ts";

const WHO = { name: "hand", email: "hand@example.org", seconds: 1_700_000_000 };

/** What a commit changes, by path: text as it is, JSON in canonical form, null for nothing there any more. */
export type Edits = Readonly<Record<string, Json | string | null>>;

/** Where a document of a collection lies that is split once. */
export const at = (collection: string, id: string): string => documentPath(collection, id, 1);

/** A history of `main` that nothing judged, in memory. */
export class HandHistory {
  readonly objects = new Map<Oid, GitObject>();
  readonly commits: Oid[] = [];
  readonly trees: Oid[] = [];
  readonly read: ReadObject = (oid) => this.objects.get(oid) ?? null;

  #put(object: EncodedObject): Oid {
    this.objects.set(object.oid, object);
    return object.oid;
  }

  get tip(): Oid {
    return this.commits.at(-1) ?? "";
  }

  /** Adds a commit that changes some files; `trailers` end its message. */
  commit(edits: Edits, trailers = ""): Oid {
    const blobs = Object.entries(edits).map(([path, value]): [string, Oid | null] => [
      path,
      value === null ? null : this.#put(encodeObject("blob", typeof value === "string" ? value : canonicalJson(value))),
    ]);
    const { root, objects } = editTree(this.read, this.trees.at(-1) ?? null, new Map(blobs));
    for (const object of objects) this.#put(object);
    return this.#add(root ?? "", `By hand\n\n${trailers}`);
  }

  /** Adds a commit that gives a file another mode. */
  changeMode(path: string, mode: string): Oid {
    const changed = (tree: Oid, [name, ...inside]: readonly string[]): Oid => {
      const entries = readTree(this.read, tree).map((entry) => {
        if (entry.name !== name) return entry;
        return inside.length === 0 ? { ...entry, mode } : { ...entry, oid: changed(entry.oid, inside) };
      });
      return this.#put(encodeObject("tree", formatTree(entries)));
    };
    return this.#add(changed(this.trees.at(-1) ?? "", path.split("/")), "Another mode\n");
  }

  #add(tree: Oid, message: string): Oid {
    const who = { author: WHO, committer: WHO };
    const commit = this.#put(encodeCommit({ tree, parents: this.commits.slice(-1), ...who, message }));
    this.trees.push(tree);
    this.commits.push(commit);
    return commit;
  }
}
