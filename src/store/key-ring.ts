import { timingSafeEqual } from "node:crypto";
import { RuntreeError } from "../domain/errors.ts";
import type { Principal } from "../domain/roles.ts";
import type { FileSystem } from "../git/files.ts";
import { keyDigest, keyIdOf, type KeyRecord, keysPath, readKeys } from "./keys.ts";

/** Compared with where no key has the id that is asked for, so that this takes as long. */
const NO_KEY = keyDigest("");

/**
 * The keys of a data directory as they are now: what `runtree key` changes holds for the next request. Once a key was
 * seen there, or where `closed` says so from the start, a request needs one, whatever becomes of the file.
 */
export class KeyRing {
  readonly #fs: FileSystem;
  readonly #data: string;
  readonly #clock: () => number;
  #closed: boolean;
  readonly #report: (message: string) => void;
  #looked = false;
  #version = "";
  /** Why the file cannot be read. */
  #unreadable: unknown = null;
  #keys: ReadonlyMap<string, KeyRecord> = new Map();

  /** `clock` tells ms since 1970; `report` hears when the file cannot be read. */
  constructor(fs: FileSystem, data: string, clock: () => number, closed: boolean, report: (message: string) => void) {
    this.#fs = fs;
    this.#data = data;
    this.#clock = clock;
    this.#closed = closed;
    this.#report = report;
  }

  /** Tells whether requests need a key: always where there is a file that cannot be read. */
  get closed(): boolean {
    this.#catchUp();
    return this.#closed;
  }

  /** How many keys could be used now. */
  get usable(): number {
    this.#catchUp();
    return [...this.#keys.values()].filter((record) => this.#fault(record) === null).length;
  }

  /** Tells whether a principal could ask now as it did before: its key is still good, or none was needed and none is. */
  stillGood({ key }: Principal): boolean {
    this.#catchUp();
    const record = key === null ? undefined : this.#keys.get(key);
    return key === null ? !this.#closed : record !== undefined && this.#fault(record) === null;
  }

  /**
   * Who a key belongs to, as the file was when `closed` was asked last. Throws `unauthorized` for one that is unknown,
   * expired or revoked, `busy` while the file cannot be read.
   */
  identify(key: string): Principal {
    if (this.#unreadable !== null)
      throw new RuntreeError(
        "busy",
        "The keys cannot be read just now; the server's log says why.",
        {},
        this.#unreadable,
      );
    const record = this.#keys.get(keyIdOf(key) ?? "");
    const known = timingSafeEqual(Buffer.from(keyDigest(key), "hex"), Buffer.from(record?.sha256 ?? NO_KEY, "hex"));
    if (record === undefined || !known)
      throw new RuntreeError("unauthorized", "This key is not known here; ask who looks after the server for one.");
    const fault = this.#fault(record);
    if (fault !== null) throw new RuntreeError("unauthorized", `This key ${fault}; ask for a new one.`);
    return { name: record.name, role: record.role, key: record.id };
  }

  /** Who acts under the id of a key that was good a moment ago, or under a name that this machine vouches for; null for a name that no key has. */
  actingAs(name: string, key: string): Principal | null {
    this.#catchUp();
    const named = [...this.#keys.values()].filter((record) => record.name === name);
    const record = named.find(({ id }) => id === key) ?? named.find((each) => this.#fault(each) === null);
    return record === undefined ? null : { name, role: record.role, key: record.id };
  }

  #fault({ expires_at, revoked_at }: KeyRecord): string | null {
    if (revoked_at !== null) return `was revoked at ${revoked_at}`;
    return expires_at !== null && Date.parse(expires_at) <= this.#clock() ? `expired at ${expires_at}` : null;
  }

  /** Looks at the file once in a turn of the event loop: requests that came together are answered by the same keys. */
  #catchUp(): void {
    if (this.#looked) return;
    this.#looked = true;
    setImmediate(() => (this.#looked = false));
    const found = this.#fs.statSync(keysPath(this.#data), { throwIfNoEntry: false });
    const version = found === undefined ? "" : `${found.ino} ${found.mtimeMs} ${found.size}`;
    if (version === this.#version) return;
    this.#version = version;
    try {
      this.#keys = new Map(readKeys(this.#fs, this.#data).map((record) => [record.id, record]));
      this.#unreadable = null;
    } catch (error) {
      this.#keys = new Map();
      this.#unreadable = error;
      this.#report(`nobody is let in until the keys can be read: ${error instanceof Error ? error.message : ""}`);
    }
    if (this.#keys.size > 0 || this.#unreadable !== null) this.#closed = true;
  }
}
