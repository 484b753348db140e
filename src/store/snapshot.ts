import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { deserialize, serialize } from "node:v8";
import { type FileSystem, ioError, readFileOrNull, syncPath } from "../git/files.ts";
import type { Repository } from "../git/repository.ts";
import { derive, type Derived, type DerivedState } from "./derived.ts";
import { PROGRAM } from "./program.ts";
import type { Progress } from "./progress.ts";

/** The name of the file in a data directory. It may be deleted at any time. */
const FILE = "index.snapshot";

/** Goes up when the meaning of a state changes within one version of the program. */
const FORMAT = 4;

const DIGEST = "sha1";
const DIGEST_BYTES = 20;

/** Bytes that are hashed and written at a time, so that requests are answered in between. */
const PIECE = 4 * 1024 * 1024;

/** What the file holds, before the digest of these bytes. */
interface Content {
  readonly format: number;
  readonly program: string;
  readonly state: DerivedState;
}

/**
 * What is derived, kept in a file, so that a start reads only what changed since it was written. Never trusted: one that
 * is cut off, damaged, by another version or of another repository is left aside, and everything is read anew.
 */
export class SnapshotFile {
  readonly #fs: FileSystem;
  readonly #path: string;
  readonly #report: (message: string) => void;

  /** `report` hears why a file could not be used. */
  constructor(fs: FileSystem, data: string, report: (message: string) => void) {
    this.#fs = fs;
    this.#path = `${data}/${FILE}`;
    this.#report = report;
  }

  /** Derives everything from a repository, by way of the file where it can be used; `rebuilt` tells whether it was not. */
  derive(
    repository: Repository,
    now: number,
    progress?: Progress,
  ): { readonly derived: Derived; readonly rebuilt: boolean } {
    try {
      const state = this.#read();
      if (state !== null) return { derived: derive(repository, now, state), rebuilt: false };
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      this.#report(`${this.#path} cannot be used (${words}); the index is built anew`);
    }
    return { derived: derive(repository, now, undefined, progress), rebuilt: true };
  }

  /** Tells whether there is a file, of use or not. */
  isThere(): boolean {
    return this.#fs.existsSync(this.#path);
  }

  /** Removes the file, if there is one. Throws `io_failed`. */
  remove(): void {
    try {
      this.#fs.rmSync(this.#path, { force: true });
    } catch (error) {
      throw ioError(error, "removing", this.#path);
    }
  }

  /** Null when there is no file. Throws when it is of no use. */
  #read(): DerivedState | null {
    const bytes = readFileOrNull(this.#fs, this.#path);
    if (bytes === null) return null;
    const payload = bytes.subarray(0, -DIGEST_BYTES);
    if (!createHash(DIGEST).update(payload).digest().equals(bytes.subarray(-DIGEST_BYTES)))
      throw new Error("it does not have the content its checksum promises");
    const { format, program, state } = deserialize(payload) as Content;
    if (format !== FORMAT || program !== PROGRAM.version) throw new Error("another version wrote it");
    return state;
  }

  /** Writes a state durably, in place of an older one. It is copied before the first wait. Throws `disk_full`, `io_failed`. */
  async write(state: DerivedState): Promise<void> {
    const payload = serialize({ format: FORMAT, program: PROGRAM.version, state } satisfies Content);
    const temporary = `${this.#path}.new`;
    try {
      const handle = await this.#fs.promises.open(temporary, "w", 0o600);
      try {
        const digest = createHash(DIGEST);
        for (let at = 0; at < payload.length; at += PIECE) {
          const piece = payload.subarray(at, at + PIECE);
          digest.update(piece);
          await writeWhole(handle, piece);
        }
        await writeWhole(handle, digest.digest());
        await handle.sync();
      } finally {
        await handle.close();
      }
      await this.#fs.promises.rename(temporary, this.#path);
      await syncPath(this.#fs, dirname(this.#path));
    } catch (error) {
      await this.#fs.promises.rm(temporary, { force: true }).catch(() => undefined);
      throw ioError(error, "writing", this.#path);
    }
  }
}

/** Writes all of some bytes where the last ones ended. */
async function writeWhole(handle: FileHandle, bytes: Buffer): Promise<void> {
  for (let done = 0; done < bytes.length;) done += (await handle.write(bytes, done, bytes.length - done)).bytesWritten;
}
