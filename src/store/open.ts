import machineDisk from "node:fs";
import { resolve } from "node:path";
import { type Commands, NO_COMMANDS } from "../domain/commands.ts";
import { FORMAT } from "../domain/configuration.ts";
import { RuntreeError } from "../domain/errors.ts";
import { isObject } from "../domain/json.ts";
import { CONFIGURATION_FILE, MAIN, RUNS, runRef } from "../domain/layout.ts";
import { isRunId } from "../domain/run-id.ts";
import { readCommit } from "../git/commit.ts";
import { type FileSystem, ioError, makeFolder } from "../git/files.ts";
import type { NativeGit } from "../git/native.ts";
import { bringSettingsUp, installHooks } from "../git/repository-setup.ts";
import { clearQuarantines } from "../git/quarantines.ts";
import { pushNotes } from "../git/push-notes.ts";
import { type JournalCounts, JournaledRepository } from "../git/journaled-repository.ts";
import { clearStaleLocks } from "../git/refs.ts";
import { within } from "../git/within.ts";
import { BareRepository } from "../git/bare-repository.ts";
import { readerWith, type Repository } from "../git/repository.ts";
import { Validator } from "../schema/validator.ts";
import { CommandChecks } from "./command-checks.ts";
import { isMaintained, lockData } from "./data-lock.ts";
import { blobAt, readJsonBlob } from "./documents.ts";
import { dropClosedBranch } from "./closed-branch.ts";
import { judge } from "./gate.ts";
import { clearUnfinished, initialiseRepository } from "./initialise.ts";
import type { Progress } from "./progress.ts";
import { RulesReader } from "./rules.ts";
import { findRun } from "./run-view.ts";
import { SchemaChecks } from "./schema-checks.ts";
import { SnapshotFile } from "./snapshot.ts";
import { Store } from "./store.ts";
import { receiveLeftPushes, takePush } from "./take-push.ts";

/** A lock of git's lives for milliseconds; one that outlives this at start belongs to a process that died. */
const LOCK_GRACE_MS = 500;

/** The same while maintenance goes on, begun by a process that died since: it packs many refs under one lock. */
const MAINTAINED_GRACE_MS = 10_000;

export interface OpenOptions {
  readonly fs: FileSystem;
  /** Stock git, for what only it does; null where it cannot see the file system. */
  readonly git: NativeGit | null;
  /** False for a file system that ends with the process: nothing is kept for a later start. Default true. */
  readonly lasting?: boolean;
  readonly data: string;
  /** Folder to make the repository from when there is none yet; null: there must be one. */
  readonly template: string | null;
  readonly node: string;
  readonly clock: () => number;
  /** The operator's commands; none by default. */
  readonly commands?: Commands;
  /** The collection whose documents describe datasets. */
  readonly datasets?: string;
  /** Hears what was done to the repository before it was opened, and later what is the operator's to know. */
  readonly report: (message: string) => void;
  /** Lays the snapshot of the index aside for good, so that all that is derived is read anew; hears how far that has come. */
  readonly anew?: Progress;
}

/** An open store and what gives it back. */
export interface OpenStore {
  readonly store: Store;
  readonly gitDir: string;
  readonly made: boolean;
  /** What the journal has done so far. */
  readonly journal: () => JournalCounts;
  close(): Promise<void>;
}

/** Where a data directory keeps its repository. */
export function gitDirOf(data: string): string {
  return `${resolve(data)}/repo.git`;
}

function noRepository(data: string): RuntreeError {
  return new RuntreeError(
    "repository_not_ours",
    `There is no repository in ${data}. Make one with \`runtree init --data ${data}\`.`,
    { data },
  );
}

function unsupported(gitDir: string, what: string, wayOut: string): RuntreeError {
  return new RuntreeError("repository_unsupported", `${gitDir} ${what}. ${wayOut}`, { gitDir });
}

