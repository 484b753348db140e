import { hasCode, RuntreeError } from "../domain/errors.ts";
import { BareRepository } from "./bare-repository.ts";
import type { FileSystem } from "./files.ts";
import { Journal } from "./journal.ts";
import { clearJournal, type JournalRange, leftRecords } from "./journal-segments.ts";
import { acceptWrites, type Waiting } from "./journal-batch.ts";
import { Load } from "./load.ts";
import { MovingMarks } from "./moving-marks.ts";
import type { GitObject, Oid } from "./objects.ts";
import { clearUnfinishedPacks } from "./pack-writer.ts";
import { SeenRefs } from "./ref-reader.ts";
import { refMoved } from "./refs.ts";
import type { Repository, WriteGroup } from "./repository.ts";
import { ROUND_MS, SettleRounds, type Unsettled } from "./settle-rounds.ts";
import { type LostMove, settleRecords } from "./settle.ts";
import { OwnThreadSettler, WorkerSettler } from "./settler.ts";
import { within } from "./within.ts";

/** What a journal is given besides its repository. */
export interface JournalOptions {
  /** Settle in a thread of its own: only where the file system is the machine's. */
  readonly worker: boolean;
  /** Hears of moves that were lost to somebody else's, and of settling that fails and is tried again. */
  readonly report: (message: string) => void;
}

/** Bytes that may wait to be settled before writers wait for it. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;

/** So many waiting writes are sent to the disk at once; while it syncs them, the processor goes on with others. */
const ENOUGH_TO_BEGIN = 16;

/** What a journal has done since it was opened, and how many bytes wait to be settled. */
export interface JournalCounts {
  readonly appends: number;
  readonly groups: number;
  readonly bytes: number;
  readonly waiting_bytes: number;
}

/** How often and how long (ms) a ref that git holds locked is waited for. */
const LOCK_TRIES = 40;
const LOCK_WAIT_MS = 25;

interface PendingRef {
  readonly oid: Oid | null;
  readonly sequence: number;
}

/**
 * A bare repository whose writes are acknowledged by a journal: one append and one sync for everything that queued up
 * during the one before. Objects and refs reach the places where stock git looks for them in the background.
 * Until then they are read from memory; a crash in between is made good when it is opened the next time.
 */
export class JournaledRepository implements Repository {
  readonly gitDir: string;
  readonly #fs: FileSystem;
  readonly #disk: BareRepository;
  readonly #journal: Journal;
  readonly #rounds: SettleRounds;
  readonly #report: (message: string) => void;
  readonly #queue: Waiting[] = [];
  #flushing: Promise<void> | null = null;
  #flushingSoon: NodeJS.Immediate | null = null;
  readonly #objects = new Map<Oid, GitObject>();
  readonly #refs = new Map<string, PendingRef>();
  /** Refs as they were on disk a moment ago. A write looks again. */
  readonly #seen: SeenRefs;
  /** Writes that are put off while git holds a lock. */
  readonly #putOff = new Map<Waiting, NodeJS.Timeout>();
  #closed = false;
  readonly #load = new Load();
  readonly #marks: MovingMarks;
  #appended = { appends: 0, groups: 0, bytes: 0 };

  /** Opens a repository: settles what a crash left in its journal first. Throws what settling throws. */
  static async open(fs: FileSystem, gitDir: string, options: JournalOptions): Promise<JournaledRepository> {
    const disk = new BareRepository(fs, gitDir);
    clearUnfinishedPacks(fs, gitDir);
    const left = leftRecords(fs, gitDir);
    const lost = left.length === 0 ? [] : await settleRecords(disk, left);
    clearJournal(fs, gitDir);
    new MovingMarks(fs, gitDir).clear();
    if (left.length > 0) options.report(`finished ${left.length} writes that a crash had left in the journal`);
    const repository = new JournaledRepository(fs, disk, options);
    repository.#tellLost(lost);
    return repository;
  }

