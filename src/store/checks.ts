import { counted, type Violation } from "../domain/verdict.ts";
import { byUnit } from "../domain/json.ts";
import { CONFIG_COLLECTION } from "../domain/layout.ts";
import { addTo } from "../domain/lists.ts";
import type { ReadObject } from "../git/objects.ts";
import { readerWith } from "../git/repository.ts";
import { schemaSource, type SchemaSource } from "../schema/closure.ts";
import { checkIdentity } from "./check-identity.ts";
import { checkTasks } from "./check-tasks.ts";
import type { ChecksAhead } from "./checks-ahead.ts";
import type { CheckRound, CheckTask } from "./command-checks.ts";
import { checkReferences, checkUniqueness } from "./check-links.ts";
import { documentsIn, readDocumentBlob } from "./documents.ts";
import { MainIndex } from "./main-index.ts";
import type { IndexView } from "./main-view.ts";
import type { MergePlan } from "./plan.ts";
import { configViolation, type RuledCollection, type Rules } from "./rules.ts";
import type { CheckedDocument } from "./checked-document.ts";
import { doesNotCompile, type SchemaChecks } from "./schema-checks.ts";
import { standingDocuments } from "./standing.ts";

/** What the checks stand on: `index` is that of the `main` the plan was made for. */
export interface CheckContext {
  readonly read: ReadObject;
  readonly index: IndexView;
  readonly schemas: SchemaChecks;
  /** What was sent to the validator while the plan was made. */
  readonly ahead: ChecksAhead;
  /** How the checks of `runtree.json` are made; null where they are not. */
  readonly commands: CommandsAsked | null;
}

/** A judgement that goes on, and whether commands may be waited for now; what they were not asked of is then left. */
export interface CommandsAsked {
  readonly round: CheckRound;
  readonly wait: boolean;
}

/** What the checks found, whole and in order, and how many documents they looked at. */
export interface CheckOutcome {
  readonly violations: readonly Violation[];
  readonly checked: number;
  /** What commands have to be asked before this counts. */
  readonly left: readonly CheckTask[];
}

/** Every document of the collections that new rules concern, except those the plan has anyway. */
function ruledAnew(read: ReadObject, plan: MergePlan, old: Rules): CheckedDocument[] {
  const planned = new Set(plan.documents.map(({ path }) => path));
  return [...plan.rules.collections.values()].flatMap((collection) => {
    if (sameRules(collection, old.collections.get(collection.name))) return [];
    return [...documentsIn(read, plan.tree, collection.name)].flatMap(({ path, id, oid }) => {
      const document = planned.has(path) ? null : readDocumentBlob(read, oid);
      return document === null ? [] : [{ collection: collection.name, id, oid, document, text: null }];
    });
  });
}

function sameRules(left: RuledCollection, right: RuledCollection | undefined): boolean {
  const text = (rules: RuledCollection): string =>
    JSON.stringify([rules.source?.key, rules.references, rules.unique, rules.checks.map(({ command }) => command)]);
  return right !== undefined && text(left) === text(right);
}

/** Violations of the rules themselves: collections taken away or split anew under their documents. */
function checkSettings(plan: MergePlan, read: ReadObject, { index }: CheckContext): Violation[] {
  return [...index.rules.collections.values()].flatMap((old) => {
    const now = plan.rules.collections.get(old.name);
    if (now?.shards === old.shards) return [];
    const documents = [...documentsIn(read, plan.tree, old.name)].length;
    if (documents === 0) return [];
    const pointer = `/collections/${old.name}`;
    if (now === undefined)
      return [
        configViolation("unknown_collection", pointer, `The collection still has ${counted(documents, "document")}.`),
      ];
    return [
      configViolation(
        "schema",
        `${pointer}/shards`,
        `shards is fixed at ${old.shards} while the collection has documents; \`runtree reshard\` changes it.`,
      ),
    ];
  });
}

