import { RuntreeError, systemCode } from "../domain/errors.ts";
import { type FileSystem, listFolder } from "./files.ts";
import type { GitObject, Oid } from "./objects.ts";
import { ObjectCache } from "./object-cache.ts";
import { Pack } from "./pack.ts";

/** How often the folder is listed anew because git replaced a pack between the listing and the opening. */
const LISTINGS = 5;

/** The packs of a folder such as `objects`, followed as git makes and removes them. */
export class Packs {
  readonly #fs: FileSystem;
  readonly #folder: string;
  /** The open packs by path, the newest first: what was written last is read most. */
  #open = new Map<string, Pack>();
  readonly #bases: ObjectCache;
  /** The pack that had what was asked for last: what comes next is often in it, too. */
  #last: Pack | null = null;

  /** Keeps `baseBytes` of objects that others are told against. */
  constructor(fs: FileSystem, objects: string, baseBytes: number) {
    this.#bases = new ObjectCache(baseBytes);
    this.#fs = fs;
    this.#folder = `${objects}/pack`;
  }

  /** Reads an object from the packs that are open; null when none has it. Damage goes to `faults`, and other packs are tried. */
  read(oid: Oid, resolve: (oid: Oid) => GitObject | null, faults: RuntreeError[]): GitObject | null {
    const last = this.#last;
    const found = last === null ? null : readFrom(last, oid, resolve, faults);
    if (found !== null) return found;
    for (const pack of this.#open.values()) {
      const object = pack === last ? null : readFrom(pack, oid, resolve, faults);
      if (object === null) continue;
      this.#last = pack;
      return object;
    }
    return null;
  }

  /** Opens packs that came and closes those that went. A pack that cannot be opened goes to `faults` and is tried again next time. */
  follow(faults: RuntreeError[]): void {
    for (let listing = 0; listing < LISTINGS && !this.#followOnce(faults); listing++);
  }

  /** False when a pack that was listed is gone before it is open. */
  #followOnce(faults: RuntreeError[]): boolean {
    const names = new Set(listFolder(this.#fs, this.#folder).map(({ name }) => name));
    const paths = [...names]
      .filter((name) => name.endsWith(".pack") && names.has(name.replace(/\.pack$/, ".idx")))
      .map((name) => `${this.#folder}/${name}`);
    const [before, after] = [this.#open, new Map<string, Pack>()];
    let whole = true;
    for (const path of paths) {
      try {
        after.set(path, before.get(path) ?? new Pack(this.#fs, path, this.#bases));
      } catch (error) {
        if (systemCode(error) === "ENOENT") whole = false;
        else if (error instanceof RuntreeError) faults.push(error);
        else throw error;
      }
    }
    this.#open = new Map([...after].sort(([, left], [, right]) => right.modified - left.modified));
    this.#last = null;
    for (const [path, pack] of before) if (!after.has(path)) pack.close();
    return whole;
  }

  close(): void {
    for (const pack of this.#open.values()) pack.close();
    this.#open = new Map();
    this.#last = null;
  }
}

/** Reads from one pack; its damage goes to `faults`. */
function readFrom(
  pack: Pack,
  oid: Oid,
  resolve: (oid: Oid) => GitObject | null,
  faults: RuntreeError[],
): GitObject | null {
  try {
    return pack.read(oid, resolve);
  } catch (error) {
    if (!(error instanceof RuntreeError)) throw error;
    faults.push(error);
    return null;
  }
}
