import { hasCode, type RuntreeError } from "../domain/errors.ts";
import { CONFIGURATION_FILE, SCHEMA_PATH } from "../domain/layout.ts";
import type { Violation } from "../domain/verdict.ts";
import { readCommit, readParents, trailerOf } from "../git/commit.ts";
import type { Oid, ReadObject } from "../git/objects.ts";
import { diffTrees, FILE_MODE, isTree, readTree } from "../git/tree.ts";
import { type CheckOutcome, checkPlan } from "./checks.ts";
import { treeAt } from "./documents.ts";
import { MainIndex } from "./main-index.ts";
import { planChange, readerPast } from "./planned-change.ts";
import type { Progress } from "./progress.ts";
import { configViolation, type Rules, RulesReader } from "./rules.ts";
import type { SchemaChecks } from "./schema-checks.ts";
import { checkWholeTree } from "./whole-tree.ts";

/** Something that is wrong with a commit of `main`'s first-parent chain and came with it; code `corrupt_object` where it cannot be read. */
export interface Fault extends Omit<Violation, "code"> {
  readonly code: Violation["code"] | "corrupt_object";
  readonly commit: Oid;
  /** The run whose merge it is; null for another commit. */
  readonly run_id: string | null;
}

/** What a look at the history found. */
export interface CheckedHistory {
  readonly faults: readonly Fault[];
  /** How many commits of the chain were checked. */
  readonly commits: number;
  /** How many documents there are after the last of them. */
  readonly documents: number;
}

/** A commit of the chain as the next one is judged against it. */
interface Standing {
  readonly tree: Oid;
  /** Null where `runtree.json` and schemas cannot be used. */
  readonly ruled: { readonly rules: Rules; readonly index: MainIndex } | null;
}

/** The first-parent chain that ends in a commit, the oldest first. */
function chainTo(read: ReadObject, tip: Oid): Oid[] {
  const chain: Oid[] = [];
  for (let at: Oid | undefined = tip; at !== undefined; at = readParents(read, at)[0]) chain.push(at);
  return chain.reverse();
}

/** Folders that `main` may have. */
const FOLDERS: ReadonlySet<string> = new Set(["metadata", "schemas", "runs", "artifacts"]);

/** What lies at the root of a tree, or in `schemas/`, and may not have come there since another; null before is the beginning. */
function strays(read: ReadObject, before: Oid | null, after: Oid): Violation[] {
  const stray = (path: string): Violation =>
    configViolation("forbidden_path", "", `${path} may not be here, or not be changed.`, path);
  const known = new Map(readTree(read, before).map((entry) => [entry.name, entry]));
  const found = readTree(read, after).flatMap((entry) => {
    const { name, oid, mode } = entry;
    const old = known.get(name);
    known.delete(name);
    if (old?.oid === oid && old.mode === mode) return [];
    if (isTree(entry)) return FOLDERS.has(name) ? [] : [stray(name)];
    const open = name === CONFIGURATION_FILE || name === "README.md" || (old !== undefined && name.startsWith("."));
    // A template may bring any file at its root.
    return mode === FILE_MODE && (open || before === null) && !FOLDERS.has(name) ? [] : [stray(name)];
  });
  const [old, now] = [treeAt(read, before, "schemas"), treeAt(read, after, "schemas")];
  for (const { path, after: file } of diffTrees(read, old, now, "schemas/"))
    if (file !== null && (!SCHEMA_PATH.test(path) || file.mode !== FILE_MODE)) found.push(stray(path));
  return found;
}

/** The rules of a tree; or why it has none that can be used. Throws `corrupt_object` for objects that are missing. */
function rulesOrFault(reader: RulesReader, tree: Oid): Rules | Violation {
  try {
    return reader.rulesOf(tree);
  } catch (error) {
    const notJson = hasCode(error, "corrupt_object") && error.cause instanceof SyntaxError;
    if (!notJson && !hasCode(error, "repository_not_ours")) throw error;
    return configViolation("schema", "", error.message);
  }
}

