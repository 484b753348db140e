/** What becomes of bytes that were written and not synced when the power goes. */
export type DataFate = "kept" | "dropped" | "zeroed" | "torn";

/** What becomes of names that were made, moved or removed and not synced when the power goes. */
export type EntryFate = "kept" | "dropped";

/**
 * What a disk holds after the power went. `mixed` decides anew for each file, and for each folder how many of its
 * changes are kept, the first ones first; a rename from one folder to another may then be half kept.
 */
export interface PowerCut {
  readonly data: DataFate | "mixed";
  readonly entries: EntryFate | "mixed";
  /** Numbers from 0 up to 1, for what is mixed and for where a write is torn; by default always 0.5. */
  readonly random?: () => number;
}

/**
 * A change is `doubtful` once a sync failed: it may be on the disk or not, and as on Linux no later sync says which,
 * because the kernel holds it for written. Only bytes come to that: names go through the file system's own journal,
 * and where that fails for good the whole file system is shut.
 */
interface LoggedChange<Change> {
  readonly change: Change;
  state: "unsynced" | "doubtful" | "synced";
}

/** The changes to a file or a folder that may not be on the disk, in the order they were made. */
class ChangeLog<Change> {
  #changes: LoggedChange<Change>[] = [];

  get changes(): readonly LoggedChange<Change>[] {
    return this.#changes;
  }

  add(change: Change): void {
    this.#changes.push({ change, state: "unsynced" });
  }

  /** Takes note of a sync; returns the changes that nothing before them leaves in doubt, which it forgets. */
  sync(): Change[] {
    for (const logged of this.#changes) if (logged.state === "unsynced") logged.state = "synced";
    const first = this.#changes.findIndex(({ state }) => state !== "synced");
    const settled = this.#changes.slice(0, first < 0 ? this.#changes.length : first);
    this.#changes = this.#changes.slice(settled.length);
    return settled.map(({ change }) => change);
  }

  failSync(): void {
    for (const logged of this.#changes) if (logged.state === "unsynced") logged.state = "doubtful";
  }

  /** Makes an empty log the same as this one, but for what `twin` makes of each change. */
  copyTo(log: ChangeLog<Change>, twin: (change: Change) => Change = (change) => change): void {
    log.#changes = this.#changes.map(({ change, state }) => ({ change: twin(change), state }));
  }
}

type DataChange = { readonly at: number; readonly bytes: Buffer } | { readonly size: number };

/** Carries out a change; where `own` is, in the bytes themselves if they are large enough. */
function changed(bytes: Buffer, change: DataChange, own = false): Buffer {
  if ("size" in change) {
    return change.size <= bytes.length
      ? bytes.subarray(0, change.size)
      : Buffer.concat([bytes, Buffer.alloc(change.size - bytes.length)]);
  }
  const end = change.at + change.bytes.length;
  const fits = end <= bytes.length;
  const result = fits && own ? bytes : Buffer.concat([bytes, Buffer.alloc(Math.max(0, end - bytes.length))]);
  change.bytes.copy(result, change.at);
  return result;
}

/** What a write leaves that got its place on the disk but not its bytes: zeros where the file grew, the old bytes elsewhere. */
function zeroed(bytes: Buffer, change: DataChange): Buffer {
  if ("size" in change) return changed(bytes, change);
  return changed(bytes, { size: Math.max(bytes.length, change.at + change.bytes.length) });
}

/** A file: the bytes that are safe, and what was written since. */
export class FileInode {
  mode: number;
  #safe: Buffer;
  /** Whether `#safe` is shared with nobody and may be written to. */
  #own = false;
  readonly #log: ChangeLog<DataChange> = new ChangeLog();

  constructor(mode: number, safe: Buffer = Buffer.alloc(0)) {
    this.mode = mode;
    this.#safe = safe;
  }

  write(at: number, bytes: Buffer): void {
    this.#log.add({ at, bytes: Buffer.from(bytes) });
  }

  resize(size: number): void {
    this.#log.add({ size });
  }

  sync(): void {
    for (const change of this.#log.sync()) {
      this.#safe = changed(this.#safe, change, this.#own);
      this.#own = !("size" in change);
    }
  }

  failSync(): void {
    this.#log.failSync();
  }

  /** A file with the same bytes, of which the same are safe. */
  copy(): FileInode {
    this.#own = false;
    const file = new FileInode(this.mode, this.#safe);
    this.#log.copyTo(file.#log);
    return file;
  }

  /** The bytes after a power cut. */
  survivors({ data, random = half }: PowerCut): Buffer {
    const fate = data === "mixed" ? pick(FATES, random) : data;
    const { changes } = this.#log;
    const last = changes.findLastIndex(({ state }) => state !== "synced");
    let bytes = this.#safe;
    this.#own = false;
    for (const [index, { change, state }] of changes.entries()) {
      if (state === "synced" || fate === "kept") bytes = changed(bytes, change);
      else if (fate === "zeroed") bytes = zeroed(bytes, change);
      else if (fate === "torn" && index < last) bytes = changed(bytes, change);
      else if (fate === "torn" && "bytes" in change) {
        const length = Math.floor(random() * change.bytes.length);
        bytes = changed(bytes, { at: change.at, bytes: change.bytes.subarray(0, length) });
      }
    }
    return bytes;
  }
}

/** Names that change together: what each stands for from now on, null for nothing. */
export type EntryChange = readonly (readonly [name: string, inode: Inode | null])[];

function changeEntries(entries: Map<string, Inode>, change: EntryChange): void {
  for (const [name, inode] of change) {
    if (inode === null) entries.delete(name);
    else entries.set(name, inode);
  }
}

/** A folder: the names in it as programs see them, those that are safe, and what changed since. */
export class FolderInode {
  readonly live: Map<string, Inode> = new Map<string, Inode>();
  readonly #safe = new Map<string, Inode>();
  readonly #log: ChangeLog<EntryChange> = new ChangeLog();

  change(change: EntryChange): void {
    changeEntries(this.live, change);
    this.#log.add(change);
  }

  sync(): void {
    for (const change of this.#log.sync()) changeEntries(this.#safe, change);
  }

  /** Makes an empty folder the same as this one, of twins of what is in it. */
  copyTo(folder: FolderInode, twin: (inode: Inode) => Inode): void {
    const pair = ([name, inode]: EntryChange[number]): EntryChange[number] => [
      name,
      inode === null ? null : twin(inode),
    ];
    changeEntries(folder.live, [...this.live].map(pair));
    changeEntries(folder.#safe, [...this.#safe].map(pair));
    this.#log.copyTo(folder.#log, (change) => change.map(pair));
  }

  /** The names after a power cut. */
  survivors({ entries, random = half }: PowerCut): Map<string, Inode> {
    const { changes } = this.#log;
    const open = changes.filter(({ state }) => state !== "synced").length;
    const kept = { kept: open, dropped: 0, mixed: Math.floor(random() * (open + 1)) }[entries];
    const names = new Map(this.#safe);
    let seen = 0;
    for (const { change, state } of changes) {
      if (state === "synced" || seen++ < kept) changeEntries(names, change);
    }
    return names;
  }
}

export type Inode = FileInode | FolderInode;

const FATES: readonly DataFate[] = ["kept", "dropped", "zeroed", "torn"];

const half = (): number => 0.5;

function pick<Value>(values: readonly Value[], random: () => number): Value {
  return values[Math.floor(random() * values.length)] as Value;
}
