import { changeOp } from "../domain/change.ts";
import { RuntreeError } from "../domain/errors.ts";
import { documentAt } from "../domain/layout.ts";
import { readCommit } from "../git/commit.ts";
import type { Oid } from "../git/objects.ts";
import { diffTrees } from "../git/tree.ts";
import type { Authorship } from "../store/authorship.ts";
import { readBlob, readDocumentBlob } from "../store/documents.ts";
import type { RunView } from "../store/run-view.ts";
import type { Store } from "../store/store.ts";
import { advanceRun } from "./advance-run.ts";
import { requireRun } from "./refusal.ts";
import { firstRecord } from "./start-run.ts";

/** The merge that brought a run. Throws `run_closed` for one that closed without, `bad_request` for one that is open. */
function requireMerge(store: Store, { record, head, place }: RunView): Oid {
  const { id, status } = record;
  if (place === "open") {
    const words = `Run ${id} is ${status}: main has nothing of it to revert. Cancel it instead.`;
    throw new RuntreeError("bad_request", words, { run: id });
  }
  const merge = place === "merged" ? store.mergeCommitOf(head) : null;
  if (merge !== null) return merge;
  throw new RuntreeError("run_closed", `Run ${id} is ${status}: it was closed without a merge.`, { run: id });
}

/** What undoes the documents of a merge: files as its first parent has them, null where that has none, and a line for each. */
function undoing(store: Store, merge: Oid): { files: Map<string, string | null>; lines: string[] } {
  const read = store.reader();
  const { tree, parents } = readCommit(read, merge);
  const files = new Map<string, string | null>();
  const lines: string[] = [];
  for (const { path, before, after } of diffTrees(read, tree, readCommit(read, parents[0] ?? "").tree)) {
    const name = documentAt(path);
    if (name === null) continue;
    files.set(path, after === null ? null : readBlob(read, after.oid).toString("utf8"));
    const op = changeOp(readDocumentBlob(read, before?.oid ?? null), readDocumentBlob(read, after?.oid ?? null));
    if (op !== null) lines.push(`${op} ${name.collection}/${name.id}`);
  }
  return { files, lines };
}

/**
 * Opens a `custom` run that takes back what a merged run did to documents, and nothing that came after it. It forks from
 * the merge and has the documents as its first parent had them, so the gate's own merge is the one that DESIGN §4 asks
 * for: base is the merge, ours `main`, theirs its first parent. With `done` it is merged at once, or judged `later`. Throws
 * `run_not_found`, `bad_request`, `run_closed`, and what a refused merge throws.
 */
export async function revertRun(
  store: Store,
  author: Authorship,
  runId: string,
  { done, later }: { readonly done?: boolean; readonly later?: boolean },
): Promise<RunView> {
  const reverted = requireRun(store, runId);
  store.main.catchUp();
  const merge = requireMerge(store, reverted);
  const now = store.clock();
  const id = store.nextRunId(now);
  return store.turns.take(`run ${id}`, async () => {
    const metadata = { reverts: reverted.record.id };
    const opened = { job_id: "custom", id, at: new Date(now).toISOString(), base: merge, metadata };
    return advanceRun(store, author, {
      from: null,
      tree: readCommit(store.reader(), merge).tree,
      parents: [merge],
      ...undoing(store, merge),
      notices: [],
      record: firstRecord(author, done === undefined ? opened : { ...opened, done }),
      subject: `Start run ${id} of custom: revert run ${reverted.record.id}`,
      later,
    });
  });
}
