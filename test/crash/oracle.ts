import { canonicalJson, type Json } from "../../src/domain/json.ts";
import { ATTIC, CONFIGURATION_FILE, MAIN, OPS } from "../../src/domain/layout.ts";
import { readCommit } from "../../src/git/commit.ts";
import type { Oid } from "../../src/git/objects.ts";
import { diffTrees, walkFiles } from "../../src/git/tree.ts";
import type { RunFilter } from "../../src/store/run-filter.ts";
import type { RunView } from "../../src/store/run-view.ts";
import type { Store } from "../../src/store/store.ts";
import { type Asked, GIT_DIR, rememberedKey } from "../support/faulty-store.ts";
import type { FaultyDisk } from "../support/faulty-disk.ts";
import { temporaryFolder } from "../support/folders.ts";
import { fsck } from "../support/git.ts";

/** What a store holds, piece by piece: what a client may rely on, without what differs from one try to the next. */
export type State = ReadonlyMap<string, string>;

/** The changes from one state to another; null where something is gone. */
export type Effect = ReadonlyMap<string, string | null>;

/** The name of a run in a state: a run whose id the store chose goes by its pipeline. */
function nameOf({ record }: RunView): string {
  return record.pipeline_name ?? record.id;
}

function isContent(path: string): boolean {
  return path.startsWith("metadata/") || path.startsWith("schemas/") || path === CONFIGURATION_FILE;
}

/** How many commits of a first-parent chain brought each tip. */
function broughtBy(store: Store, tip: Oid | null): Map<Oid, number> {
  const brought = new Map<Oid, number>();
  for (let at: Oid | undefined = tip ?? undefined; at !== undefined;) {
    const { parents } = readCommit(store.reader(), at);
    const second = parents[1];
    if (second !== undefined) brought.set(second, (brought.get(second) ?? 0) + 1);
    at = parents[0];
  }
  return brought;
}

/** What a store holds. Of a run that `uncounted` names, how often it was submitted to is left out. */
export function stateOf(store: Store, uncounted: ReadonlySet<string>): State {
  const state = new Map<string, string>();
  const read = store.reader();
  const treeOf = (commit: Oid): Oid => readCommit(read, commit).tree;
  const [main, attic, ops] = [MAIN, ATTIC, OPS].map((ref) => store.repository.ref(ref));
  const [merges, kept] = [broughtBy(store, main ?? null), broughtBy(store, attic ?? null)];
  const place = (key: string, value: unknown): void => {
    for (let copy = 1; ; copy++) {
      const free = copy === 1 ? key : `${key}, copy ${copy}`;
      if (state.has(free)) continue;
      state.set(free, JSON.stringify(value));
      return;
    }
  };
  for (const view of listed(store, {})) {
    const { record, head } = view;
    const changes = [...diffTrees(read, treeOf(record.base), treeOf(head))].filter(({ path }) => isContent(path));
    place(`run ${nameOf(view)}`, {
      place: view.place,
      status: record.status,
      warnings: record.warning_count,
      error: record.error?.code,
      outcome: record.merge?.verdict.outcome,
      submissions: uncounted.has(record.id) ? null : record.submissions,
      changes: changes.map(({ path, after }) => `${path} ${after?.oid ?? "gone"}`).sort(),
      merges: merges.get(head) ?? 0,
      kept: kept.get(head) ?? 0,
    });
    merges.delete(head);
    kept.delete(head);
  }
  place("merges of no run", [...merges, ...kept].length);
  for (const { path, entry } of walkFiles(read, main == null ? null : treeOf(main)))
    if (isContent(path)) place(`main ${path}`, entry.oid);
  for (const { path, entry } of walkFiles(read, ops == null ? null : treeOf(ops))) place(`ops ${path}`, entry.oid);
  return state;
}

/** What changed from one state to another. */
export function effectBetween(before: State, after: State): Effect {
  const keys = new Set([...before.keys(), ...after.keys()]);
  return new Map(
    [...keys].filter((key) => before.get(key) !== after.get(key)).map((key) => [key, after.get(key) ?? null]),
  );
}

/** The state that an effect makes of another. */
export function withEffect(state: State, effect: Effect): State {
  const changed = new Map(state);
  for (const [key, value] of effect) {
    if (value === null) changed.delete(key);
    else changed.set(key, value);
  }
  return changed;
}

/** Where two states differ, in words; nothing when they are the same. */
export function differences(what: string, found: State, expected: State): string[] {
  return Array.from(
    effectBetween(expected, found),
    ([key, value]) => `${what}: ${key} is ${value ?? "absent"}, not ${expected.get(key) ?? "absent"}`,
  );
}

const EVERY_RUN = { offset: 0, limit: Infinity };

/** The runs of a filter as the list of runs shows them. */
function listed(store: Store, filter: RunFilter): RunView[] {
  return store.runs.select(filter, EVERY_RUN).ids.flatMap((id) => store.runs.view(id) ?? []);
}

/** Everything that a store derives from Git, to be held against what another one derives from the same bytes. */
export function derivedOf(store: Store, requests: readonly Asked[]): State {
  const { index } = store.main;
  const read = store.reader();
  const names = [...walkFiles(read, store.main.tree)]
    .map(({ path }) => path)
    .filter((path) => path.startsWith("metadata/"));
  const ids = names.map((path) => decodeURIComponent(path.slice(path.lastIndexOf("/") + 1, -".json".length)));
  const keys = requests.flatMap((request) => rememberedKey(request) ?? []);
  const jobs = requests.flatMap(({ body }) =>
    "job_id" in (body as object) ? [(body as { job_id: string }).job_id] : [],
  );
  const parts: Record<string, unknown> = {
    main: store.main.commit,
    chain: Array.from({ length: store.main.history.length }, (_, place) => store.main.history.at(place)),
    runs: listed(store, {}).map((view) => canonicalJson(view as unknown as Json)),
    open: store.runs.openCount(),
    merged: store.runs.select({ status: "success" }, EVERY_RUN).ids,
    counts: [...store.main.rules.collections.keys()].map((name) => [name, index.count(name)]),
    referrers: ids.map((id) => [
      id,
      index
        .referrers(id)
        .map((referrer) => JSON.stringify(referrer))
        .sort(),
    ]),
    jobs: jobs.map((id) => canonicalJson(store.jobs.find(id) as unknown as Json)),
    // One that had nothing to write names no job, and a new start does not know it.
    requests: keys.flatMap((key) => {
      const { run, job, refused, body } = store.requests.find(key) ?? { job: null };
      return job === null ? [] : [[key, run, job, refused, body]];
    }),
  };
  return new Map(Object.entries(parts).map(([name, value]) => [name, JSON.stringify(value)]));
}

/**
 * Files that nobody should find. After a power cut git's own kind of temporary objects may lie about, which its
 * maintenance takes away.
 */
export function leftBehind(disk: FaultyDisk, afterCut: boolean): string[] {
  return disk
    .paths()
    .filter((path) => /\.(lock|new|keep|tmp)$|\.new-|\/tmp_/.test(path))
    .filter((path) => !(afterCut && /\/objects\/..\/tmp_obj_/.test(path)))
    .map((path) => `left behind: ${path}`);
}

/** git's own complaints about the repository of a disk. */
export function complaintsOfGit(disk: FaultyDisk): string[] {
  const folder = temporaryFolder();
  disk.writeTo(folder, GIT_DIR);
  try {
    return fsck(folder)
      .filter((line) => !line.startsWith("dangling "))
      .map((line) => `git fsck: ${line}`);
  } catch (error) {
    return [`git fsck: ${error instanceof Error ? error.message : String(error)}`];
  }
}
