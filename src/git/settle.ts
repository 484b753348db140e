import { hasCode } from "../domain/errors.ts";
import { lostRef } from "../domain/layout.ts";
import type { BareRepository } from "./bare-repository.ts";
import { decodeGroup, type FoundRecord } from "./journal-record.ts";
import type { EncodedObject, Oid } from "./objects.ts";
import type { RefMove } from "./refs.ts";

/** A ref that somebody else moved while we had moved it, too; ours is kept below `refs/runtree/lost/`. */
export interface LostMove {
  readonly ref: string;
  readonly kept: string;
  readonly ours: Oid;
}

interface JoinedMove extends RefMove {
  readonly through: readonly (Oid | null)[];
}

/** Joins the moves of each ref into one, from where the first starts to where the last ends. */
function joinMoves(moves: readonly RefMove[]): JoinedMove[] {
  const joined = new Map<string, { from: Oid | null; to: Oid | null; through: Set<Oid | null> }>();
  for (const { ref, from, to } of moves) {
    const known = joined.get(ref);
    if (known === undefined) joined.set(ref, { from, to, through: new Set() });
    else {
      known.through.add(from);
      known.to = to;
    }
  }
  return Array.from(joined, ([ref, { from, to, through }]) => ({ ref, from, to, through: [...through] }));
}

/**
 * Brings the records of a journal to where stock git looks for them: objects as loose files or a pack, then refs, each
 * by one move. Doing it again changes nothing, so a crash on the way does no harm. A ref that somebody else moved is
 * left to them; ours is kept, and told. Throws `disk_full`, `io_failed`, `busy`.
 */
export async function settleRecords(disk: BareRepository, records: readonly FoundRecord[]): Promise<LostMove[]> {
  const objects = new Map<Oid, EncodedObject>();
  const moves: RefMove[] = [];
  for (const { body } of records) {
    const group = decodeGroup(body, (oid) => objects.get(oid) ?? disk.read(oid));
    for (const object of group.objects) objects.set(object.oid, object);
    moves.push(...group.refs);
  }
  // A branch that came and went in between need not be seen by anyone.
  let due = joinMoves(moves).filter(({ ref, from, to }) => from !== null || to !== null || disk.ref(ref) !== null);
  const lost: LostMove[] = [];
  for (;;) {
    try {
      await disk.apply({ objects: [...objects.values()], refs: due });
      return lost;
    } catch (error) {
      const ref = hasCode(error, "ref_moved") ? error.data["ref"] : null;
      const moved = due.find((move) => move.ref === ref);
      if (moved === undefined) throw error;
      due = due.filter((move) => move !== moved);
      if (moved.to === null) continue;
      const kept = lostRef(moved.ref, moved.to);
      due = [...due, { ref: kept, from: null, to: moved.to, through: [] }];
      lost.push({ ref: moved.ref, kept, ours: moved.to });
    }
  }
}
