import { randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";
import { type FileSystem, ioError, readFileOrNull, writeFully } from "./files.ts";
import { type FoundRecord, readRecord } from "./journal-record.ts";

/** Where a repository keeps its journal. */
export function journalFolder(gitDir: string): string {
  return `${gitDir}/runtree/journal`;
}

/** Two files take turns: one is written while what the other holds is settled. */
export const SEGMENTS = ["0", "1"] as const;

const MAGIC = Buffer.from("RUNTREEJ", "latin1");
/** Magic, the random name of this filling of the file, the first record's number, a checksum, and zeros to be even. */
export const SEGMENT_HEADER = 32;

/** The header of a segment that is filled anew. */
export function segmentHeader(firstSequence: number): Buffer {
  const header = Buffer.alloc(SEGMENT_HEADER);
  MAGIC.copy(header);
  randomBytes(8).copy(header, 8);
  header.writeBigUInt64BE(BigInt(firstSequence), 16);
  header.writeUInt32BE(crc32(header.subarray(0, 24)), 24);
  return header;
}

/** Records that lie one after another in a segment. */
export interface JournalRange {
  readonly path: string;
  readonly start: number;
  readonly end: number;
  /** Number of the first record, and the checksum it goes on from. */
  readonly sequence: number;
  readonly checksum: number;
}

/** The records of a range, as they are read from the segment. Throws `io_failed` when they are not there. */
export function readRange(fs: FileSystem, range: JournalRange): FoundRecord[] {
  const bytes = Buffer.allocUnsafe(range.end - range.start);
  try {
    const file = fs.openSync(range.path, "r");
    try {
      for (let done = 0; done < bytes.length;) {
        const got = fs.readSync(file, bytes, done, bytes.length - done, range.start + done);
        if (got === 0) throw new Error("end of file");
        done += got;
      }
    } finally {
      fs.closeSync(file);
    }
    const records = recordsIn(bytes, 0, range.sequence, range.checksum);
    if (records.at(-1)?.end === bytes.length) return records;
    throw new Error("a record that was acknowledged does not have the content its checksum promises");
  } catch (error) {
    throw ioError(error, "reading", range.path);
  }
}

function recordsIn(bytes: Buffer, start: number, sequence: number, before: number): FoundRecord[] {
  const records: FoundRecord[] = [];
  let [at, expected, checksum] = [start, sequence, before];
  for (;;) {
    const record = readRecord(bytes, at, checksum);
    if (record?.sequence !== expected) return records;
    records.push(record);
    [at, expected, checksum] = [record.end, expected + 1, record.checksum];
  }
}

/** The records that an earlier life of the journal left, oldest first; what a crash tore is not among them. */
export function leftRecords(fs: FileSystem, gitDir: string): FoundRecord[] {
  const segments = SEGMENTS.flatMap((name) => {
    const bytes = readFileOrNull(fs, `${journalFolder(gitDir)}/${name}`);
    if (bytes === null || bytes.length < SEGMENT_HEADER || !bytes.subarray(0, 8).equals(MAGIC)) return [];
    if (crc32(bytes.subarray(0, 24)) !== bytes.readUInt32BE(24)) return [];
    const first = Number(bytes.readBigUInt64BE(16));
    return [{ first, bytes }];
  });
  segments.sort((left, right) => left.first - right.first);
  return segments.flatMap(({ first, bytes }) =>
    recordsIn(bytes, SEGMENT_HEADER, first, crc32(bytes.subarray(0, SEGMENT_HEADER))),
  );
}

/** Empties the journal that an earlier life left, durably. Only after its records are settled. */
export function clearJournal(fs: FileSystem, gitDir: string): void {
  for (const name of SEGMENTS) {
    const path = `${journalFolder(gitDir)}/${name}`;
    if (!fs.existsSync(path)) continue;
    try {
      const file = fs.openSync(path, "r+");
      try {
        writeFully(fs, file, Buffer.alloc(SEGMENT_HEADER), 0);
        fs.fsyncSync(file);
      } finally {
        fs.closeSync(file);
      }
    } catch (error) {
      throw ioError(error, "clearing", path);
    }
  }
}
