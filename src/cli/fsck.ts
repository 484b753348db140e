import fs from "node:fs";
import type { CommandModule } from "yargs";
import { resolveSettings } from "../config.ts";
import { RuntreeError } from "../domain/errors.ts";
import { MAIN } from "../domain/layout.ts";
import { counted, type Violation } from "../domain/verdict.ts";
import { readCommit } from "../git/commit.ts";
import { readerWith } from "../git/repository.ts";
import { Validator } from "../schema/validator.ts";
import { SchemaChecks } from "../store/schema-checks.ts";
import { withoutMaintenance } from "../store/maintain.ts";
import { gitDirOf, openForReading } from "../store/open.ts";
import { RulesReader } from "../store/rules.ts";
import { checkWholeTree } from "../store/whole-tree.ts";
import { EXIT } from "./exit.ts";
import { note, printData, violationLine } from "./output.ts";
import { dataFlags, GIT } from "./target.ts";

/** Checks the documents of `main` as it stands: layout, schemas, references, uniqueness. */
async function checkMain(data: string): Promise<{ checked: number; violations: readonly Violation[] }> {
  const repository = await openForReading(fs, GIT, data);
  const validator = new Validator();
  try {
    const read = readerWith(repository);
    const main = repository.ref(MAIN);
    if (main === null) throw new RuntreeError("corrupt_ref", `${MAIN} does not exist.`);
    const { tree } = readCommit(read, main);
    return await checkWholeTree(read, tree, new RulesReader(read).rulesOf(tree), new SchemaChecks(validator));
  } finally {
    await validator.close();
    await repository.close();
  }
}

export const fsckCommand: CommandModule<object, { json: boolean; data: string | undefined }> = {
  command: "fsck",
  describe: "check a repository: git's own check, then every document of main",
  builder: dataFlags,
  handler: async (flags) => {
    const { values } = resolveSettings(flags.data === undefined ? {} : { data: flags.data });
    const { checked, violations } = await checkMain(values.data);
    // git's check fails on packs that maintenance replaces meanwhile.
    const tellWait = (): void => note("waiting for maintenance to end");
    const git = await withoutMaintenance(values.data, tellWait, () => GIT.fsck(gitDirOf(values.data)));
    const clean = git.length + violations.length === 0;
    const lines = [...git.map((line) => `git: ${line}`), ...violations.map(violationLine)];
    printData(
      flags.json,
      { clean, checked, git, violations },
      [...lines, clean ? `clean: ${counted(checked, "document")}` : counted(lines.length, "fault")].join("\n"),
    );
    if (!clean) process.exitCode = EXIT.invalid;
  },
};