/** Refuses a folder that is not a bare SHA-1 repository with the files ref format, and says the way out. Returns its settings by lower-case name. */
async function requirePlainRepository(
  fs: FileSystem,
  git: NativeGit,
  gitDir: string,
): Promise<ReadonlyMap<string, string>> {
  const result =
    fs.existsSync(`${gitDir}/HEAD`) && fs.existsSync(`${gitDir}/objects`)
      ? await git.run(["config", "--file", `${gitDir}/config`, "--list"])
      : null;
  if (result === null || result.code !== 0) {
    throw new RuntreeError(
      "repository_not_ours",
      `${gitDir} is not a bare git repository. Move it away, or give another --data; Runtree makes a new one there.`,
      { gitDir },
    );
  }
  const settings = new Map(
    result.stdout
      .split("\n")
      .map((line) => [line.slice(0, line.indexOf("=")).toLowerCase(), line.slice(line.indexOf("=") + 1)]),
  );
  if (settings.get("core.bare") !== "true") {
    throw unsupported(gitDir, "is not bare", "Make a bare copy: git clone --bare, and give its parent as --data.");
  }
  const format = settings.get("extensions.objectformat") ?? "sha1";
  if (format !== "sha1") {
    throw unsupported(
      gitDir,
      `uses ${format} objects, Runtree reads sha1`,
      "Start a new repository with `runtree init` and submit the documents to it.",
    );
  }
  const refs = settings.get("extensions.refstorage") ?? "files";
  if (refs !== "files") {
    throw unsupported(gitDir, `keeps its refs as ${refs}`, "Convert it: git refs migrate --ref-format=files.");
  }
  return settings;
}

/** Refuses a repository without our record on `main`, or of a newer format. */
function requireOurs(repository: Repository, gitDir: string): void {
  const main = repository.ref(MAIN);
  const read = readerWith(repository);
  const tree = main === null ? null : readCommit(read, main).tree;
  const blob = blobAt(read, tree, CONFIGURATION_FILE);
  if (tree === null || blob === null) {
    throw new RuntreeError(
      "repository_not_ours",
      `${gitDir} is a git repository, but main holds no ${CONFIGURATION_FILE}. Give another --data; Runtree makes a new repository there.`,
      { gitDir },
    );
  }
  const value = readJsonBlob(read, blob);
  const format = isObject(value) ? value["format"] : undefined;
  if (typeof format === "number" && format > FORMAT) {
    throw unsupported(
      gitDir,
      `is of format ${format}, this program knows ${FORMAT}`,
      "Update Runtree and start again.",
    );
  }
  new RulesReader(read).rulesOf(tree);
}

/** Opens a repository to look at what is wrong with it, whatever its `main` holds. */
export async function openForChecking(fs: FileSystem, git: NativeGit, data: string): Promise<BareRepository> {
  const gitDir = gitDirOf(data);
  if (!fs.existsSync(gitDir)) throw noRepository(data);
  await requirePlainRepository(fs, git, gitDir);
  return new BareRepository(fs, gitDir);
}

/** Opens a repository for reading next to whoever writes to it: no lock, nothing repaired. */
export async function openForReading(fs: FileSystem, git: NativeGit, data: string): Promise<BareRepository> {
  const repository = await openForChecking(fs, git, data);
  requireOurs(repository, repository.gitDir);
  return repository;
}

/**
 * Opens a data directory as its one writer: makes the repository when there is none, clears what a crash left behind,
 * and sends runs found `merging` through the gate again, which goes on beside requests when it takes long. Throws `repository_locked`, `repository_not_ours`,
 * `repository_unsupported`, `template_invalid`, `git_missing`.
 */
