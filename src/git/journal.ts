import { crc32 } from "node:zlib";
import { type FileSystem, ioError, makeFolder, syncPath, writeFully } from "./files.ts";
import { completeRecord } from "./journal-record.ts";
import { journalFolder, type JournalRange, SEGMENT_HEADER, segmentHeader, SEGMENTS } from "./journal-segments.ts";

/** A segment that has passed this is left as soon as the other one is free. */
const SEGMENT_BYTES = 16 * 1024 * 1024;

/** Files grow by this much at a time, as zeros: an fdatasync that need not write a new length is twice as fast. */
const GROWTH_BYTES = 1024 * 1024;

/** Writes up to this many bytes do not keep the event loop. */
const MOST_AT_ONCE = 256 * 1024;

interface Segment {
  readonly path: string;
  readonly file: number;
  /** Bytes that hold records, and their header; 0 when the segment holds nothing that counts. */
  filled: number;
  /** Bytes that the file has. */
  grown: number;
  /** The checksum that the next record goes on from. */
  checksum: number;
  lastSequence: number;
}

/**
 * The journal: what is appended is durable when `append` resolves, and stays until it is retired, which is when objects
 * and refs lie where stock git looks for them. One append at a time; the caller batches. Records are chained by their
 * checksums, so that the first one that does not follow ends the journal.
 */
export class Journal {
  readonly #fs: FileSystem;
  readonly #segments: readonly Segment[];
  #active = 0;
  #sequence = 0;
  #appending = false;
  /** Up to here records are settled, though their segments may not be freed yet. */
  #retired = 0;
  /** Where a failed append may have left bytes that were never acknowledged. */
  #damaged: { segment: Segment; at: number } | null = null;

