import { readCommit, trailerOf } from "../git/commit.ts";
import type { Oid } from "../git/objects.ts";
import { readerWith, type Repository } from "../git/repository.ts";
import { markOf, PUSHED_BY, VALIDATION } from "./authorship.ts";

/** How long a key is remembered at least, in seconds (WIRE §1: 24 h; doubled against clock changes). */
export const REMEMBERED_SECONDS = 48 * 60 * 60;
const PRUNE_SECONDS = 60 * 60;

/** What an earlier request with the same key did. */
export interface RememberedRequest {
  readonly body: string;
  /** The newest commit that the request made, and when. */
  readonly commit: Oid;
  readonly seconds: number;
  readonly run: string | null;
  readonly job: string | null;
  readonly template: string | null;
  /** The commit refused the merge that the request asked for. */
  readonly refused: boolean;
}

/** What is remembered, by key. */
export type RequestsState = ReadonlyMap<string, RememberedRequest>;

/** Which requests were answered lately, derived from the trailers of their commits. */
export class RememberedRequests {
  readonly #known: Map<string, RememberedRequest>;
  /** Requests that no commit tells of. */
  readonly #unwritten = new Map<string, RememberedRequest>();
  #pruned = 0;

  /** Begins empty, or with the state of another; `follow` brings it to the present. */
  constructor(state?: RequestsState) {
    this.#known = new Map(state);
  }

  find(key: string): RememberedRequest | null {
    return this.#known.get(key) ?? this.#unwritten.get(key) ?? null;
  }

  /** Takes note of a request that went well without writing anything; a restart forgets it, which does no harm. */
  noteUnwritten(key: string, body: string, run: string, head: Oid, now: number): void {
    if (this.find(key) !== null) return;
    this.#prune(now / 1000);
    this.#unwritten.set(key, {
      body,
      commit: head,
      seconds: now / 1000,
      run,
      job: null,
      template: null,
      refused: false,
    });
  }

  /** Takes note of a commit, if it carries the trailer. Of several commits by one request the newest counts. */
  learn(repository: Pick<Repository, "read">, oid: Oid): void {
    const { message, committer } = readCommit(readerWith(repository), oid);
    const mark = markOf(message);
    if (mark === null) return;
    const { key, body } = mark;
    const refused = trailerOf(message, VALIDATION)?.startsWith("failed") ?? false;
    this.#prune(committer.seconds);
    const known = this.#known.get(key);
    if (known !== undefined && (known.refused || known.seconds > committer.seconds)) return;
    this.#known.set(key, {
      body,
      commit: oid,
      seconds: committer.seconds,
      run: trailerOf(message, "Run-Id"),
      job: trailerOf(message, "Job-Id"),
      template: trailerOf(message, "Template-Id"),
      refused,
    });
  }

  /** Forgets, now and then, what is older than the retention. */
  #prune(now: number): void {
    if (now - this.#pruned < PRUNE_SECONDS) return;
    this.#pruned = now;
    for (const requests of [this.#known, this.#unwritten])
      for (const [key, { seconds }] of requests) if (seconds < now - REMEMBERED_SECONDS) requests.delete(key);
  }

  /**
   * Reads the commits of the last days from the given tips, but for those that `knows` and what came before them.
   * Dates never precede a parent's, so the walk ends there.
   */
  follow(
    repository: Pick<Repository, "read">,
    tips: Iterable<Oid>,
    now: number,
    knows: (commit: Oid) => boolean = () => false,
  ): void {
    const since = now / 1000 - REMEMBERED_SECONDS;
    const found = new Set<Oid>();
    const open = [...tips];
    for (let oid = open.pop(); oid !== undefined; oid = open.pop()) {
      if (found.has(oid) || knows(oid)) continue;
      const { committer, parents, message } = readCommit(readerWith(repository), oid);
      if (committer.seconds < since) continue;
      found.add(oid);
      // What was pushed is not ours, whatever its trailers say.
      open.push(...(trailerOf(message, PUSHED_BY) === null ? parents : parents.slice(0, 1)));
    }
    // The oldest first, as they were made: of two commits in one second the later counts.
    for (const oid of [...found].reverse()) this.learn(repository, oid);
  }

  /** All that is remembered of what was written, for a snapshot; it changes with the requests. */
  state(): RequestsState {
    return this.#known;
  }
}
