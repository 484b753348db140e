import { byUnit } from "../domain/json.ts";
import type { Oid } from "./objects.ts";

/** Ends a list of packet lines (gitprotocol-common). */
const FLUSH = "0000";

/** What `git receive-pack` says before its refs over HTTP (gitprotocol-http). */
const SERVICE = `${packet("# service=git-receive-pack\n")}${FLUSH}`;

/** The headers of that answer, as `git http-backend` sends them. */
export const ADVERTISEMENT_HEADERS: Readonly<Record<string, string>> = {
  Expires: "Fri, 01 Jan 1980 00:00:00 GMT",
  Pragma: "no-cache",
  "Cache-Control": "no-cache, max-age=0, must-revalidate",
  "Content-Type": "application/x-git-receive-pack-advertisement",
};

function packet(line: string): string {
  return `${(Buffer.byteLength(line) + FLUSH.length).toString(16).padStart(4, "0")}${line}`;
}

function haveLines(commits: readonly Oid[]): string {
  return commits.map((oid) => packet(`${oid} .have\n`)).join("");
}

/**
 * Adds commits that the repository has to what `git receive-pack` tells of its refs (gitprotocol-pack, `.have`): a
 * client sends what is not reachable from commits that it knows, and one that did not fetch for a while knows no ref.
 * What is no advertisement stays as it is.
 */
export function withHaves(advertisement: Buffer, commits: readonly Oid[]): Buffer {
  const end = advertisement.length - FLUSH.length;
  if (end < 0 || advertisement.toString("latin1", end) !== FLUSH) return advertisement;
  return Buffer.concat([advertisement.subarray(0, end), Buffer.from(`${haveLines(commits)}${FLUSH}`)]);
}

/** What git can do, as it says behind the first ref of an advertisement; null where it does not. */
export function capabilitiesOf(advertisement: Buffer): string | null {
  const text = advertisement.toString("utf8");
  const begin = text.indexOf("\0") + 1;
  return begin > 0 && text.startsWith(SERVICE) ? text.slice(begin, text.indexOf("\n", begin)) : null;
}

/** The whole advertisement of refs and of other commits, as git itself would make it. */
export function receiveAdvertisement(
  capabilities: string,
  refs: ReadonlyMap<string, Oid>,
  commits: readonly Oid[],
): Buffer {
  const sorted = [...refs].sort(([left], [right]) => byUnit(left, right));
  const lines = sorted.map(([ref, oid], at) => packet(`${oid} ${ref}${at === 0 ? `\0${capabilities}` : ""}\n`));
  return Buffer.from(`${SERVICE}${lines.join("")}${haveLines(commits)}${FLUSH}`);
}
