import { decodeId, foldId } from "../domain/ids.ts";
import { CONFIG_COLLECTION, documentAt } from "../domain/layout.ts";
import type { Violation } from "../domain/verdict.ts";
import type { Oid, ReadObject } from "../git/objects.ts";
import { readTree } from "../git/tree.ts";
import type { RunFile } from "./changed-files.ts";
import { treeAt } from "./documents.ts";

/** The names beside files that a run adds, and those of their folders, that some file systems cannot tell apart. */
export function nameCollisions(read: ReadObject, tree: Oid, files: readonly RunFile[]): Violation[] {
  const added = files.filter(({ bases, theirs }) => theirs !== null && bases.every((oid) => oid === null));
  const folders = new Set(added.flatMap(({ path }) => foldersOf(path)));
  return [...folders].flatMap((folder) => {
    const names = new Map<string, string>();
    return readTree(read, folder === "" ? tree : treeAt(read, tree, folder)).flatMap(({ name }) => {
      const folded = foldId(decodeId(name.replace(/\.json$/, "")) ?? name);
      const other = names.get(folded);
      names.set(folded, name);
      if (other === undefined) return [];
      const message = `${folder}/${name} and ${other} differ only in case or normal form.`;
      const named = documentAt(`${folder}/${name}`) ?? { collection: CONFIG_COLLECTION, id: `${folder}/${name}` };
      return [{ code: "id_collision" as const, ...named, pointer: "", message }];
    });
  });
}

/** The folder of a file; of a file that a run brings along all of them. */
function foldersOf(path: string): string[] {
  const parts = path.split("/").slice(0, -1);
  return parts[0] === "artifacts" ? parts.map((_, depth) => parts.slice(0, depth + 1).join("/")) : [parts.join("/")];
}
