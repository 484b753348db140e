import { constants } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { createFsFromVolume, type IFs, Volume } from "memfs";
import { bytesOf, openFlags, pathText, type SyncCalls, transferOf } from "./disk-calls.ts";
import { type DiskCall, type DiskGate, systemError } from "./disk-gate.ts";
import { FileInode, FolderInode, type Inode } from "./disk-model.ts";

/** What a disk reports as synced and does not sync. */
export type Lie = "files" | "folders" | null;

interface OpenFile {
  readonly inode: Inode;
  readonly path: string;
  readonly flags: number;
  position: number;
}

/** The kernel's side of a disk: carries calls out on a memfs, which programs see, and on the model of what is safe. */
export class DiskSystem {
  readonly memory: IFs = createFsFromVolume(new Volume());
  readonly root: FolderInode = new FolderInode();
  readonly #open = new Map<number, OpenFile>();
  readonly #gate: DiskGate;
  readonly #lie: Lie;

  constructor(gate: DiskGate, lie: Lie) {
    this.#gate = gate;
    this.#lie = lie;
  }

  /** What a path stands for; null for nothing. */
  inode(path: string): Inode | null {
    let inode: Inode = this.root;
    for (const name of path.split("/")) {
      if (name === "") continue;
      const next: Inode | undefined = inode instanceof FolderInode ? inode.live.get(name) : undefined;
      if (next === undefined) return null;
      inode = next;
    }
    return inode;
  }

