import type { Oid } from "./objects.ts";

/** Ends a list of packet lines (gitprotocol-common). */
const FLUSH = "0000";

/**
 * Adds commits that the repository has to what `git receive-pack` tells of its refs (gitprotocol-pack, `.have`): a
 * client sends what is not reachable from commits that it knows, and one that did not fetch for a while knows no ref.
 * What is no advertisement stays as it is.
 */
export function withHaves(advertisement: Buffer, commits: readonly Oid[]): Buffer {
  const end = advertisement.length - FLUSH.length;
  if (end < 0 || advertisement.toString("latin1", end) !== FLUSH) return advertisement;
  const lines = commits.map((oid) => {
    const line = `${oid} .have\n`;
    return `${(line.length + 4).toString(16).padStart(4, "0")}${line}`;
  });
  return Buffer.concat([advertisement.subarray(0, end), Buffer.from(`${lines.join("")}${FLUSH}`)]);
}
