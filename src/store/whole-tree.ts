import type { Oid, ReadObject } from "../git/objects.ts";
import { type CheckOutcome, checkPlan } from "./checks.ts";
import { MainIndex } from "./main-index.ts";
import { planChange, readerPast } from "./planned-change.ts";
import { danglingSettings, makeRules, type Rules } from "./rules.ts";
import type { SchemaChecks } from "./schema-checks.ts";

/**
 * Checks a whole tree as if every document in it were new: its layout, and everything the gate checks. Blobs that are no
 * documents are noted in `unreadable`.
 */
export async function checkWholeTree(
  read: ReadObject,
  tree: Oid,
  rules: Rules,
  schemas: SchemaChecks,
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
    objects: [],
  };
  const index = new MainIndex(past, tree, nothing);
  return checkPlan(plan, { read: past, index, schemas, ahead: schemas.ahead() });
}
