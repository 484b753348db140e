import { decodeId, encodeId, foldId, isCollectionName, shardOf } from "./ids.ts";
import { datedFolder, runIdTime } from "./run-id.ts";

export const MAIN = "refs/heads/main";
export const OPS = "refs/runtree/ops";
export const ATTIC = "refs/runtree/attic";
export const RUNS = "refs/heads/runs/";
/** Where the record and the verdict of each pushed run are kept: only pushes move its branch. */
export const RESULTS = "refs/runtree/results/";
/** Where a commit is kept that would else be on no ref any more. */
export const LOST = "refs/runtree/lost/";
export const CONFIGURATION_FILE = "runtree.json";
export const RUN_FILE = "run.json";
/** Beside the record of a pushed run: what the gate said of its tip. */
export const VERDICT_FILE = "verdict.json";
/** The collection name under which changes of `runtree.json`, schemas and other files are reported. */
export const CONFIG_COLLECTION = "$config";

/** The branch of an open run. */
export function runRef(runId: string): string {
  return RUNS + runId;
}

/** Where the record and the verdict of a pushed run are kept. */
export function resultsRef(runId: string): string {
  return RESULTS + runId;
}

/** Where the commit that a ref was at is kept after the ref moved elsewhere. */
export function lostRef(ref: string, oid: string): string {
  return `${LOST}${ref.replace(/^refs\//, "")}-${oid.slice(0, 12)}`;
}

/** Where a closed run's record lies, on `main` when merged and in the attic otherwise; the date is the ULID's own. */
export function runRecordPath(runId: string): string {
  return `runs/${datedFolder(runIdTime(runId))}/${runId}.json`;
}

/** Where a run may bring files along. */
export function artifactFolder(runId: string): string {
  return `artifacts/${datedFolder(runIdTime(runId))}/${runId}/`;
}

/** Where the log of a run's process lies, in the data directory of the node that ran it. */
export function logPath(runId: string): string {
  return `logs/${datedFolder(runIdTime(runId))}/${runId}.log`;
}

/** Where a job's record lies on `ops`; the date is that of its creation. */
export function jobPath(job: { readonly id: string; readonly created_at: string }): string {
  return `jobs/${datedFolder(Date.parse(job.created_at))}/${encodeId(job.id)}.json`;
}

/** Where a template's record lies on `ops`. */
export function templatePath(id: string): string {
  return `templates/${encodeId(id)}.json`;
}

/** Where a document lies, for a collection split into `shards` levels of folders. */
export function documentPath(collection: string, id: string, shards: number): string {
  return `metadata/${collection}/${shardOf(id, shards)}${encodeId(id)}.json`;
}

/** The collection and id whose document may lie at a path; null when the path names none. Its folders are not checked. */
export function documentAt(path: string): { collection: string; id: string } | null {
  const [top, collection = "", ...rest] = path.split("/");
  const name = rest.at(-1) ?? "";
  if (top !== "metadata" || !isCollectionName(collection) || !name.endsWith(".json")) return null;
  const id = decodeId(name.slice(0, -".json".length));
  return id === null ? null : { collection, id };
}

export const SCHEMA_PATH: RegExp = /^schemas\/[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.schema\.json$/;

/** Where a schema lies. */
export function schemaPath(name: string): string {
  return `schemas/${name}.schema.json`;
}

/** The name of the schema that lies at a path. */
export function schemaName(path: string): string {
  return path.slice("schemas/".length, -".schema.json".length);
}

/** Folders above a file that a run brings along, at most. */
const MOST_FOLDERS = 8;

/** Bytes of a name in UTF-8: what file systems take, and room for what programs put behind it. */
const MOST_NAME_BYTES = 200;

/**
 * A name that git or some system trips over: dotfiles, ends that Windows drops, short names (`git~1` is `.git` to NTFS, as
 * `gitmod~1` is `.gitmodules`), characters that HFS+ does not see (git's `is_hfs_dotgit`), devices, separators, what is no text.
 */
const UNPORTABLE =
  /^$|^\.|[. ]$|~\d|[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)|["\\:*?<>|\ufffd\p{Cc}\u2028\u2029]/iu;

/** Tells whether every file system has a file at a path. */
export function isPortable(path: string): boolean {
  const names = path.split("/");
  const isLong = (name: string): boolean => new TextEncoder().encode(name).length > MOST_NAME_BYTES;
  return names.length <= MOST_FOLDERS + 1 && !names.some((name) => UNPORTABLE.test(name) || isLong(name));
}

/** Two of some paths whose names, or those of their folders, some file systems cannot tell apart; null when there are none. */
export function collidingPaths(paths: Iterable<string>): readonly [string, string] | null {
  const known = new Map<string, string>();
  for (const path of paths) {
    const names = path.split("/");
    for (const depth of names.keys()) {
      const above = names.slice(0, depth + 1).join("/");
      const folded = foldId(above);
      const other = known.get(folded) ?? above;
      if (other !== above) return [other, above];
      known.set(folded, above);
    }
  }
  return null;
}

/** What a path of a run's branch is to the gate; null when no run may change it. */
export type PathKind = "document" | "configuration" | "schema" | "record" | "file";

/**
 * Tells what a run may do at a path (DESIGN §2): documents, schemas, `runtree.json`, its own record and artifacts,
 * the README, and the dotfiles that `main` already has at its root.
 */
export function pathKind(path: string, runId: string, rootDotfiles: ReadonlySet<string>): PathKind | null {
  if (path === RUN_FILE) return "record";
  if (path === CONFIGURATION_FILE) return "configuration";
  if (SCHEMA_PATH.test(path)) return "schema";
  if (documentAt(path) !== null) return "document";
  if (path === "README.md" || rootDotfiles.has(path)) return "file";
  return path.startsWith(artifactFolder(runId)) && isPortable(path) ? "file" : null;
}
