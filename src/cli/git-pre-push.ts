import { hasCode, RuntreeError } from "../domain/errors.ts";
import { RUNS } from "../domain/layout.ts";
import { runIdProblem } from "../domain/run-id.ts";
import { counted, listed } from "../domain/verdict.ts";
import type { Oid, ReadObject } from "../git/objects.ts";
import { Validator } from "../schema/validator.ts";
import { assessTip, type TipAssessment } from "../store/assess-tip.ts";
import { SchemaChecks } from "../store/schema-checks.ts";
import { cloneReader, findClone, gitLine, mainOf } from "./clone.ts";
import { conflictLine, violationLine } from "../actions/verdict-lines.ts";
import { plain } from "./plain.ts";

/** A branch of a run that is about to be pushed. */
interface Pushed {
  readonly id: string;
  readonly tip: Oid;
}

/** What was found of a branch, or why it was not looked at. */
interface Looked {
  readonly branch: string;
  readonly main?: Oid;
  readonly found?: TipAssessment;
  readonly not_checked?: string;
}

/** A line that git gives a pre-push hook: local ref, its commit, remote ref, and the commit there. */
const LINE = /^.+ ([0-9a-f]{40}) (\S+) [0-9a-f]{40}$/;

/** The runs in what git tells a pre-push hook; branches that are taken away are none. */
function pushedRuns(input: string): Pushed[] {
  return input.split("\n").flatMap((line) => {
    const [, tip = "", ref = ""] = LINE.exec(line) ?? [];
    return ref.startsWith(RUNS) && !/^0*$/.test(tip) ? [{ id: ref.slice(RUNS.length), tip }] : [];
  });
}

/** Holds a branch against `main` as it was last fetched. Throws what reading it throws. */
async function look(read: ReadObject, remote: string, { id, tip }: Pushed, schemas: SchemaChecks): Promise<Looked> {
  const branch = `runs/${id}`;
  const problem = runIdProblem(id, Date.now());
  if (problem !== null) return { branch, not_checked: `it is not called as a run is: ${problem}` };
  const main = await mainOf(remote);
  // Not its name: that may be an address with a password in it.
  if (main === null)
    return { branch, not_checked: "main was never fetched from there; fetch it, and push to a remote by its name" };
  const bases = ((await gitLine("merge-base", "--all", main, tip)) ?? "").split("\n").filter((each) => each !== "");
  if (bases.length === 0)
    return { branch, main, not_checked: `where it parted from main of ${remote} is not in this clone` };
  return { branch, main, found: await assessTip(read, { id, commit: tip, main, bases }, schemas) };
}

/** The same, where what cannot be checked here is no reason to keep anybody from pushing: the server checks anyway. */
async function lookOrTell(read: ReadObject, remote: string, pushed: Pushed, schemas: SchemaChecks): Promise<Looked> {
  try {
    return await look(read, remote, pushed, schemas);
  } catch (error) {
    if (!(error instanceof RuntreeError)) throw error;
    const missing = hasCode(error, "corrupt_object") ? " (a shallow or partial clone does not have everything)" : "";
    return { branch: `runs/${pushed.id}`, not_checked: `${error.message}${missing}` };
  }
}

function isRefused({ found }: Looked): boolean {
  if (found === undefined) return false;
  const { done, refused, violations, conflicts } = found;
  return refused.length > 0 || (done && violations.length + conflicts.length > 0);
}

/** What is told of a branch: violations and conflicts as a server prints them, then the sum. */
function lookText({ branch, main, found, not_checked }: Looked, remote: string): string {
  if (found === undefined) return plain(`runtree: ${branch} is not checked here: ${not_checked}`);
  const { done, refused, violations, conflicts, unasked } = found;
  const { violations: some, violation_count: count } = listed(violations);
  const against = plain(`main of ${remote} as fetched (${main?.slice(0, 7)})`);
  const sum = `${counted(count, done ? "violation" : "warning")}, ${counted(conflicts.length, "conflict")}`;
  const verdict =
    count + conflicts.length === 0
      ? `nothing stands between it and ${against}`
      : refused.length > 0
        ? `would be refused by the server of ${plain(remote)}: ${counted(refused.length, "violation")}; mend the commit itself (git commit --amend, or git reset --soft and commit again)`
        : done
          ? `would be rejected by ${against}, ${sum}; mend it, or push it as it is: git push --no-verify`
          : `would be kept, not merged: ${sum} by ${against}`;
  return [
    ...some.map(violationLine),
    ...conflicts.map(conflictLine),
    ...(unasked.length === 0
      ? []
      : [plain(`runtree: not checked here: ${unasked.join(", ")}, by commands of the server`)]),
    `runtree: ${branch}: ${verdict}`,
  ].join("\n");
}

/** What a pre-push hook finds: what programs read, the text for people, and whether to refuse the push. */
export interface PrePush {
  readonly looked: readonly Looked[];
  readonly text: string;
  readonly refused: boolean;
}

/**
 * Looks at the runs that are about to be pushed to a remote, as the gate would. `input` is what git gives a pre-push hook.
 * Refused is what a server would not take, and a run that says done and would be rejected.
 */
export async function prePush(remote: string, input: string): Promise<PrePush> {
  const runs = pushedRuns(input);
  if (runs.length === 0) return { looked: [], text: "", refused: false };
  const read = cloneReader(await findClone());
  const validator = new Validator();
  try {
    const schemas = new SchemaChecks(validator);
    const looked: Looked[] = [];
    for (const run of runs) looked.push(await lookOrTell(read, remote, run, schemas));
    const text = looked.map((each) => lookText(each, remote)).join("\n");
    return { looked, text, refused: looked.some(isRefused) };
  } finally {
    await validator.close();
  }
}
