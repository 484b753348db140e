import { encodeCommit, formatMessage, readCommit, trailerOf } from "../git/commit.ts";
import type { EncodedObject, Oid, ReadObject } from "../git/objects.ts";

/** Hashes of an Idempotency-Key with its scope, and of the body that came with it. */
export interface IdempotencyMark {
  readonly key: string;
  readonly body: string;
}

/** On whose behalf something is written. */
export interface Authorship {
  readonly principal: string;
  readonly idempotency: IdempotencyMark | null;
}

export interface CommitText {
  readonly subject: string;
  readonly body?: readonly string[];
  readonly trailers: readonly (readonly [string, string])[];
}

/** The trailer that lets a repeated request be recognised, also after a restart. */
const IDEMPOTENCY = "Idempotency";

/** The trailer of a commit whose content was checked: `passed; 0`, `warned; N`, or `failed; N` where the gate refused. */
export const VALIDATION = "Validation";

/** The trailer of a commit that brought a pushed run's own commits into a history of ours. */
export const PUSHED_BY = "Pushed-by";

/** How many documents a commit message names. */
const MAX_NAMED = 20;

/** The idempotency mark in a commit's message; null when it has none. */
export function markOf(message: string): IdempotencyMark | null {
  const [key, body] = trailerOf(message, IDEMPOTENCY)?.split(" ") ?? [];
  return key === undefined || body === undefined ? null : { key, body };
}

/** The trailer of a submission that was checked, with how many violations were found. */
export function checkedTrailer(violations: number): readonly [string, string] {
  return [VALIDATION, violations === 0 ? "passed; 0" : `warned; ${violations}`];
}

/** The first lines of a list for a commit message, and how many more there are. */
export function named(lines: readonly string[]): string[] {
  const rest = lines.length - MAX_NAMED;
  return [...lines.slice(0, MAX_NAMED), ...(rest > 0 ? [`and ${rest} more`] : [])];
}

/** Makes a commit by a principal through this node; its dates are never before a parent's. */
export function authoredCommit(
  read: ReadObject,
  who: { readonly author: Authorship; readonly node: string; readonly now: number },
  what: CommitText & { readonly tree: Oid; readonly parents: readonly Oid[] },
): EncodedObject {
  const seconds = Math.max(
    Math.floor(who.now / 1000),
    ...what.parents.map((parent) => readCommit(read, parent).committer.seconds),
  );
  const signature = (name: string): { name: string; email: string; seconds: number } => ({
    name,
    email: `${name}@runtree.invalid`,
    seconds,
  });
  const mark = who.author.idempotency;
  const trailers =
    mark === null ? what.trailers : [...what.trailers, [IDEMPOTENCY, `${mark.key} ${mark.body}`] as const];
  return encodeCommit({
    tree: what.tree,
    parents: what.parents,
    author: signature(who.author.principal),
    committer: signature(who.node),
    message: formatMessage(what.subject, what.body ?? [], trailers),
  });
}
