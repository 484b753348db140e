import type { Oid, ReadObject } from "../git/objects.ts";
import { type CheckOutcome, checkPlan } from "./checks.ts";
import type { CommandChecks } from "./command-checks.ts";
import { MainIndex } from "./main-index.ts";
import { planChange, readerPast } from "./planned-change.ts";
import { danglingSettings, makeRules, type Rules } from "./rules.ts";
import type { SchemaChecks } from "./schema-checks.ts";

/**
 * Checks a whole tree as if every document in it were new: its layout, and everything the gate checks; by the operator's
 * commands unless `commands` is null. Blobs that are no documents are noted in `unreadable`.
 */
export async function checkWholeTree(
  read: ReadObject,
  tree: Oid,
  rules: Rules,
  schemas: SchemaChecks,
  commands: CommandChecks | null,
  unreadable: Set<Oid> = new Set(),
): Promise<CheckOutcome> {
  const { documents, violations } = planChange(read, null, tree, rules, unreadable);
  const past = readerPast(read, unreadable);
  const nothing = makeRules({ format: rules.configuration.format, collections: {} }, []);
  const plan = {
    rules,
    rulesChanged: true,
    documents,
    violations: [...danglingSettings(rules), ...violations],
    main: tree,
    tree,
    settings: [],
    conflicts: [],
    notices: [],
    objects: [],
  };
  const index = new MainIndex(past, tree, nothing);
  const asked = commands === null ? null : { round: commands.round(), wait: true };
  return checkPlan(plan, { read: past, index, schemas, ahead: schemas.ahead(), commands: asked });
}
