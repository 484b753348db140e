import { RuntreeError } from "../domain/errors.ts";
import { isObject, type Json } from "../domain/json.ts";
import { parsePointer } from "../domain/pointer.ts";
import { counted, listed, type Violation } from "../domain/verdict.ts";
import { type Authorship, checkedTrailer, named } from "../store/authorship.ts";
import { commitOnBranch, runTrailers } from "../store/branch.ts";
import { assess, assessRun, conflictsOf } from "../store/assess.ts";
import type { Settle } from "../store/merge-file.ts";
import type { RunView } from "../store/run-view.ts";
import type { Store } from "../store/store.ts";
import type { Precondition } from "./patch-run.ts";
import { refuseMember, requireOpenRun } from "./refusal.ts";

/** A person's word on one conflict: a side to take, or a value of their own. */
export interface Resolution {
  readonly collection: string;
  readonly id: string;
  readonly pointer: string;
  readonly take?: "ours" | "theirs" | "base";
  readonly value?: Json;
}

export interface ResolveRun {
  /** The `main` that the conflicts were read against. */
  readonly main?: string;
  readonly resolutions: readonly Resolution[];
}

/** Turns resolutions into what settles conflicts; `used` collects those that met one. */
function settleBy(resolutions: readonly Resolution[], used: Set<Resolution>): Settle {
  return ({ collection, id }, conflict) => {
    const found = resolutions.find(
      (one) => one.collection === collection && one.id === id && one.pointer === conflict.pointer,
    );
    if (found === undefined) return null;
    used.add(found);
    return { value: found.take === undefined ? found.value : conflict[found.take] };
  };
}

function refuseUnplanned(view: RunView, violations: readonly Violation[]): void {
  if (violations.length === 0) return;
  const words = `Mend the run first: ${violations[0]?.message ?? ""}`;
  throw new RuntreeError("validation_failed", words, { errors: violations, run: view });
}

/**
 * Brings `main` into the run's branch with every conflict settled, as a merge commit whose parents are the tip and the
 * `main` it was settled against, so that the merge base moves by Git's own rule. The run keeps its status.
 * Throws `run_not_found`, `run_closed`, `pushed_run`, `precondition_failed` when `main` is no longer the one named,
 * `validation_failed` for a resolution that meets no conflict, `merge_conflict` with those left over; then nothing is written.
 */
export async function resolveRun(
  store: Store,
  author: Authorship,
  id: string,
  input: ResolveRun,
  precondition: Precondition,
): Promise<RunView> {
  requireOpenRun(store, id);
  for (const [index, { pointer, take, value }] of input.resolutions.entries()) {
    if (pointer === "" && take === undefined && !isObject(value)) {
      refuseMember(
        "schema",
        `/resolutions/${index}/value`,
        "A whole document is an object; to delete it, take the side that has none.",
      );
    }
    if (parsePointer(pointer) === null)
      refuseMember("schema", `/resolutions/${index}/pointer`, `"${pointer}" is not a JSON Pointer.`);
  }
  return store.turns.take(`run ${id}`, async () => {
    const view = requireOpenRun(store, id);
    precondition(view);
    const main = store.main.catchUp();
    if (input.main !== undefined && input.main !== main) {
      throw new RuntreeError(
        "precondition_failed",
        `main is at ${main}, not at ${input.main.slice(0, 60)}; look at the conflicts again.`,
        { main },
      );
    }
    const used = new Set<Resolution>();
    // What comes of it is checked below.
    const found = await assessRun(store, view, { settle: settleBy(input.resolutions, used), commands: null });
    const unused = input.resolutions.findIndex((resolution) => !used.has(resolution));
    if (unused >= 0) {
      const { collection, id: document, pointer } = input.resolutions[unused] as Resolution;
      refuseMember(
        "schema",
        `/resolutions/${unused}`,
        `There is no conflict at ${collection}/${document} ${pointer || '""'}.`,
      );
    }
    // What could not be planned is not in the plan's tree, and a merge commit of that tree would lose it.
    refuseUnplanned(view, found.plan.violations);
    if (found.plan.conflicts.length > 0) {
      const conflicts = conflictsOf(store, view, found);
      throw new RuntreeError("merge_conflict", `Not resolved yet: ${counted(conflicts.length, "conflict")}.`, {
        conflicts,
        run: view,
      });
    }
    // Nothing was settled and the run is not behind: there is nothing to write.
    if (input.resolutions.length === 0 && view.record.base === found.main) return view;
    const { violations } = await assess(store, {
      id,
      tree: found.plan.tree,
      bases: [found.main],
      objects: found.plan.objects,
    });
    const { violations: warnings, violation_count } = listed(violations);
    const record = {
      ...view.record,
      base: found.main,
      updated_at: new Date(store.clock()).toISOString(),
      validations: view.record.validations + 1,
      warnings,
      warning_count: violation_count,
    };
    return commitOnBranch(store, author, {
      from: view,
      parents: [view.head, found.main],
      tree: found.plan.tree,
      objects: found.plan.objects,
      record,
      text: {
        subject: `Resolve run ${id} against main`,
        body: named(
          input.resolutions.map(
            ({ collection, id: document, pointer, take }) => `${take ?? "value"} ${collection}/${document} ${pointer}`,
          ),
        ),
        trailers: runTrailers(record, [checkedTrailer(violation_count)]),
      },
    });
  });
}