function byCollection(documents: readonly CheckedDocument[]): Map<string, CheckedDocument[]> {
  const groups = new Map<string, CheckedDocument[]>();
  for (const document of documents) addTo(groups, document.collection, document);
  return groups;
}

/** The schemas that a plan brings or changes; each must compile, used or not. */
function changedSources(plan: MergePlan, old: Rules): SchemaSource[] {
  const known = new Set([...old.collections.values()].map(({ source }) => source?.key));
  const used = [...plan.rules.collections.values()].flatMap(({ source }) =>
    source === null || known.has(source.key) ? [] : [source],
  );
  const covered = new Set(used.flatMap(({ files }) => files.map(({ path }) => path)));
  const oldFiles = new Set(old.schemaFiles.map(({ oid }) => oid));
  const alone = plan.rules.schemaFiles.filter(({ path, oid }) => !covered.has(path) && !oldFiles.has(oid));
  return [...used, ...alone.flatMap(({ path }) => schemaSource(plan.rules.schemaFiles, path) ?? [])];
}

/** Makes the checks of `runtree.json`, or tells which of them are left. */
async function checkByCommands(
  tasks: readonly CheckTask[],
  asked: CommandsAsked | null,
): Promise<Pick<CheckOutcome, "violations" | "left">> {
  if (asked === null || tasks.length === 0) return { violations: [], left: [] };
  const { round, wait } = asked;
  if (wait) await round.ask(round.known(tasks).left);
  return round.known(tasks);
}

/**
 * Checks what `main` would become: identity, references both ways, uniqueness, then schemas, then by the operator's
 * commands. Everything that depends on the index is worked out before the first wait, so that it speaks of one `main`.
 * The plan's own violations come first.
 */
export async function checkPlan(plan: MergePlan, context: CheckContext): Promise<CheckOutcome> {
  const { planned, documents } = standingDocuments(plan);
  // Only new rules ask for the tree that would come of the plan.
  const read = plan.rulesChanged ? readerWith({ read: context.read }, plan.objects) : context.read;
  const anew = plan.rulesChanged ? ruledAnew(read, plan, context.index.rules) : [];
  const all = anew.length === 0 ? documents : [...documents, ...anew];
  const index = plan.rulesChanged ? new MainIndex(read, plan.tree, plan.rules) : context.index;
  const links = { plan, planned, read, index };

  const violations = [
    ...plan.violations,
    ...(plan.rulesChanged ? checkSettings(plan, read, context) : []),
    ...checkIdentity(documents, plan, read),
    ...checkReferences(all, links),
    ...checkUniqueness(all, links),
  ];
  for (const source of plan.rulesChanged ? changedSources(plan, context.index.rules) : []) {
    const words = await context.schemas.compileError(source);
    if (words !== null) violations.push(doesNotCompile(source, words));
  }
  const broken = new Set(violations.flatMap(({ collection, id }) => (collection === CONFIG_COLLECTION ? [id] : [])));
  const ahead = await context.ahead.found();
  // Asked for at once, so that they share a message to the worker.
  const found = [...byCollection(all)].map(async ([name, inside]) => {
    const source = plan.rules.collections.get(name)?.source ?? null;
    return source === null || broken.has(source.files[0]?.path ?? "")
      ? []
      : context.schemas.check(source, inside, ahead);
  });
  for (const some of await Promise.all(found)) for (const violation of some) violations.push(violation);
  const tasks = checkTasks(plan.rules, context.index.rules, { documents, anew }, violations);
  const { violations: said, left } = await checkByCommands(tasks, context.commands);
  for (const violation of said) violations.push(violation);
  const order = (violation: Violation): string =>
    `${violation.collection ?? ""}\0${violation.id ?? ""}\0${violation.pointer}`;
  violations.sort((one, other) => byUnit(order(one), order(other)));
  return { violations, checked: all.length, left };
}
