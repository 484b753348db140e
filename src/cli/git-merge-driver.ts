import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { noPolicy, policyLookup } from "../domain/configuration.ts";
import { RuntreeError } from "../domain/errors.ts";
import { canonicalJson, isObject, type JsonObject } from "../domain/json.ts";
import { documentAt } from "../domain/layout.ts";
import { mergeMarked } from "../domain/marked-merge.ts";
import type { PolicyAt } from "../domain/merge.ts";
import type { FieldConflict } from "../domain/verdict.ts";
import { foldBases } from "../store/merge-file.ts";
import { RulesReader } from "../store/rules.ts";
import { readStrictly } from "./body-file.ts";
import { cloneReader, findClone, gitLine, ownGit } from "./clone.ts";
import { EXIT } from "./exit.ts";
import { note, shown } from "./output.ts";
import { plain } from "./plain.ts";

/** How the two sides are called: which of them is `main` depends on what is being merged into what. */
const NAMES = ["this branch", "the other"] as const;

/** What git gives a merge driver: files with the three versions, and the path of what they are versions of. */
export interface Versions {
  readonly base: string;
  readonly ours: string;
  readonly theirs: string;
  readonly path: string;
}

/** A version of a document. Throws `malformed_json`, `validation_failed`, `not_found`. */
function readVersion(name: string, file: string): JsonObject {
  const { value, notices } = readStrictly(name, readFileSync(file));
  for (const { message } of notices) note(`${name}: ${message}`);
  if (isObject(value)) return value;
  throw new RuntreeError("malformed_json", `${name} does not hold a JSON object.`);
}

/** The version that both come from; null where git has none and gives an empty file. */
function readBase(name: string, file: string): JsonObject | null {
  return readFileSync(file).length === 0 ? null : readVersion(name, file);
}

/** The merge policies of a document, by the rules that the branch at hand has. Throws what reading them throws. */
async function policiesFor(path: string): Promise<PolicyAt> {
  const collection = documentAt(path)?.collection;
  const tree = collection === undefined ? null : await gitLine("rev-parse", "--verify", "--quiet", "HEAD^{tree}");
  if (collection === undefined || tree === null) return noPolicy;
  const { collections } = new RulesReader(cloneReader(await findClone())).rulesOf(tree);
  return policyLookup(collections.get(collection)?.policies ?? []);
}

/** One line for a conflict, with the value that each side has. */
function conflictText({ pointer, kind, base, ours, theirs }: FieldConflict): string {
  const sides = `base ${shown(base)}, ${NAMES[0]} ${shown(ours)}, ${NAMES[1]} ${shown(theirs)}`;
  return `  ${plain(pointer) || '""'}: ${kind}: ${sides}`;
}

/** Merges as git would without us, by lines: for what is no document. Somebody has to look at it, clean or not. */
async function mergeLines({ base, ours, theirs, path }: Versions, reason: string): Promise<number> {
  const names = ["-L", NAMES[0], "-L", "base", "-L", NAMES[1]];
  await ownGit("merge-file", ...names, "--", resolve(ours), resolve(base), resolve(theirs));
  note(`${path} is merged by lines, look at it: ${reason}`);
  return EXIT.failed;
}

/**
 * Merges one file as the gate would, into `ours`, and returns the exit code for git: 0 when nothing is left to settle.
 * A conflict stands in the file between markers, and is told.
 */
export async function mergeVersions(versions: Versions): Promise<number> {
  const { base, ours, theirs, path } = versions;
  try {
    const read = [
      readBase(`base of ${path}`, base),
      readVersion(`${path} of ${NAMES[0]}`, ours),
      readVersion(`${path} of ${NAMES[1]}`, theirs),
    ] as const;
    const { text, conflicts } = mergeMarked(...read, await policiesFor(path), NAMES);
    writeFileSync(ours, text);
    if (conflicts.length === 0) return EXIT.ok;
    note(
      [`both sides changed ${path}; settle what stands between the markers:`, ...conflicts.map(conflictText)].join(
        "\n",
      ),
    );
    return EXIT.failed;
  } catch (error) {
    if (!(error instanceof RuntreeError)) throw error;
    return mergeLines(versions, error.message);
  }
}

/**
 * Makes one base of two, into `ours`, for histories that crossed: as the gate does, by their field merge, where a conflict
 * counts as absent. What cannot be merged leaves no base.
 */
export function mergeBases({ ours, theirs, path }: Versions): number {
  let folded: JsonObject | null = null;
  try {
    folded = foldBases([readBase(path, ours), readBase(path, theirs)]);
  } catch (error) {
    if (!(error instanceof RuntreeError)) throw error;
  }
  writeFileSync(ours, folded === null ? "" : canonicalJson(folded));
  return EXIT.ok;
}
