import type { JobRecord } from "../domain/job.ts";
import type { TemplateRecord } from "../domain/job-template.ts";
import { canonicalJson, type Json } from "../domain/json.ts";
import { jobPath, OPS, templatePath } from "../domain/layout.ts";
import { readCommit } from "../git/commit.ts";
import { type EncodedObject, encodeObject } from "../git/objects.ts";
import type { RefMove } from "../git/refs.ts";
import { editTree } from "../git/tree-edit.ts";
import { EMPTY_TREE, EMPTY_TREE_OBJECT } from "../git/tree.ts";
import { authoredCommit, type Authorship, type CommitText } from "./authorship.ts";
import type { Learned, Store } from "./store.ts";

/** What one commit of `ops` changes: records as they are from now on, and of jobs that go as they were. */
export interface OpsChange {
  readonly jobs?: readonly JobRecord[];
  readonly gone?: readonly JobRecord[];
  readonly template?: TemplateRecord;
  /** The order of the queue was what this is about. */
  readonly reorders?: boolean;
}

/** What is written in the same transaction. */
export interface WrittenWith {
  readonly objects: readonly EncodedObject[];
  readonly refs: readonly RefMove[];
  readonly learned: Pick<Learned, "run" | "commits">;
  /** Nobody is answered yet when it is durable (`WriteGroup`). */
  readonly early?: true;
}

interface RecordFile {
  readonly path: string;
  readonly blob: EncodedObject | null;
}

function fileOf(path: string, record: JobRecord | TemplateRecord): RecordFile & { readonly blob: EncodedObject } {
  return { path, blob: encodeObject("blob", canonicalJson(record as unknown as Json)) };
}

/** Writes a change of `ops` as one commit, all of it or nothing. The caller holds the turn of `ops`. Throws `ref_moved`. */
export async function commitToOps(
  store: Store,
  author: Authorship,
  { jobs = [], gone = [], template, reorders = false }: OpsChange,
  text: CommitText,
  more: WrittenWith = { objects: [], refs: [], learned: { commits: [] } },
): Promise<void> {
  const read = store.reader();
  const head = store.repository.ref(OPS);
  const changed = jobs.map((job) => ({ job, file: fileOf(jobPath(job), job) }));
  const files: RecordFile[] = [
    ...changed.map(({ file }) => file),
    ...gone.map((job) => ({ path: jobPath(job), blob: null })),
    ...(template === undefined ? [] : [fileOf(templatePath(template.id), template)]),
  ];
  const tree = head === null ? null : readCommit(read, head).tree;
  const edits = new Map(files.map(({ path, blob }) => [path, blob?.oid ?? null]));
  const { root, objects } = editTree(read, tree, edits);
  const commit = authoredCommit(read, store.signing(author), {
    ...text,
    tree: root ?? EMPTY_TREE,
    parents: head === null ? [] : [head],
  });
  const fresh = [...files.flatMap(({ blob }) => blob ?? []), ...(root === null ? [EMPTY_TREE_OBJECT] : [])];
  const group = {
    objects: [...more.objects, ...fresh, ...objects, commit],
    refs: [...more.refs, { ref: OPS, from: head, to: commit.oid }],
    ...(more.early === true ? ({ early: true } as const) : {}),
  };
  await store.apply(group, {
    ...more.learned,
    jobs: [
      ...changed.map(({ job, file }) => ({ job, blob: file.blob.oid })),
      ...gone.map((job) => ({ job, blob: null })),
    ],
    ...(template === undefined ? {} : { template }),
    reorders,
    commits: [...more.learned.commits, commit.oid],
  });
}
