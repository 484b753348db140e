import nodeFs from "node:fs";
import { join } from "node:path";
import type { FileSystem } from "../../src/git/files.ts";
import { fileSystemOf } from "./disk-calls.ts";
import { type DiskCall, DiskGate, type Fault } from "./disk-gate.ts";
import { FileInode, FolderInode, type Inode, type PowerCut } from "./disk-model.ts";
import { DiskSystem, type Lie } from "./disk-system.ts";

/** What a process finds that was killed while the machine went on. */
const ALL_KEPT: PowerCut = { data: "kept", entries: "kept" };

/**
 * A disk in memory that fails and loses power on command. What programs see is a memfs; beside it a model keeps what
 * is safe of every file and folder, so that `afterPowerCut` can tell what a real disk might hold. Every call that
 * changes anything, in whatever form, passes one numbered gate. Symbolic links, owners and times are not modelled:
 * there are no calls for them. `lie` is what it only says to sync.
 */
export class FaultyDisk {
  readonly fs: FileSystem;
  readonly #gate = new DiskGate();
  readonly #system: DiskSystem;

  constructor(lie: Lie = null) {
    this.#system = new DiskSystem(this.#gate, lie);
    this.fs = fileSystemOf(this.#system.calls());
  }

  /** A disk that holds a copy of a real folder, all of it safe. */
  static holding(folder: string, path: string): FaultyDisk {
    const disk = new FaultyDisk();
    const copy = (from: string, to: string): void => {
      disk.fs.mkdirSync(to, { recursive: true });
      for (const entry of nodeFs.readdirSync(from, { withFileTypes: true })) {
        const [source, target] = [join(from, entry.name), join(to, entry.name)];
        if (entry.isDirectory()) copy(source, target);
        else disk.fs.writeFileSync(target, nodeFs.readFileSync(source), { mode: nodeFs.statSync(source).mode & 0o777 });
      }
    };
    copy(folder, path);
    return disk.copy();
  }

  /** The calls that passed the gate since the last `plant`. */
  get calls(): readonly DiskCall[] {
    return this.#gate.calls;
  }

  /** The first call that failed since the last `plant`; null when none did. */
  get failed(): DiskCall | null {
    return this.#gate.failed;
  }

  /** Counts calls from now on, and lets one of them fail; null: none. */
  plant(fault: Fault | null): void {
    this.#gate.plant(fault);
  }

  /** A disk with all that programs see on this one, all of it safe. */
  copy(lie: Lie = null): FaultyDisk {
    return this.afterPowerCut(ALL_KEPT, lie);
  }

  /** The disk as it may be found when the power is back. This one stays as it is. */
  afterPowerCut(cut: PowerCut, lie: Lie = null): FaultyDisk {
    const disk = new FaultyDisk(lie);
    const { memory, root } = disk.#system;
    const restored = new Map<Inode, { inode: Inode; path: string }>();
    const restore = (from: FolderInode, path: string, to: FolderInode): void => {
      for (const [name, old] of from.survivors(cut)) {
        const [target, known] = [join(path, name), restored.get(old)];
        if (known !== undefined) {
          memory.linkSync(known.path, target);
          to.change([[name, known.inode]]);
          continue;
        }
        const inode = old instanceof FolderInode ? new FolderInode() : new FileInode(old.mode, old.survivors(cut));
        restored.set(old, { inode, path: target });
        to.change([[name, inode]]);
        if (old instanceof FolderInode && inode instanceof FolderInode) {
          memory.mkdirSync(target);
          restore(old, target, inode);
        } else if (inode instanceof FileInode) {
          memory.writeFileSync(target, inode.survivors(cut), { mode: inode.mode | 0o200 });
          memory.chmodSync(target, inode.mode);
        }
      }
      to.sync();
    };
    restore(this.#system.root, "/", root);
    return disk;
  }

  /** The disk as the next process finds it when all others are killed: what was not synced still is not. */
  afterKill(lie: Lie = null): FaultyDisk {
    const disk = new FaultyDisk(lie);
    const { memory, root } = disk.#system;
    const twins = new Map<Inode, Inode>();
    const twin = (inode: Inode): Inode => {
      const known = twins.get(inode);
      if (known !== undefined) return known;
      const made = inode instanceof FileInode ? inode.copy() : new FolderInode();
      twins.set(inode, made);
      if (inode instanceof FolderInode && made instanceof FolderInode) inode.copyTo(made, twin);
      return made;
    };
    this.#system.root.copyTo(root, twin);
    const paths = new Map<Inode, string>();
    const show = (inode: Inode, path: string): void => {
      const known = paths.get(inode);
      paths.set(inode, path);
      if (inode instanceof FolderInode) {
        if (path !== "/") memory.mkdirSync(path);
        for (const [name, entry] of inode.live) show(entry, join(path, name));
      } else if (known === undefined) {
        memory.writeFileSync(path, this.#system.memory.readFileSync(path));
        memory.chmodSync(path, inode.mode);
      } else memory.linkSync(known, path);
    };
    show(root, "/");
    return disk;
  }

  /** The paths of all files, as programs see them. */
  paths(): string[] {
    const below = (folder: FolderInode, path: string): string[] =>
      [...folder.live].flatMap(([name, inode]) =>
        inode instanceof FolderInode ? below(inode, join(path, name)) : [join(path, name)],
      );
    return below(this.#system.root, "/");
  }

  /** Writes what programs see below a folder of the disk into a real folder. */
  writeTo(folder: string, path: string): void {
    const { memory } = this.#system;
    const copy = (from: Inode | null, at: string, to: string): void => {
      if (from instanceof FileInode) nodeFs.writeFileSync(to, memory.readFileSync(at), { mode: from.mode });
      if (!(from instanceof FolderInode)) return;
      nodeFs.mkdirSync(to, { recursive: true });
      for (const [name, inode] of from.live) copy(inode, join(at, name), join(to, name));
    };
    copy(this.#system.inode(path), path, folder);
  }
}
