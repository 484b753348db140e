import { RuntreeError } from "../domain/errors.ts";
import type { Conflict, Violation } from "../domain/verdict.ts";
import { readCommit } from "../git/commit.ts";
import type { EncodedObject, Oid } from "../git/objects.ts";
import { EMPTY_TREE } from "../git/tree.ts";
import { checkPlan, type CommandsAsked } from "./checks.ts";
import type { CheckTask } from "./command-checks.ts";
import { nameSides } from "./conflict-sides.ts";
import type { Settle } from "./merge-file.ts";
import { type MergePlan, planMerge } from "./plan.ts";
import { pushedRecordAt } from "./pushed-file.ts";
import type { RunView } from "./run-view.ts";
import { standingDocument } from "./standing.ts";
import type { Store } from "./store.ts";

/** More best common ancestors than this are refused: such a history must be resolved by hand. */
const MAX_BASES = 8;

/** A plan with everything that was found about it; nothing of it is written. */
export interface Assessment {
  /** The `main` that the plan is for. */
  readonly main: Oid;
  readonly plan: MergePlan;
  readonly violations: readonly Violation[];
  readonly checked: number;
  /** What the operator's commands have to judge before this counts; nothing where they were waited for. */
  readonly left: readonly CheckTask[];
}

/** What is to be assessed: a run's tree, where it parted from `main`, and objects of it that are not written yet. */
export interface Proposal {
  readonly id: string;
  readonly tree: Oid;
  readonly bases: readonly Oid[];
  readonly objects?: readonly EncodedObject[];
  readonly settle?: Settle;
  /** Its files came by push: they are read as strictly as the body of a request. */
  readonly pushed?: boolean;
  /** How the checks of `runtree.json` are made: null for not at all. Without it they are waited for. */
  readonly commands?: CommandsAsked | null;
}

function askedNow(store: Store): CommandsAsked {
  return { round: store.commands.round(), wait: true };
}

/** Merges a proposal into `main` as it now stands and checks the result, on paper. Throws `too_many_bases`. */
export async function assess(
  store: Store,
  { id, tree, bases, objects, settle, pushed = false, commands = askedNow(store) }: Proposal,
): Promise<Assessment> {
  const main = store.main.catchUp();
  const read = store.reader(objects);
  if (bases.length > MAX_BASES) {
    throw new RuntreeError(
      "too_many_bases",
      `Run ${id} and main have ${bases.length} best common ancestors; merge main into the run first.`,
      { run: id },
    );
  }
  const ahead = store.schemas.ahead();
  const plan = planMerge({
    read,
    runId: id,
    // Of a history that has nothing in common with `main` everything is the run's own.
    bases: bases.length === 0 ? [EMPTY_TREE] : bases.map((commit) => readCommit(read, commit).tree),
    pushed,
    main: store.main.tree,
    run: tree,
    mainRules: store.main.rules,
    planned: (document, rules) => {
      const standing = rules?.source == null ? null : standingDocument(document);
      if (rules?.source != null && standing !== null) ahead.add(rules.source, standing);
    },
    ...(settle === undefined ? {} : { settle }),
  });
  ahead.send();
  const { index } = store.main;
  const outcome = await checkPlan(plan, { read, index, schemas: store.schemas, ahead, commands });
  return { main, plan, ...outcome };
}

/** Where an open run parted from `main` as it now stands. */
export function basesOf(store: Store, head: Oid): Oid[] {
  store.main.catchUp();
  return store.main.history.mergeBases(head, store.reader());
}

/** Assesses an open run as its branch now stands, optionally with a person's word on conflicts. */
export async function assessRun(
  store: Store,
  { record, head }: Pick<RunView, "record" | "head">,
  more: Pick<Proposal, "settle" | "commands"> = {},
): Promise<Assessment> {
  const tree = readCommit(store.reader(), head).tree;
  const pushed = record.origin === "push";
  const found = await assess(store, { id: record.id, tree, bases: basesOf(store, head), pushed, ...more });
  const told = pushed ? pushedRecordAt(store.reader(), head).violations : [];
  return told.length === 0 ? found : { ...found, violations: [...told, ...found.violations] };
}

/** How many conflicts a verdict or a problem names; who settles these hears of the rest. */
const MAX_CONFLICTS = 1000;

/** The conflicts of an assessment, at most a thousand, each with the commits, runs and authors of its sides. */
export function conflictsOf(store: Store, { record, head }: RunView, { main, plan }: Assessment): Conflict[] {
  if (plan.conflicts.length === 0) return [];
  const [base = main] = basesOf(store, head);
  const { configuration } = store.main.rules;
  const conflicts = plan.conflicts.slice(0, MAX_CONFLICTS);
  return nameSides(store.reader(), { base, main, run: head, configuration }, record.id, conflicts);
}