  private constructor(fs: FileSystem, disk: BareRepository, { worker, report }: JournalOptions) {
    this.gitDir = disk.gitDir;
    this.#fs = fs;
    this.#disk = disk;
    this.#seen = new SeenRefs((ref) => disk.ref(ref));
    this.#report = report;
    this.#marks = new MovingMarks(fs, this.gitDir);
    this.#journal = new Journal(fs, this.gitDir);
    const settler = worker ? new WorkerSettler(this.gitDir) : new OwnThreadSettler(fs, this.gitDir);
    this.#rounds = new SettleRounds(settler, this.#journal, {
      settled: (batch, lost) => this.#forget(batch, lost),
      failed: (error) => report(`the journal cannot be settled, it is kept and tried again: ${String(error)}`),
    });
  }

  get counts(): JournalCounts {
    return { ...this.#appended, waiting_bytes: this.#rounds.waitingBytes };
  }

  read(oid: Oid): GitObject | null {
    return this.#objects.get(oid) ?? this.#disk.read(oid);
  }

  ref(name: string): Oid | null {
    const pending = this.#refs.get(name);
    return pending === undefined ? this.#seen.get(name) : pending.oid;
  }

  refs(prefix: string): Map<string, Oid> {
    const refs = this.#disk.refs(prefix);
    for (const [ref, { oid }] of this.#refs) {
      if (!ref.startsWith(prefix)) continue;
      if (oid === null) refs.delete(ref);
      else refs.set(ref, oid);
    }
    return refs;
  }

  async apply(group: WriteGroup): Promise<void> {
    const contested = group.refs.filter((move) => move.contested === true).map(({ ref }) => ref);
    if (contested.length === 0) return this.#append(group);
    await this.#marks.around(
      contested,
      async () => this.#append(group),
      async () => this.settle(),
    );
  }

  async #append(group: WriteGroup): Promise<void> {
    if (this.#closed) throw new RuntreeError("busy", "The repository is being closed; try again when it is open.");
    return new Promise((done, fail) => {
      this.#enqueue({ group, done, fail, since: performance.now(), tries: 0 });
    });
  }

  /** Flushes after one turn of the event loop, so that everything that is ready now shares the first sync. */
  #enqueue(waiting: Waiting): void {
    this.#queue.push(waiting);
    if (this.#flushing !== null) return;
    if (this.#queue.length >= ENOUGH_TO_BEGIN && waiting.group.together !== true) this.#beginFlushing();
    else this.#flushingSoon ??= setImmediate(() => this.#beginFlushing());
  }

  #beginFlushing(): void {
    if (this.#flushingSoon !== null) clearImmediate(this.#flushingSoon);
    this.#flushingSoon = null;
    this.#flushing ??= this.#flushAll();
  }

  /** A flush begins before the one before it is told, so that what is answered is worked on while the disk syncs. */
  async #flushAll(): Promise<void> {
    let tell = (): void => undefined;
    while (this.#queue.length > 0) {
      if (this.#rounds.waitingBytes > MAX_WAITING_BYTES) {
        tell();
        tell = () => undefined;
        await this.#rounds.settle().catch((error: unknown) => {
          for (const { fail } of this.#queue.splice(0)) fail(error);
        });
      }
      const flushed = this.#flush(this.#queue.splice(0));
      tell();
      tell = await flushed;
    }
    this.#flushing = null;
    tell();
  }

  /** Appends everything that may be written, in order; the rest is told why not. Returns what tells of success. */
  async #flush(batch: readonly Waiting[]): Promise<() => void> {
    const { accepted, records, onDisk } = acceptWrites(batch, {
      pending: (ref) => this.#refs.get(ref)?.oid,
      read: (oid) => this.read(oid),
    });
    if (accepted.length === 0) return () => undefined;
    const refused = new Map<Waiting, unknown>();
    const confirm = (): boolean => {
      for (const [ref, { from, first }] of onDisk) {
        const why = this.#foreignHand(ref, from);
        if (why !== null && !refused.has(first)) refused.set(first, why);
      }
      return refused.size === 0;
    };
    let range: JournalRange | null;
    try {
      range = await this.#journal.append(records, confirm);
    } catch (error) {
      for (const { fail } of accepted) fail(error);
      return () => undefined;
    }
    if (range !== null) return this.#acknowledge(accepted, range);
    for (const [waiting, why] of refused) this.#refuse(waiting, why);
    return this.#flush(accepted.filter((waiting) => !refused.has(waiting)));
  }

  /** What speaks against moving a ref that we have not moved lately: git holds it, or moved it. Looked at when our record is written and not yet synced, so that nobody was told. */
  #foreignHand(ref: string, from: Oid | null): unknown {
    if (this.#fs.existsSync(`${this.gitDir}/${ref}.lock`)) {
      const words = `${ref} is locked by another git process. If none runs, remove ${this.gitDir}/${ref}.lock.`;
      return new RuntreeError("busy", words, { ref });
    }
    try {
      const actual = this.#disk.ref(ref);
      if (actual === from) return null;
      this.#seen.clear();
      return refMoved(ref, from, actual);
    } catch (error) {
      return error;
    }
  }

  /** Tries a write again a little later while git holds a lock; tells any other reason. */
  #refuse(waiting: Waiting, why: unknown): void {
    if (this.#closed || !hasCode(why, "busy") || waiting.tries++ >= LOCK_TRIES) return waiting.fail(why);
    const again = (): void => {
      this.#putOff.delete(waiting);
      this.#enqueue(waiting);
    };
    this.#putOff.set(waiting, setTimeout(again, LOCK_WAIT_MS));
  }

  /** Takes note of what is durable now. Returns what tells the writers. */
  #acknowledge(accepted: readonly Waiting[], range: JournalRange): () => void {
    const groups = accepted.map(({ group }) => group);
    const { appends, groups: before, bytes } = this.#appended;
    this.#appended = { appends: appends + 1, groups: before + groups.length, bytes: bytes + range.end - range.start };
    const sequence = this.#journal.sequence;
    for (const { objects, refs } of groups) {
      for (const object of objects) this.#objects.set(object.oid, object);
      for (const { ref, to } of refs) this.#refs.set(ref, { oid: to, sequence });
    }
    this.#rounds.add({ range, lastSequence: sequence, groups });
    const tell = (told: readonly Waiting[]): void => {
      this.#load.answered();
      for (const { done } of told) done();
    };
    if (this.#load.includes(accepted[0]?.since ?? 0, accepted.length)) {
      this.#rounds.begin();
      return () => tell(accepted);
    }
    // Until stock git sees what is acknowledged, or that takes too long.
    const visible = within(
      this.#rounds.settle().catch(() => undefined),
      ROUND_MS,
    );
    return () => {
      tell(accepted.filter(({ group }) => group.early === true));
      void visible.then(() => tell(accepted.filter(({ group }) => group.early !== true)));
    };
  }

  /** What is settled is read from disk from now on, and from the cache before that, unless something newer took its place. */
  #forget(batch: readonly Unsettled[], lost: readonly LostMove[]): void {
    const objects = batch.flatMap(({ groups }) => groups.flatMap((group) => group.objects));
    this.#disk.remember(objects);
    for (const { oid } of objects) this.#objects.delete(oid);
    const last = batch.at(-1)?.lastSequence ?? 0;
    this.#seen.clear();
    for (const [ref, { sequence }] of this.#refs) if (sequence <= last) this.#refs.delete(ref);
    this.#tellLost(lost);
  }

  #tellLost(lost: readonly LostMove[]): void {
    for (const { ref, kept, ours } of lost) {
      this.#report(`${ref} was moved by somebody else; what was acknowledged, ${ours}, is kept at ${kept}`);
    }
  }

  async settle(): Promise<void> {
    await this.#rounds.settle();
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const [waiting, timer] of this.#putOff) {
      clearTimeout(timer);
      waiting.fail(new RuntreeError("busy", "A ref was locked by git until the repository was closed."));
    }
    try {
      if (this.#flushingSoon !== null) this.#beginFlushing();
      await this.#flushing;
      await this.settle();
    } finally {
      await this.#rounds.close();
      this.#journal.close();
      await this.#disk.close();
    }
  }
}
