import { encodeRecord } from "./journal-record.ts";
import type { GitObject, Oid, ReadObject } from "./objects.ts";
import { refMoved } from "./refs.ts";
import type { WriteGroup } from "./repository.ts";

/** A group that waits to be appended to the journal, and who is to be told. */
export interface Waiting {
  readonly group: WriteGroup;
  readonly done: () => void;
  readonly fail: (error: unknown) => void;
  /** When it came (ms, monotonic). */
  readonly since: number;
  tries: number;
}

/** Writes that may be appended together, and their records. */
export interface AcceptedWrites {
  readonly accepted: readonly Waiting[];
  readonly records: readonly Buffer[];
  /** Refs that we have not moved lately, to be looked at on disk: where they must be, and the first write that says so. */
  readonly onDisk: ReadonlyMap<string, { readonly from: Oid | null; readonly first: Waiting }>;
}

/**
 * Makes the records of the writes that may be appended, in order, as far as our own moves tell; fails the others with
 * `ref_moved`, or with what reading a base throws. `pending` is where a ref will be when everything appended is settled,
 * undefined where nothing moves it.
 */
export function acceptWrites(
  batch: readonly Waiting[],
  { pending, read }: { readonly pending: (ref: string) => Oid | null | undefined; readonly read: ReadObject },
): AcceptedWrites {
  const moved = new Map<string, Oid | null>();
  const bases = new Map<Oid, GitObject>();
  const onDisk = new Map<string, { from: Oid | null; first: Waiting }>();
  const accepted: Waiting[] = [];
  const records: Buffer[] = [];
  for (const waiting of batch) {
    const { refs, objects } = waiting.group;
    try {
      for (const { ref, from } of refs) {
        const known = moved.has(ref) ? moved.get(ref) : pending(ref);
        if (known !== undefined && known !== from) throw refMoved(ref, from, known);
      }
      records.push(encodeRecord(waiting.group, (oid) => bases.get(oid) ?? read(oid)));
    } catch (error) {
      waiting.fail(error);
      continue;
    }
    accepted.push(waiting);
    for (const object of objects) bases.set(object.oid, object);
    for (const { ref, from, to } of refs) {
      if (!moved.has(ref) && pending(ref) === undefined) onDisk.set(ref, { from, first: waiting });
      moved.set(ref, to);
    }
  }
  return { accepted, records, onDisk };
}
