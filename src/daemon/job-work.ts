import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  opendirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { lstat, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { systemCode } from "../domain/errors.ts";
import { isPortable } from "../domain/layout.ts";

/** What a job may take of this machine, in bytes. */
export interface WorkLimits {
  readonly outputBytes: number;
  readonly artifactBytes: number;
  readonly logBytes: number;
}

/** A file that a job brought along. */
export interface BroughtFile {
  readonly path: string;
  readonly bytes: Buffer;
}

/** What a job left: its output (null: none) and its files; or why they cannot be taken. */
export type JobHarvest =
  | { readonly output: Buffer | null; readonly files: readonly BroughtFile[] }
  | { readonly fault: { readonly code: "output_invalid" | "artifacts_invalid"; readonly message: string } };

/** Up to how many characters params stand in the environment, too. */
const ENVIRONMENT_PARAMS = 64_000;

/** How many files and folders a job may bring along, and how deep below its folder. */
const MOST_ENTRIES = 1000;
const MOST_FOLDERS = 8;

/** The private folder of one job: its params, its output, the files it brings along. Used in the process that starts jobs. */
export class JobWork {
  readonly #folder: string;
  readonly #limits: WorkLimits;
  /** Which folder was made, whatever is called so later. */
  readonly #made: string | null;

  /** Makes the folder and writes the params, for this user only. Throws the system's errors. */
  constructor(folder: string, params: string, limits: WorkLimits) {
    this.#folder = folder;
    this.#limits = limits;
    mkdirSync(dirname(folder), { recursive: true, mode: 0o700 });
    // A process may have closed it to everybody, by accident.
    chmodSync(dirname(folder), 0o700);
    mkdirSync(folder, { mode: 0o700 });
    try {
      mkdirSync(join(folder, "artifacts"), { mode: 0o700 });
      writeFileSync(join(folder, "params.json"), params, { mode: 0o600, flag: "wx" });
      this.#made = identityOf(folder);
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** The variables that tell a job where things are. */
  environment(params: string): Record<string, string> {
    return {
      RUNTREE_PARAMS_FILE: join(this.#folder, "params.json"),
      ...(Buffer.byteLength(params) < ENVIRONMENT_PARAMS ? { RUNTREE_PARAMS: params } : {}),
      RUNTREE_OUTPUT: join(this.#folder, "output.json"),
      RUNTREE_ARTIFACTS: join(this.#folder, "artifacts"),
    };
  }

  /** Reads what the job left, following no links and waiting for nothing. */
  harvest(): JobHarvest {
    try {
      const found = identityOf(this.#folder);
      if (found === null) return { output: null, files: [] };
      if (found !== this.#made)
        return { fault: { code: "output_invalid", message: "The private folder of the process was replaced." } };
      const output = readPlain(join(this.#folder, "output.json"), this.#limits.outputBytes);
      if (typeof output === "string")
        return { fault: { code: "output_invalid", message: `The output ${output}; it has to be a file of JSON.` } };
      const files = this.#files();
      return typeof files === "string"
        ? { fault: { code: "artifacts_invalid", message: files } }
        : { output: output?.length === 0 ? null : output, files };
    } catch (error) {
      const message = `What the process left cannot be read: ${error instanceof Error ? error.message : String(error)}`;
      return { fault: { code: "output_invalid", message } };
    }
  }

  /** The files below the artifacts, by their paths there; or why they cannot be taken. */
  #files(): BroughtFile[] | string {
    const root = join(this.#folder, "artifacts");
    const files: BroughtFile[] = [];
    if (!isFolderOrNothing(root)) return "What stands in place of the folder for artifacts is no folder.";
    let [bytesLeft, entriesLeft] = [this.#limits.artifactBytes, MOST_ENTRIES];
    const open = [""];
    for (let below = open.pop(); below !== undefined; below = open.pop()) {
      const names = namesIn(join(root, below), entriesLeft);
      entriesLeft -= names.length;
      if (entriesLeft < 0) return `There are more than ${MOST_ENTRIES} artifacts, counted with their folders.`;
      for (const name of names) {
        const path = below === "" ? name : `${below}/${name}`;
        if (!isPortable(path) || path.split("/").length > MOST_FOLDERS)
          return `The artifact ${path.slice(0, 200)} has a name that not every system has.`;
        if (lstatSync(join(root, path)).isDirectory()) {
          open.push(path);
          continue;
        }
        const bytes = readPlain(join(root, path), bytesLeft);
        if (typeof bytes === "string" || bytes === null)
          return `The artifact ${path} ${bytes ?? "went while it was read"}; together they may have ${this.#limits.artifactBytes} bytes.`;
        bytesLeft -= bytes.length;
        files.push({ path, bytes });
      }
    }
    return files;
  }

  /** Takes the folder away at once, and then removes all that is in it, as far as the system lets it. */
  async clear(): Promise<void> {
    const gone = `${this.#folder}.gone`;
    try {
      renameSync(this.#folder, gone);
    } catch {
      // Its process removed it, or it cannot be moved.
      return removeFolder(this.#folder);
    }
    return removeFolder(gone);
  }
}

/** Tells what is at a path apart from what is there later, links not followed; null when nothing is. */
function identityOf(path: string): string | null {
  const found = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  // The number of what went is soon given to something else.
  return found === undefined ? null : `${found.isDirectory()} ${found.dev} ${found.ino} ${found.birthtimeNs}`;
}

/** Removes a folder that a process had for itself. What the system does not let go stays. */
export async function removeFolder(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch {
    // Folders in it may be closed to everybody, and a path in it may be longer than any that can be named, where these go
    // down step by step. Should they fail as well, it is in nobody's way, as no other process is given a folder of this name.
    const found = await lstat(path).catch(() => null);
    if (found?.isDirectory() === true) await done("chmod", "-R", "u+rwx", "--", path);
    await done("rm", "-rf", "--", path);
  }
}

async function done(program: string, ...args: readonly string[]): Promise<void> {
  await once(spawn(program, args, { stdio: "ignore" }), "close").catch(() => undefined);
}

/** The names in a folder, in order; one more than so many when there are more. */
function namesIn(path: string, most: number): string[] {
  const names: string[] = [];
  try {
    const folder = opendirSync(path);
    try {
      for (let entry = folder.readSync(); entry !== null && names.length <= most; entry = folder.readSync())
        names.push(entry.name);
    } finally {
      folder.closeSync();
    }
  } catch (error) {
    if (systemCode(error) !== "ENOENT" && systemCode(error) !== "ENOTDIR") throw error;
  }
  return names.sort();
}

function isFolderOrNothing(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found === undefined || found.isDirectory();
}

/** The bytes of a plain file; null when there is none, or what is wrong with it. A pipe is not waited for, a link not followed. */
function readPlain(path: string, most: number): Buffer | string | null {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return null;
    if (systemCode(error) === "ELOOP") return "is a link";
    if (systemCode(error) === "ENXIO") return "is no plain file";
    throw error;
  }
  try {
    const found = fstatSync(file);
    if (!found.isFile()) return "is no plain file";
    if (found.size > most) return `has ${found.size} bytes, more than ${most}`;
    // It may grow meanwhile, by somebody whom the process left behind.
    const bytes = Buffer.alloc(found.size);
    let read = 0;
    for (let more = -1; more !== 0 && read < bytes.length; read += more)
      more = readSync(file, bytes, read, bytes.length - read, read);
    return bytes.subarray(0, read);
  } finally {
    closeSync(file);
  }
}

/** The log of a job: what comes is written at once, up to a bound, behind which it says so once. */
export class JobLog {
  readonly #file: number;
  readonly #most: number;
  #written = 0;
  #isCut = false;

  /** Makes the file, which must not be there. Throws the system's errors. */
  constructor(path: string, most: number) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    this.#file = openSync(path, "wx", 0o600);
    this.#most = most;
  }

  write(bytes: Buffer): void {
    if (this.#isCut) return;
    const kept = bytes.subarray(0, this.#most - this.#written);
    const isLast = kept.length < bytes.length;
    const cut = isLast ? Buffer.from(`\n[runtree: the log is cut here, after ${this.#most} bytes]\n`) : Buffer.alloc(0);
    this.#isCut = isLast;
    this.#written += kept.length;
    try {
      const all = Buffer.concat([kept, cut]);
      for (let done = 0; done < all.length;) done += writeSync(this.#file, all, done);
    } catch {
      // The disk is full: the job goes on without a log.
      this.#isCut = true;
    }
  }

  close(): void {
    closeSync(this.#file);
  }
}
