import type { Conflict, Violation } from "../domain/verdict.ts";
import { readCommit } from "../git/commit.ts";
import type { Oid, ReadObject } from "../git/objects.ts";
import { checkPlan } from "./checks.ts";
import { nameSides } from "./conflict-sides.ts";
import { MainIndex } from "./main-index.ts";
import type { IndexView } from "./main-view.ts";
import { type MergePlan, planMerge } from "./plan.ts";
import { pushedRecordAt } from "./pushed-file.ts";
import { type Rules, RulesReader } from "./rules.ts";
import type { SchemaChecks } from "./schema-checks.ts";

/** What is refused at the door of a push, before anybody asks the gate. */
const AT_THE_DOOR: ReadonlySet<Violation["code"]> = new Set([
  "malformed_json",
  "too_large",
  "hostile_key",
  "bad_number",
  "forbidden_path",
]);

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
  /** What a server would refuse to take at all, done or not. */
  readonly refused: readonly Violation[];
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
  const plan = planMerge({ read, runId: id, bases: bases.map(treeOf), main: mainTree, run, mainRules, pushed: true });
  const index = indexWhenAsked(read, mainTree, mainRules);
  const outcome = await checkPlan(plan, { read, index, schemas, ahead: schemas.ahead(), commands: null });
  const { configuration } = mainRules;
  const sides = { base: bases[0] ?? main, main, run: commit, configuration };
  const { record, violations: told } = pushedRecordAt(read, commit);
  const violations = [...told, ...outcome.violations];
  return {
    done: record.done,
    checked: outcome.checked,
    refused: violations.filter((violation) => told.includes(violation) || AT_THE_DOOR.has(violation.code)),
    violations,
    conflicts: plan.conflicts.length === 0 ? [] : nameSides(read, sides, id, plan.conflicts),
    unasked: commandsOf(plan),
  };
}