export async function openStore(options: OpenOptions): Promise<OpenStore> {
  const { fs, git, node, clock, report } = options;
  await git?.version();
  const data = resolve(options.data);
  const gitDir = gitDirOf(data);
  if (options.template === null && !fs.existsSync(gitDir)) throw noRepository(data);
  try {
    makeFolder(fs, data);
  } catch (error) {
    throw ioError(error, "making", data);
  }
  const unlock = lockData(fs, data);
  const validator = new Validator();
  const commands = new CommandChecks(options.commands ?? NO_COMMANDS, report);
  try {
    clearUnfinished(fs, data);
    const made = !fs.existsSync(gitDir);
    if (made) {
      const checks = { schemas: new SchemaChecks(validator), commands };
      await initialiseRepository(fs, gitDir, options.template ?? "", checks, { node, now: clock() });
    }
    const settings = git === null ? null : await requirePlainRepository(fs, git, gitDir);
    requireOurs(new BareRepository(fs, gitDir), gitDir);
    if (git !== null && settings !== null) await bringSettingsUp(git, gitDir, settings);
    installHooks(fs, gitDir);
    if (git !== null) clearQuarantines(fs, gitDir, clock());
    const grace = isMaintained(fs, data) ? MAINTAINED_GRACE_MS : LOCK_GRACE_MS;
    for (const path of await clearStaleLocks(fs, gitDir, grace))
      report(`removed the lock ${path}, which a crash left behind`);
    const repository = await JournaledRepository.open(fs, gitDir, { worker: fs === machineDisk, report });
    const file = new SnapshotFile(fs, data, report);
    if (options.anew !== undefined) file.remove();
    const snapshot = options.lasting === false ? {} : { snapshot: file };
    const pushes = git === null ? {} : { pushes: pushNotes(fs, gitDir) };
    const { datasets = "datasets" } = options;
    const parts = { repository, validator, node, clock, commands, datasets, report, ...snapshot, ...pushes };
    const store = new Store(parts, null, options.anew);
    await receiveLeftPushes(store, report);
    const judged = judgeLeftovers(store, report);
    await within(judged, LEFTOVERS_MS);
    const saved = saveIndex(store, report);
    return {
      store,
      gitDir,
      made,
      journal: () => repository.counts,
      close: async () => {
        await Promise.all([judged, store.later.ended()]);
        await saved;
        await saveIndex(store, report);
        await store.close();
        unlock();
      },
    };
  } catch (error) {
    await Promise.all([validator.close(), commands.close()]);
    unlock();
    throw error;
  }
}

/** How long (ms) a start waits for what a crash left to be judged: the rest is judged beside requests. */
const LEFTOVERS_MS = 2000;

/** Writes the snapshot of the index where that is due. One that cannot be written costs the next start some time, no more. */
async function saveIndex(store: Store, report: (message: string) => void): Promise<void> {
  try {
    if (store.snapshotDue) await store.writeSnapshot();
  } catch (error) {
    report(`the snapshot of the index is not written: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/**
 * Mends what a crash left between two ref moves: the branch of a run whose record is closed already goes,
 * and a run that was `merging` goes through the gate again.
 */
export async function judgeLeftovers(store: Store, report: (message: string) => void): Promise<void> {
  for (const ref of store.repository.refs(RUNS).keys()) {
    const id = ref.slice(RUNS.length);
    if (!isRunId(id)) continue;
    try {
      await store.turns.take(`run ${id}`, async () => mendRun(store, id, report));
    } catch (error) {
      // One run that cannot be mended must not keep all the others from being served.
      report(`run ${id} is left as it was found: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

async function mendRun(store: Store, id: string, report: (message: string) => void): Promise<void> {
  const view = findRun(store.repository, id);
  const tip = store.repository.ref(runRef(id)) ?? "";
  if (view === null || view.record.origin === "push" || store.pushes.pusherOf({ id, tip }) !== null) {
    const before = view?.record;
    const taken = await takePush(store, id);
    const { status } = taken?.record ?? {};
    if (taken !== null && (status !== before?.status || taken.head !== before?.head))
      report(`took what was pushed to run ${id}: ${status}`);
  } else if ((await dropClosedBranch(store, id)) !== null) {
    report(`removed the branch of run ${id}, which is closed`);
  } else if (view.record.status === "merging") {
    const { record } = await judge(store, { principal: view.record.created_by, idempotency: null }, id);
    report(`judged run ${id} again: ${record.status}`);
  }
}
