import type { CheckRule } from "../domain/configuration.ts";
import type { Violation } from "../domain/verdict.ts";
import type { CheckedDocument } from "./checked-document.ts";
import type { CheckTask } from "./command-checks.ts";
import type { Rules } from "./rules.ts";
import { nameOf } from "./standing.ts";

/** What the checks of `runtree.json` are to judge: changed documents, and those that only the rules concern anew. */
export interface CheckSubjects {
  readonly documents: readonly CheckedDocument[];
  readonly anew: readonly CheckedDocument[];
}

/** The commands of a collection's checks. */
function commandsOf(rules: Rules, collection: string): ReadonlySet<string> {
  return new Set(rules.collections.get(collection)?.checks.map(({ command }) => command));
}

/**
 * The tasks of the checks of some rules: each check with the documents of its collections, of those that stayed as they
 * are only where its command did not judge their collection under the old rules. A command that is new has a task
 * without documents, too. A document that its schema refuses is none to be judged: a check may rely on the schema.
 */
export function checkTasks(
  rules: Rules,
  old: Rules,
  { documents, anew }: CheckSubjects,
  violations: readonly Violation[],
): CheckTask[] {
  const checks = rules.configuration.checks ?? [];
  if (checks.length === 0) return [];
  const refused = new Set(
    violations.flatMap(({ code, collection, id }) =>
      code === "schema" && collection !== null && id !== null ? [nameOf({ collection, id })] : [],
    ),
  );
  const known = new Set(old.configuration.checks?.map(({ command }) => command));
  const tasks = checks.map(({ name, command, collections }, at) => {
    const check: CheckRule = { name, command, at };
    const concerned = new Set(collections);
    const fresh = new Set(collections.filter((collection) => !commandsOf(old, collection).has(command)));
    const judged = [
      ...documents.filter(({ collection }) => concerned.has(collection)),
      ...anew.filter(({ collection }) => fresh.has(collection)),
    ];
    return { check, documents: judged.filter((document) => !refused.has(nameOf(document))) };
  });
  return tasks.filter(({ check, documents: judged }) => judged.length > 0 || !known.has(check.command));
}
