import fs from "node:fs";
import { resolve } from "node:path";
import type { CommandModule } from "yargs";
import { resolveSettings } from "../config.ts";
import { RuntreeError } from "../domain/errors.ts";
import { MAIN } from "../domain/layout.ts";
import { counted } from "../domain/verdict.ts";
import { readerWith, type Repository } from "../git/repository.ts";
import { Validator } from "../schema/validator.ts";
import { type CheckedHistory, checkHistory, type Fault } from "../store/check-history.ts";
import { checkIndex, type IndexState } from "../store/check-index.ts";
import { withoutMaintenance } from "../store/maintain.ts";
import { gitDirOf, openForChecking } from "../store/open.ts";
import type { Progress } from "../store/progress.ts";
import { SchemaChecks } from "../store/schema-checks.ts";
import { SnapshotFile } from "../store/snapshot.ts";
import { short } from "./document.ts";
import { EXIT } from "./exit.ts";
import { note, printData, violationLine } from "./output.ts";
import { withProgress } from "./progress-bar.ts";
import { dataFlags, GIT } from "./target.ts";

/** Compares the snapshot of the index with what Git says; of a `main` with faults, as far as anything can be derived from it. */
async function compareIndex(data: string, repository: Repository, faulty: boolean): Promise<IndexState> {
  const unusable = new Set<string>();
  const snapshot = new SnapshotFile(fs, resolve(data), (message) => unusable.add(message));
  try {
    const index = await checkIndex(repository, snapshot, Date.now());
    if (index === "none") for (const message of unusable) note(message);
    return index;
  } catch (error) {
    if (!faulty || !(error instanceof RuntreeError)) throw error;
    note(`the index cannot be compared: ${error.message}`);
    return "none";
  }
}

/** Checks every commit of `main`, and whether the snapshot of the index knows what Git says. */
async function checkMain(data: string, progress: Progress): Promise<CheckedHistory & { readonly index: IndexState }> {
  const repository = await openForChecking(fs, GIT, data);
  const validator = new Validator();
  try {
    const main = repository.ref(MAIN);
    if (main === null) throw new RuntreeError("corrupt_ref", `${MAIN} does not exist.`);
    // Not by the operator's commands: which they are is not part of the record.
    const found = await checkHistory(readerWith(repository), main, new SchemaChecks(validator), progress);
    progress("index", 0, 0);
    return { ...found, index: await compareIndex(data, repository, found.faults.length > 0) };
  } finally {
    await validator.close();
    await repository.close();
  }
}

/** One line for a fault: the commit that brought it, its run, and what it is. */
function faultLine(fault: Fault): string {
  const { code, commit, run_id, message } = fault;
  const where = `${short(commit)}${run_id === null ? "" : ` run ${run_id}`}`;
  return `${where}: ${code === "corrupt_object" ? message : violationLine({ ...fault, code })}`;
}

export const fsckCommand: CommandModule<object, { json: boolean; data: string | undefined }> = {
  command: "fsck",
  describe: "check a repository: git's own check, every commit of main, and the index; exit code 3 for faults",
  builder: dataFlags,
  handler: async (flags) => {
    const { values } = resolveSettings(flags.data === undefined ? {} : { data: flags.data });
    const { found, git } = await withProgress(async (progress) => {
      const found = await checkMain(values.data, progress);
      progress("git fsck", 0, 0);
      // git's check fails on packs that maintenance replaces meanwhile.
      const tellWait = (): void => note("waiting for maintenance to end");
      const git = await withoutMaintenance(values.data, tellWait, () => GIT.fsck(gitDirOf(values.data)));
      return { found, git };
    });
    const { faults, commits, documents, index } = found;
    const lines = [
      ...git.map((line) => `git: ${line}`),
      ...faults.map(faultLine),
      ...(index === "differs" ? ["index: it knows something else than Git says; build it anew: runtree reindex"] : []),
    ];
    const clean = lines.length === 0;
    const compared = index === "none" ? "; there is no snapshot of the index to compare" : "";
    const sum = `${counted(documents, "document")}, ${counted(commits, "commit")} of main${compared}`;
    printData(
      flags.json,
      { clean, checked: documents, commits, index, git, violations: faults },
      [...lines, clean ? `clean: ${sum}` : `${counted(lines.length, "fault")}: ${sum}`].join("\n"),
    );
    if (!clean) process.exitCode = EXIT.invalid;
  },
};
