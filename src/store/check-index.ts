import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { Repository } from "../git/repository.ts";
import { derive } from "./derived.ts";
import { dumpOf } from "./derived-dump.ts";
import { REMEMBERED_SECONDS } from "./idempotency.ts";
import { PinnedRepository } from "./pinned.ts";
import type { SnapshotFile } from "./snapshot.ts";

/** What is said of the snapshot of the index: it knows what Git says, it knows something else, or there is none of use. */
export type IndexState = "equal" | "differs" | "none";

/** How often it is looked at, and how long (ms) lies in between: a server may be writing one, or be a moment ahead of the disk. */
const LOOKS = 4;
const PAUSE_MS = 300;

/**
 * Compares what is derived by way of the snapshot with what is derived from Git alone, beside a server as well. `now` is
 * in ms since 1970.
 */
export async function checkIndex(repository: Repository, snapshot: SnapshotFile, now: number): Promise<IndexState> {
  for (let looks = 1; snapshot.isThere(); looks++) {
    const pinned = new PinnedRepository(repository);
    const { derived, rebuilt } = snapshot.derive(pinned, now);
    const since = now / 1000 - REMEMBERED_SECONDS;
    if (!rebuilt && isDeepStrictEqual(dumpOf(derived, since), dumpOf(derive(pinned, now), since))) return "equal";
    if (looks === LOOKS) return rebuilt ? "none" : "differs";
    await sleep(PAUSE_MS);
  }
  return "none";
}
