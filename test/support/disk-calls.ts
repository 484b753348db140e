import { constants, type PathLike } from "node:fs";
import type { FileSystem } from "../../src/git/files.ts";

/** A system call in the form that waits; the other forms are made of it. */
// oxlint-disable-next-line typescript/no-explicit-any
type Call = (...args: any[]) => unknown;

/** The calls of a disk that wait, by their names in `node:fs`. */
export type SyncCalls = Readonly<Record<`${string}Sync`, Call>>;

const OPEN_FLAGS: Readonly<Record<string, number>> = {
  r: constants.O_RDONLY,
  "r+": constants.O_RDWR,
  "rs+": constants.O_RDWR | constants.O_SYNC,
  w: constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC,
  "w+": constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC,
  wx: constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_EXCL,
  "wx+": constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC | constants.O_EXCL,
  a: constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND,
  "a+": constants.O_RDWR | constants.O_CREAT | constants.O_APPEND,
  ax: constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_EXCL,
  as: constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_SYNC,
};

/** The kernel's number for flags as `open` takes them. */
export function openFlags(flags: string | number): number {
  const number = typeof flags === "number" ? flags : OPEN_FLAGS[flags];
  if (number === undefined) throw new TypeError(`open flags ${flags} are not known`);
  return number;
}

/** Part of a buffer, and where in a file it goes or comes from; null is where the file stands. */
export interface Transfer {
  readonly bytes: Buffer;
  readonly position: number | null;
}

type TransferOptions = { offset?: number; length?: number; position?: number | bigint | null };

/** Understands the arguments of `read` and `write` behind the descriptor, in any of their forms. */
export function transferOf(data: string | NodeJS.ArrayBufferView, ...rest: readonly unknown[]): Transfer {
  if (typeof data === "string") {
    const [position, encoding] = rest as [number | null | undefined, BufferEncoding | undefined];
    return { bytes: Buffer.from(data, encoding), position: place(position) };
  }
  const whole = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const [first] = rest;
  const {
    offset = 0,
    length,
    position,
  } = typeof first === "object" && first !== null
    ? (first as TransferOptions)
    : ({ offset: first ?? 0, length: rest[1] ?? undefined, position: rest[2] } as TransferOptions);
  return {
    bytes: whole.subarray(offset, length === undefined ? whole.length : offset + length),
    position: place(position),
  };
}

function place(position: number | bigint | null | undefined): number | null {
  return position == null || Number(position) < 0 ? null : Number(position);
}

/** One buffer of what is written as text, bytes, or a list of them. */
export function bytesOf(data: string | NodeJS.ArrayBufferView, encoding?: BufferEncoding): Buffer {
  return typeof data === "string"
    ? Buffer.from(data, encoding)
    : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

/** The text of a path. */
export function pathText(path: PathLike): string {
  return path instanceof URL ? decodeURIComponent(path.pathname) : path.toString();
}

/** Calls that hand their buffer back as a second result. */
const WITH_BUFFER: ReadonlySet<string> = new Set(["read", "write", "writev"]);

/** Carries a call out when the event loop comes round, as one that the kernel answers later. */
function later(call: Call, args: readonly unknown[]): Promise<unknown> {
  return new Promise((resolve, reject) => {
    setImmediate(() => {
      try {
        resolve(call(...args));
      } catch (error) {
        reject(error as Error);
      }
    });
  });
}

function callbackForm(name: string, call: Call): Call {
  return (...args: unknown[]): void => {
    const callback = args.pop() as (error: unknown, ...results: unknown[]) => void;
    if (typeof callback !== "function") throw new TypeError(`${name} needs a callback`);
    const more = WITH_BUFFER.has(name) ? [args[1]] : [];
    later(call, args).then(
      // Not within the promise, or what the callback throws would be a rejection that nobody sees.
      (result) => process.nextTick(callback, null, result, ...more),
      (error: unknown) => process.nextTick(callback, error),
    );
  };
}

/** An open file of the promised form. */
function fileHandle(calls: SyncCalls, fd: number): object {
  const on = (name: string, given: readonly unknown[]): Promise<unknown> =>
    later(calls[`${name}Sync`] as Call, [fd, ...given]);
  const close = (): Promise<unknown> => on("close", []);
  return {
    fd,
    close,
    [Symbol.asyncDispose]: close,
    sync: () => on("fsync", []),
    datasync: () => on("fdatasync", []),
    stat: (...args: unknown[]) => on("fstat", args),
    chmod: (...args: unknown[]) => on("fchmod", args),
    truncate: (...args: unknown[]) => on("ftruncate", args),
    readFile: (...args: unknown[]) => on("readFile", args),
    writeFile: (...args: unknown[]) => on("writeFile", args),
    appendFile: (...args: unknown[]) => on("appendFile", args),
    read: async (buffer: unknown, ...args: unknown[]) => ({ bytesRead: await on("read", [buffer, ...args]), buffer }),
    write: async (buffer: unknown, ...args: unknown[]) => ({
      bytesWritten: await on("write", [buffer, ...args]),
      buffer,
    }),
    writev: async (buffers: unknown, ...args: unknown[]) => ({
      bytesWritten: await on("writev", [buffers, ...args]),
      buffers,
    }),
  };
}

/** Makes a file system of its calls that wait: the same with callbacks, with promises, and the methods of open files. */
export function fileSystemOf(calls: SyncCalls): FileSystem {
  const pairs = Object.entries(calls).map(([name, call]) => [name.slice(0, -"Sync".length), call] as const);
  const withCallbacks = Object.fromEntries(pairs.map(([name, call]) => [name, callbackForm(name, call)]));
  const promised = Object.fromEntries(
    pairs.map(([name, call]) => {
      const descriptor = (file: unknown): unknown =>
        typeof file === "object" && file !== null && "fd" in file ? file.fd : file;
      return [name, async (file: unknown, ...rest: unknown[]) => later(call, [descriptor(file), ...rest])];
    }),
  );
  const open = async (...args: unknown[]): Promise<object> =>
    fileHandle(calls, (await later(calls["openSync"] as Call, args)) as number);
  return { constants, ...calls, ...withCallbacks, promises: { constants, ...promised, open } } as unknown as FileSystem;
}