  /** Opens the journal of a repository, empty: what an earlier life left must be settled and cleared before. Throws `io_failed`, `disk_full`. */
  constructor(fs: FileSystem, gitDir: string) {
    this.#fs = fs;
    const folder = journalFolder(gitDir);
    try {
      makeFolder(fs, folder);
      this.#segments = SEGMENTS.map((name) => {
        const path = `${folder}/${name}`;
        const file = fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_CREAT, 0o644);
        const grown = fs.fstatSync(file).size;
        return { path, file, filled: 0, grown, checksum: 0, lastSequence: 0 };
      });
      syncPath(fs, folder);
    } catch (error) {
      throw ioError(error, "opening", folder);
    }
  }

  /** The number of the newest record. */
  get sequence(): number {
    return this.#sequence;
  }

  /**
   * Appends records (`encodeRecord`) and makes them durable with one sync, which is under way when this returns unless there
   * is much to write. `confirm` is asked when they can be read by
   * others but are not synced yet; when it says no, they are taken back and null is returned. Throws `disk_full` or
   * `io_failed`, and then nothing of it is kept.
   */
  async append(records: readonly Buffer[], confirm: () => boolean = () => true): Promise<JournalRange | null> {
    try {
      this.#mend();
      // What could not be freed when it was settled, because an append was under way or had failed, is free now.
      this.retire(this.#retired);
      this.#appending = true;
      const segment = this.#choose(records);
      const start = segment.filled;
      try {
        return await this.#write(segment, start, records, confirm);
      } catch (error) {
        this.#damaged = { segment, at: start };
        this.#mendIfPossible();
        throw ioError(error, "appending to", segment.path);
      }
    } finally {
      this.#appending = false;
    }
  }

  async #write(
    segment: Segment,
    start: number,
    records: readonly Buffer[],
    confirm: () => boolean,
  ): Promise<JournalRange | null> {
    const pieces: Buffer[] = [];
    let checksum = segment.checksum;
    if (start === 0) {
      const header = segmentHeader(this.#sequence + 1);
      pieces.push(header);
      checksum = crc32(header);
    }
    const first = checksum;
    for (const [index, record] of records.entries()) {
      checksum = completeRecord(record, this.#sequence + 1 + index, checksum);
      pieces.push(record);
    }
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const end = start + length;
    if (end > segment.grown) pieces.push(Buffer.alloc(GROWTH_BYTES - (end % GROWTH_BYTES)));
    const bytes = pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
    // Small writes go to the system's memory faster than another thread could be asked for it.
    if (bytes.length <= MOST_AT_ONCE) writeFully(this.#fs, segment.file, bytes, start);
    else await this.#putInBackground(segment.file, bytes, start);
    segment.grown = Math.max(segment.grown, start + bytes.length);
    if (!confirm()) {
      this.#erase(segment, start);
      return null;
    }
    await this.#sync(segment);
    const range: JournalRange = {
      path: segment.path,
      start: start === 0 ? SEGMENT_HEADER : start,
      end,
      sequence: this.#sequence + 1,
      checksum: first,
    };
    this.#sequence += records.length;
    Object.assign(segment, { filled: end, checksum, lastSequence: this.#sequence });
    return range;
  }

  /** The segment to append to: the other one when this is full and that one is free. */
  #choose(records: readonly Buffer[]): Segment {
    const active = this.#segments[this.#active] as Segment;
    const other = this.#segments[1 - this.#active] as Segment;
    const length = records.reduce((sum, record) => sum + record.length, 0);
    if (active.filled === 0 || active.filled + length <= SEGMENT_BYTES || other.filled > 0) return active;
    this.#active = 1 - this.#active;
    return other;
  }

  async #putInBackground(file: number, bytes: Buffer, at: number): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      done += await new Promise<number>((resolve, reject) => {
        this.#fs.write(file, bytes, done, bytes.length - done, at + done, (error, written) =>
          error === null ? resolve(written) : reject(error),
        );
      });
    }
  }

  async #sync(segment: Segment): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#fs.fdatasync(segment.file, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  /** Writes zeros over the first header of what shall not be read. */
  #erase(segment: Segment, at: number): void {
    writeFully(this.#fs, segment.file, Buffer.alloc(SEGMENT_HEADER), at);
    segment.grown = Math.max(segment.grown, at + SEGMENT_HEADER);
  }

  /** Takes back, durably, what a failed append left; until that works nothing can be appended. */
  #mend(): void {
    if (this.#damaged === null) return;
    const { segment, at } = this.#damaged;
    try {
      this.#erase(segment, at);
      this.#fs.fdatasyncSync(segment.file);
    } catch (error) {
      throw ioError(error, "mending", segment.path);
    }
    this.#damaged = null;
  }

  #mendIfPossible(): void {
    try {
      this.#mend();
    } catch {
      // Tried again before the next append, which then tells it.
    }
  }

  /** Frees every segment whose records are all settled, up to a number. */
  retire(sequence: number): void {
    this.#retired = Math.max(this.#retired, sequence);
    if (this.#damaged !== null) return;
    const active = this.#segments[this.#active] as Segment;
    const other = this.#segments[1 - this.#active] as Segment;
    try {
      // The one that is not written to now must not come back alone: what followed it would be missing.
      if (other.filled > 0 && other.lastSequence <= sequence) {
        this.#empty(other);
        this.#fs.fdatasyncSync(other.file);
        other.filled = 0;
      }
      // The next append overwrites this one, and until then it ends where the refs are. It does so from the start even
      // where emptying fails half-way: behind a broken header nothing would be found.
      if (!this.#appending && active.filled > 0 && other.filled === 0 && active.lastSequence <= sequence) {
        active.filled = 0;
        this.#empty(active);
      }
    } catch {
      // What stays is settled once more after a restart, which changes nothing.
    }
  }

  #empty(segment: Segment): void {
    this.#erase(segment, 0);
    if (segment.grown <= 2 * SEGMENT_BYTES) return;
    this.#fs.ftruncateSync(segment.file, 0);
    segment.grown = 0;
  }

  close(): void {
    for (const { file } of this.#segments) this.#fs.closeSync(file);
  }
}