  #change(path: string, inode: Inode | null): void {
    const folder = this.inode(dirname(path));
    if (folder instanceof FolderInode) folder.change([[basename(path), inode]]);
  }

  #pass<Result>(doing: DiskCall["doing"], path: string, work: () => Result, halfway?: () => void): Result {
    return this.#gate.pass({ doing, path, changes: true }, work, halfway);
  }

  #file(fd: number): OpenFile {
    const file = this.#open.get(fd);
    if (file === undefined) throw systemError("EBADF", "use", String(fd));
    return file;
  }

  #openFile(path: string, flags: string | number = "r", mode = 0o666): number {
    const wanted = openFlags(flags);
    const found = this.inode(path);
    const makes = found === null && (wanted & constants.O_CREAT) !== 0;
    const empties = found instanceof FileInode && (wanted & constants.O_TRUNC) !== 0;
    return this.#gate.pass({ doing: "open", path, changes: makes || empties }, () => {
      // memfs refuses to write to a file that it makes read-only; the kernel refuses only those who open it later.
      const fd = this.memory.openSync(path, wanted, 0o666);
      const inode = found ?? new FileInode(mode & ~0o022);
      if (makes && inode instanceof FileInode) {
        this.memory.chmodSync(path, inode.mode);
        this.#change(path, inode);
      }
      if (found instanceof FileInode && empties) found.resize(0);
      this.#open.set(fd, { inode, path, flags: wanted, position: 0 });
      return fd;
    });
  }

  /** Closing always works, also without power: nobody keeps the files of a dead process open. */
  #close(fd: number): void {
    this.#file(fd);
    this.#open.delete(fd);
    this.memory.closeSync(fd);
  }

  #write(fd: number, bytes: Buffer, position: number | null): number {
    const file = this.#file(fd);
    const { inode, path, flags } = file;
    const put = (part: Buffer): number => {
      const appends = (flags & constants.O_APPEND) !== 0;
      const at = appends ? this.memory.fstatSync(fd).size : (position ?? file.position);
      if (part.length > 0) this.memory.writeSync(fd, part, 0, part.length, at);
      if (inode instanceof FileInode) inode.write(at, part);
      if (position === null) file.position = at + part.length;
      if ((flags & constants.O_DSYNC) !== 0) this.#sync(inode);
      return part.length;
    };
    return this.#pass(
      "write",
      path,
      () => put(bytes),
      () => put(bytes.subarray(0, bytes.length / 2)),
    );
  }

  #writeWhole(file: string | number, data: Buffer, flags: string, mode: number | undefined): void {
    const fd = typeof file === "number" ? file : this.#openFile(file, flags, mode);
    try {
      if (data.length > 0) this.#write(fd, data, null);
    } finally {
      if (fd !== file) this.#close(fd);
    }
  }

  #sync(inode: Inode): void {
    if (this.#lie !== (inode instanceof FileInode ? "files" : "folders")) inode.sync();
  }

  #syncFile(fd: number): void {
    const { inode, path } = this.#file(fd);
    this.#pass(
      "sync",
      path,
      () => this.#sync(inode),
      () => {
        if (inode instanceof FileInode) inode.failSync();
      },
    );
  }

  #read(fd: number, into: Buffer, position: number | null): number {
    const file = this.#file(fd);
    this.#gate.requirePower("read", file.path);
    const got = this.memory.readSync(fd, into, 0, into.length, position ?? file.position);
    if (position === null) file.position += got;
    return got;
  }

  #readWhole(file: string | number, encoding: BufferEncoding | null | undefined): Buffer | string {
    this.#gate.requirePower("read", String(file));
    if (typeof file === "string") return this.memory.readFileSync(file, encoding == null ? {} : { encoding });
    const bytes = Buffer.alloc(this.memory.fstatSync(file).size - this.#file(file).position);
    this.#read(file, bytes, null);
    return encoding == null ? bytes : bytes.toString(encoding);
  }

  #truncate(fd: number, size: number): void {
    const { inode, path } = this.#file(fd);
    this.#pass("truncate", path, () => {
      this.memory.ftruncateSync(fd, size);
      if (inode instanceof FileInode) inode.resize(size);
    });
  }

  #rename(from: string, to: string): void {
    this.#pass("rename", to, () => {
      const [moved, replaced] = [this.inode(from), this.inode(to)];
      if (moved === null) throw systemError("ENOENT", "rename", from);
      if (moved === replaced) return;
      // memfs would put anything over anything, and count the name twice.
      if (replaced instanceof FolderInode && moved instanceof FileInode) throw systemError("EISDIR", "rename", to);
      if (replaced instanceof FileInode && moved instanceof FolderInode) throw systemError("ENOTDIR", "rename", to);
      if (replaced instanceof FolderInode) this.memory.rmdirSync(to);
      if (replaced instanceof FileInode) this.memory.unlinkSync(to);
      this.memory.renameSync(from, to);
      const folder = this.inode(dirname(to));
      if (!(folder instanceof FolderInode)) return;
      if (dirname(from) === dirname(to)) {
        folder.change([
          [basename(from), null],
          [basename(to), moved],
        ]);
        return;
      }
      if (moved instanceof FolderInode) throw new Error("moving a folder into another one is not modelled");
      this.#change(to, moved);
      this.#change(from, null);
    });
  }

  #link(from: string, to: string): void {
    this.#pass("link", to, () => {
      this.memory.linkSync(from, to);
      this.#change(to, this.inode(from));
    });
  }

  #makeFolder(path: string): void {
    this.#pass("mkdir", path, () => {
      this.memory.mkdirSync(path);
      this.#change(path, new FolderInode());
    });
  }

  /** Makes a folder and those above it that are missing; returns the first that it made, nothing when it made none. */
  #makeFolders(path: string): string | undefined {
    const found = this.inode(path);
    if (found instanceof FolderInode) return undefined;
    if (found !== null) throw systemError("EEXIST", "mkdir", path);
    const above = this.#makeFolders(dirname(path));
    this.#makeFolder(path);
    return above ?? path;
  }

  #removeName(doing: "unlink" | "rmdir", path: string): void {
    this.#pass(doing, path, () => {
      if (doing === "unlink") this.memory.unlinkSync(path);
      else this.memory.rmdirSync(path);
      this.#change(path, null);
    });
  }

  #remove(path: string, options: { readonly force?: boolean; readonly recursive?: boolean } = {}): void {
    this.#gate.requirePower("rm", path);
    const inode = this.inode(path);
    if (inode instanceof FileInode) this.#removeName("unlink", path);
    else if (inode === null) {
      if (options.force !== true) throw systemError("ENOENT", "rm", path);
    } else {
      if (options.recursive !== true) throw systemError("EISDIR", "rm", path);
      for (const name of inode.live.keys()) this.#remove(join(path, name), options);
      this.#removeName("rmdir", path);
    }
  }

  #changeMode(path: string, inode: Inode | null, mode: number): void {
    this.#pass("chmod", path, () => {
      this.memory.chmodSync(path, mode);
      if (inode instanceof FileInode) inode.mode = mode;
    });
  }

  /** The calls that wait, as `node:fs` has them. */
  calls(): SyncCalls {
    const text = (path: unknown): string => resolve("/", pathText(path as string));
    const target = (file: unknown): string | number => (typeof file === "number" ? file : text(file));
    const whole =
      (usual: string) =>
      (file: unknown, data: string | NodeJS.ArrayBufferView, options: WholeOptions = {}): void => {
        const { encoding, flag = usual, mode } = optionsOf(options);
        this.#writeWhole(target(file), bytesOf(data, encoding), flag, mode);
      };
    const looking =
      (name: "statSync" | "lstatSync" | "readdirSync" | "accessSync" | "realpathSync" | "fstatSync") =>
      (file: unknown, ...rest: unknown[]): unknown => {
        this.#gate.requirePower(name, String(file));
        return (this.memory[name] as (...args: unknown[]) => unknown)(target(file), ...rest);
      };
    return {
      openSync: (path, flags, mode) => this.#openFile(text(path), flags ?? undefined, mode ?? undefined),
      closeSync: (fd) => this.#close(fd),
      writeSync: (fd, data, ...rest) => {
        const { bytes, position } = transferOf(data, ...rest);
        return this.#write(fd, bytes, position);
      },
      writevSync: (fd, buffers: NodeJS.ArrayBufferView[], position) =>
        this.#write(fd, Buffer.concat(buffers.map((buffer) => bytesOf(buffer))), position ?? null),
      writeFileSync: whole("w"),
      appendFileSync: whole("a"),
      ftruncateSync: (fd, size) => this.#truncate(fd, size ?? 0),
      truncateSync: (path, size) => {
        const fd = this.#openFile(text(path), "r+");
        try {
          this.#truncate(fd, size ?? 0);
        } finally {
          this.#close(fd);
        }
      },
      fsyncSync: (fd) => this.#syncFile(fd),
      fdatasyncSync: (fd) => this.#syncFile(fd),
      renameSync: (from, to) => this.#rename(text(from), text(to)),
      linkSync: (from, to) => this.#link(text(from), text(to)),
      unlinkSync: (path) => this.#removeName("unlink", text(path)),
      rmdirSync: (path) => this.#removeName("rmdir", text(path)),
      rmSync: (path, options) => this.#remove(text(path), options ?? undefined),
      mkdirSync: (path, options) =>
        options?.recursive === true ? this.#makeFolders(text(path)) : this.#makeFolder(text(path)),
      chmodSync: (path, mode) => this.#changeMode(text(path), this.inode(text(path)), mode),
      fchmodSync: (fd, mode) => this.#changeMode(this.#file(fd).path, this.#file(fd).inode, mode),
      readSync: (fd, data, ...rest) => {
        const { bytes, position } = transferOf(data, ...rest);
        return this.#read(fd, bytes, position);
      },
      readFileSync: (file, options: WholeOptions) => this.#readWhole(target(file), optionsOf(options).encoding),
      existsSync: (path) => this.#gate.powered && this.memory.existsSync(text(path)),
      statSync: looking("statSync"),
      lstatSync: looking("lstatSync"),
      fstatSync: looking("fstatSync"),
      readdirSync: looking("readdirSync"),
      accessSync: looking("accessSync"),
      realpathSync: looking("realpathSync"),
    };
  }
}

type WholeOptions = { encoding?: BufferEncoding; flag?: string; mode?: number } | BufferEncoding | null | undefined;

function optionsOf(options: WholeOptions): { encoding?: BufferEncoding; flag?: string; mode?: number } {
  return typeof options === "string" ? { encoding: options } : (options ?? {});
}
