/** A call that may change what is on the disk, or fail for want of descriptors. Its number is its place in `calls`, from 1. */
export interface DiskCall {
  readonly doing: "open" | "write" | "truncate" | "sync" | "rename" | "unlink" | "link" | "mkdir" | "rmdir" | "chmod";
  readonly path: string;
  /** False for opening what is there. */
  readonly changes: boolean;
}

/**
 * What happens at the nth call from now: the power goes, or the system reports an error, once or from then on.
 * A write that fails has written half of its bytes; a sync that fails leaves what it was for in doubt.
 */
export type Fault =
  | { readonly at: number; readonly kind: "cut" }
  | { readonly at: number; readonly kind: "error"; readonly code: string; readonly sticky: boolean };

/** An error as the system reports it. */
export function systemError(code: string, doing: string, path: string, why = ""): NodeJS.ErrnoException {
  const words = why === "" ? `${doing} '${path}'` : `${why}, ${doing} '${path}'`;
  return Object.assign(new Error(`${code}: ${words}`), { code, syscall: doing, path });
}

/** What every call that changes a disk passes, and where it fails when it shall. */
export class DiskGate {
  /** The calls since the last `plant`. */
  calls: DiskCall[] = [];
  /** The first call that failed since the last `plant`. */
  failed: DiskCall | null = null;
  #fault: Fault | null = null;
  #powered = true;

  get powered(): boolean {
    return this.#powered;
  }

  /** Counts calls from now on, and lets one of them fail; null: none. */
  plant(fault: Fault | null): void {
    this.calls = [];
    this.failed = null;
    this.#fault = fault;
  }

  /** Throws once the power is off. */
  requirePower(doing: string, path: string): void {
    if (!this.#powered) throw systemError("EIO", doing, path, "the power is off");
  }

  /** Counts a call and carries it out, unless it shall fail; `halfway` is what a failing one does all the same. */
  pass<Result>(call: DiskCall, work: () => Result, halfway: () => void = () => undefined): Result {
    this.requirePower(call.doing, call.path);
    const number = this.calls.push(call);
    const fault = this.#fault;
    if (fault === null || !isReached(fault, number)) return work();
    this.failed ??= call;
    if (fault.kind === "cut") {
      this.#powered = false;
      throw systemError("EIO", call.doing, call.path, "the power went");
    }
    halfway();
    throw systemError(fault.code, call.doing, call.path, "planted");
  }
}

function isReached(fault: Fault, number: number): boolean {
  return number === fault.at || (number > fault.at && fault.kind === "error" && fault.sticky);
}
