import { execFile } from "node:child_process";
import { hash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { deflateSync } from "node:zlib";
import { runIdMaker } from "../../src/domain/run-id.ts";
import { temporaryFolder, type Until } from "./folders.ts";
import { git, plainEnvironment } from "./git.ts";

/** What a push ended with: git's exit code, and what it printed for people. */
export interface Pushed {
  readonly code: number;
  readonly told: string;
}

/** An entry of a tree as git keeps it. */
export interface Entry {
  readonly mode: string;
  readonly oid: string;
}

/** What is to be at a path: a file with this content, an entry of any kind, or nothing. */
export type Content = string | Buffer | Entry | null;

/** The folders and files below a folder, by the bytes of their names in Latin-1. */
type Folder = Map<string, Folder | Entry>;

const PERSON = "agent <agent@example.org> 1780000000 +0000";

/** Makes a new run id. */
export const newRun = (): string => makeId(Date.now());
const makeId = runIdMaker();

/** A bare clone whose objects are made byte by byte, as git's own commands refuse to make many of them. */
export class CraftedClone {
  readonly folder: string;
  /** The commit that `main` was at. */
  readonly main: string;

  constructor(folder: string) {
    this.folder = folder;
    this.main = git(folder, "rev-parse", "main").trim();
  }

  /** Writes an object, whatever it holds; returns its id. */
  put(type: "blob" | "tree" | "commit", data: Buffer | string, level = 1): string {
    const bytes = Buffer.from(data);
    const whole = Buffer.concat([Buffer.from(`${type} ${bytes.length}\0`), bytes]);
    const oid = hash("sha1", whole, "hex");
    const folder = `${this.folder}/objects/${oid.slice(0, 2)}`;
    mkdirSync(folder, { recursive: true });
    if (!existsSync(`${folder}/${oid.slice(2)}`))
      writeFileSync(`${folder}/${oid.slice(2)}`, deflateSync(whole, { level }));
    return oid;
  }

  /** Writes a tree of entries, in git's order. A name may hold a lone low surrogate U+DC80–U+DCFF for a byte that is no UTF-8. */
  tree(entries: Iterable<readonly [string, Entry]>): string {
    const ordered = [...entries].map(([name, entry]) => ({ name: bytesOf(name), ...entry }));
    const key = ({ name, mode }: (typeof ordered)[number]): Buffer =>
      mode === "40000" ? Buffer.concat([name, Buffer.from("/")]) : name;
    ordered.sort((one, other) => Buffer.compare(key(one), key(other)));
    const parts = ordered.flatMap(({ name, mode, oid }) => [
      Buffer.from(`${mode} `),
      name,
      Buffer.from([0]),
      Buffer.from(oid, "hex"),
    ]);
    return this.put("tree", Buffer.concat(parts));
  }

  /** Writes a commit of a tree. */
  commitTree(tree: string, parents: readonly string[], message = "Push a run\n"): string {
    const lines = [`tree ${tree}`, ...parents.map((oid) => `parent ${oid}`), `author ${PERSON}`, `committer ${PERSON}`];
    return this.put("commit", `${lines.join("\n")}\n\n${message}`);
  }

  /** Writes a commit that changes files of another, by default of `main`; of null, a commit without a past. */
  commit(files: Readonly<Record<string, Content>>, parent: string | null = this.main, message?: string): string {
    return this.commitTree(this.treeWith(files, parent), parent === null ? [] : [parent], message);
  }

  /** Writes the tree of a commit, by default of `main`, with other files in it; of null, a tree with nothing else. */
  treeWith(files: Readonly<Record<string, Content>>, parent: string | null = this.main): string {
    const root: Folder = new Map();
    for (const line of parent === null ? [] : git(this.folder, "ls-tree", "-r", "-z", parent).split("\0")) {
      const [, mode = "", oid = "", path] = /^(\d+) \w+ (\w+)\t(.*)$/s.exec(line) ?? [];
      if (path !== undefined) place(root, path, { mode, oid });
    }
    for (const [path, content] of Object.entries(files)) {
      const isEntry = typeof content === "object" && content !== null && !Buffer.isBuffer(content);
      if (content === null || isEntry) place(root, path, content);
      else place(root, path, { mode: "100644", oid: this.put("blob", content) });
    }
    return this.#write(root);
  }

  #write(folder: Folder): string {
    const entries = [...folder].map(([name, each]): [string, Entry] => [
      name,
      each instanceof Map ? { mode: "40000", oid: this.#write(each) } : each,
    ]);
    return this.tree(entries);
  }

  /** Pushes with stock git, `oid:ref` each. `who` is whom ssh would name to git at the other end. */
  async push(to: string, moves: readonly string[], who = "", options: readonly string[] = []): Promise<Pushed> {
    const args = ["--git-dir", this.folder, ...options, "push", to, ...moves];
    const env = {
      ...plainEnvironment("/nonexistent", "agent"),
      LC_ALL: "C",
      ...(who === "" ? {} : { REMOTE_USER: who }),
    };
    return new Promise((resolve) =>
      execFile("git", args, { env, maxBuffer: 2 ** 26 }, (error, out, err) =>
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), told: `${out}${err}` }),
      ),
    );
  }
}

function bytesOf(name: string): Buffer {
  const isByte = (character: string): boolean => /^[\udc80-\udcff]$/.test(character);
  return Buffer.concat(
    [...name].map((each) => (isByte(each) ? Buffer.from([each.charCodeAt(0) & 0xff]) : Buffer.from(each))),
  );
}

function place(root: Folder, path: string, entry: Entry | null): void {
  const names = path.split("/");
  let folder = root;
  for (const name of names.slice(0, -1)) {
    const below = folder.get(name);
    const next: Folder = below instanceof Map ? below : new Map<string, Folder | Entry>();
    folder.set(name, next);
    folder = next;
  }
  const last = names.at(-1) ?? "";
  if (entry === null) folder.delete(last);
  else folder.set(last, entry);
}

/** Clones a repository with stock git. */
export function clonedFrom(url: string, until?: Until): CraftedClone {
  const folder = `${temporaryFolder(until)}/clone`;
  git(".", "clone", "--quiet", "--bare", url, folder);
  return new CraftedClone(folder);
}

/** What a push could leave behind in a repository: where the refs are, notes about who pushed, and objects put aside. */
export function tracesIn(gitDir: string): Record<string, string> {
  const files = (folder: string): string[] =>
    !existsSync(folder)
      ? []
      : readdirSync(folder, { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => `${entry.parentPath}/${entry.name}`);
  const refs = [...files(`${gitDir}/refs`), ...files(`${gitDir}/runtree/pushed`), `${gitDir}/packed-refs`];
  const aside = readdirSync(`${gitDir}/objects`).filter((name) => name.startsWith("tmp_"));
  const asked = readdirSync(`${gitDir}/runtree`).includes("door") ? readdirSync(`${gitDir}/runtree/door`) : [];
  return Object.fromEntries([
    ...refs
      .filter((path) => existsSync(path))
      .map((path) => [path.slice(gitDir.length + 1), readFileSync(path, "utf8")]),
    ...[...aside, ...asked].map((name) => [name, ""]),
  ]) as Record<string, string>;
}
