import { RuntreeError } from "../domain/errors.ts";
import { isObject, type Json } from "../domain/json.ts";
import { readJson } from "../domain/json-door.ts";
import { RUN_FILE } from "../domain/layout.ts";
import type { Conflict, Violation } from "../domain/verdict.ts";
import { readCommit } from "../git/commit.ts";
import type { Oid, ReadObject } from "../git/objects.ts";
import { checkPlan } from "./checks.ts";
import { nameSides } from "./conflict-sides.ts";
import { blobAt, readBlob } from "./documents.ts";
import { MainIndex } from "./main-index.ts";
import type { IndexView } from "./main-view.ts";
import { type MergePlan, planMerge } from "./plan.ts";
import { type Rules, RulesReader } from "./rules.ts";
import type { SchemaChecks } from "./schema-checks.ts";

/** A commit that somebody wants merged as a run, the `main` it is held against, and where the two parted. */
export interface Tip {
  readonly id: string;
  readonly commit: Oid;
  readonly main: Oid;
  readonly bases: readonly Oid[];
}

/** What the gate would find, as far as it can be told without the operator's commands. */
export interface TipAssessment {
  /** The run's own record says that it is done. */
  readonly done: boolean;
  readonly checked: number;
  readonly violations: readonly Violation[];
  readonly conflicts: readonly Conflict[];
  /** Names of the checks by commands that concern what the run changes; they were not made. */
  readonly unasked: readonly string[];
}

/** The index of a `main`, made when it is first asked: most changes need none of it, and it costs reading all documents. */
function indexWhenAsked(read: ReadObject, tree: Oid, rules: Rules): IndexView {
  let made: MainIndex | null = null;
  const index = (): MainIndex => (made ??= new MainIndex(read, tree, rules));
  return {
    rules,
    count: (collection) => index().count(collection),
    referrers: (id) => index().referrers(id),
    holders: (key) => index().holders(key),
  };
}

/** What the door refuses in the files that a plan takes from the run: what JSON readers pass over, such as a key that stands twice. */
function refusedAtDoor(read: ReadObject, { settings, documents }: MergePlan): Violation[] {
  return [...settings, ...documents].flatMap(({ collection, id, theirsOid }) => {
    return theirsOid === null
      ? []
      : doorViolations(readBlob(read, theirsOid)).map((found) => ({ ...found, collection, id }));
  });
}

function doorViolations(bytes: Buffer): readonly Violation[] {
  try {
    return readJson(bytes).violations;
  } catch (error) {
    if (!(error instanceof RuntreeError)) throw error;
    return (error.data as { errors: readonly Violation[] }).errors;
  }
}

/** Tells whether the record at the root of a run's tree says done. */
function saysDone(read: ReadObject, tree: Oid): boolean {
  const blob = blobAt(read, tree, RUN_FILE);
  if (blob === null) return false;
  try {
    const record = JSON.parse(readBlob(read, blob).toString("utf8")) as Json;
    return isObject(record) && record["done"] === true;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return false;
  }
}

/** The checks by commands that concern what a plan changes. */
function commandsOf({ rules, documents }: MergePlan): string[] {
  const names = documents.flatMap(({ collection, merged }) =>
    merged === null ? [] : (rules.collections.get(collection)?.checks ?? []),
  );
  return [...new Set(names.map(({ name }) => name))];
}

/**
 * Works out what the gate would say of a commit that is no run yet, in any repository that has the objects. Throws
 * `repository_not_ours` when `main` holds no record, `corrupt_object` where an object is missing.
 */
export async function assessTip(
  read: ReadObject,
  { id, commit, main, bases }: Tip,
  schemas: SchemaChecks,
): Promise<TipAssessment> {
  const treeOf = (each: Oid): Oid => readCommit(read, each).tree;
  const [mainTree, run] = [treeOf(main), treeOf(commit)];
  const mainRules = new RulesReader(read).rulesOf(mainTree);
  const plan = planMerge({ read, runId: id, bases: bases.map(treeOf), main: mainTree, run, mainRules });
  const index = indexWhenAsked(read, mainTree, mainRules);
  const outcome = await checkPlan(plan, { read, index, schemas, ahead: schemas.ahead(), commands: null });
  const { configuration } = mainRules;
  const sides = { base: bases[0] ?? main, main, run: commit, configuration };
  return {
    done: saysDone(read, run),
    checked: outcome.checked,
    violations: [...refusedAtDoor(read, plan), ...outcome.violations],
    conflicts: plan.conflicts.length === 0 ? [] : nameSides(read, sides, id, plan.conflicts),
    unasked: commandsOf(plan),
  };
}