/** Checks commit after commit, each by what it changed. */
class HistoryCheck {
  readonly #read: ReadObject;
  readonly #schemas: SchemaChecks;
  readonly #rules: RulesReader;
  readonly #unreadable = new Set<Oid>();
  readonly #past: ReadObject;
  #standing: Standing | null = null;

  constructor(read: ReadObject, schemas: SchemaChecks) {
    this.#read = read;
    this.#schemas = schemas;
    this.#rules = new RulesReader(read);
    this.#past = readerPast(read, this.#unreadable);
  }

  /** How many documents the last commit has. */
  get documents(): number {
    return this.#standing?.ruled?.index.size ?? 0;
  }

  /** What is wrong with the next commit of the chain, of what it changed. Throws `corrupt_object`; and `repository_not_ours` when the first has no rules. */
  async next(tree: Oid): Promise<readonly Violation[]> {
    const before = this.#standing;
    const found = strays(this.#read, before?.tree ?? null, tree);
    const rules = rulesOrFault(this.#rules, tree);
    if ("code" in rules) {
      if (before === null) this.#rules.rulesOf(tree);
      this.#standing = { tree, ruled: null };
      // It is told of the commit that brought it.
      return before?.ruled === null ? found : [...found, rules];
    }
    const { violations } =
      before?.ruled?.rules === rules
        ? await this.#checkStep(before.tree, tree, rules, before.ruled.index)
        : await this.#checkWhole(tree, rules);
    return [...found, ...violations];
  }

  async #checkWhole(tree: Oid, rules: Rules): Promise<CheckOutcome> {
    const outcome = await checkWholeTree(this.#read, tree, rules, this.#schemas, null, this.#unreadable);
    this.#standing = { tree, ruled: { rules, index: new MainIndex(this.#past, tree, rules) } };
    return outcome;
  }

  /** Checks what differs between a commit and the one before it as the gate would have done. */
  async #checkStep(main: Oid, tree: Oid, rules: Rules, index: MainIndex): Promise<CheckOutcome> {
    const { documents, violations, changes } = planChange(this.#read, main, tree, rules, this.#unreadable);
    const plan = { rules, rulesChanged: false, documents, violations, notices: [], main, tree };
    const outcome =
      documents.length + violations.length === 0
        ? { violations: [], checked: 0, left: [] }
        : await checkPlan(
            { ...plan, settings: [], conflicts: [], objects: [] },
            { read: this.#past, index, schemas: this.#schemas, ahead: this.#schemas.ahead(), commands: null },
          );
    index.advance(tree, changes);
    this.#standing = { tree, ruled: { rules, index } };
    return outcome;
  }
}

/** What cannot be read, as a fault of the commit at which it was missed. */
function damage(error: RuntreeError): Omit<Fault, "commit" | "run_id"> {
  const message = `${error.message} What comes after was not checked.`;
  return { code: "corrupt_object", collection: null, id: null, pointer: "", message };
}

/**
 * Checks every commit of the first-parent chain that ends in `tip`: the first whole, each other by what it changed, under
 * its own rules, and whole again where it changed the rules. Records and artifacts of runs are not looked at. Ends at
 * what is damaged. Throws `repository_not_ours` when the first commit is none of ours.
 */
export async function checkHistory(
  read: ReadObject,
  tip: Oid,
  schemas: SchemaChecks,
  progress: Progress,
): Promise<CheckedHistory> {
  const check = new HistoryCheck(read, schemas);
  const faults: Fault[] = [];
  const chain = chainTo(read, tip);
  for (const [place, commit] of chain.entries()) {
    progress("commits of main", place, chain.length);
    const { tree, message } = readCommit(read, commit);
    const run_id = trailerOf(message, "Run-Id");
    try {
      for (const violation of await check.next(tree)) faults.push({ ...violation, commit, run_id });
    } catch (error) {
      if (!hasCode(error, "corrupt_object")) throw error;
      faults.push({ ...damage(error), commit, run_id });
      return { faults, commits: place, documents: check.documents };
    }
  }
  progress("commits of main", chain.length, chain.length);
  return { faults, commits: chain.length, documents: check.documents };
}
