import type { Conflict, Violation } from "../domain/verdict.ts";
import { oneLine } from "../git/commit.ts";

/** Where something is wrong, and what, in one line: `CODE collection/id POINTER: message`. */
function line(code: string, { collection, id, pointer }: Omit<Violation, "code" | "message">, message: string): string {
  return oneLine(`${code} ${collection ?? ""}/${id ?? ""} ${pointer}: ${message}`);
}

/** A violation as whoever pushes reads it (WIRE §8). */
export function violationLine(violation: Violation): string {
  return line(violation.code, violation, violation.message);
}

/** A conflict as whoever pushes reads it (WIRE §8). */
export function conflictLine(conflict: Conflict): string {
  const { kind, ours, theirs, ours_run, ours_author } = conflict;
  const who = `${ours_run === null ? "" : `run ${ours_run}, `}${ours_author}`;
  return line("merge_conflict", conflict, `${kind}: main has ${shown(ours)} (${who}), this run ${shown(theirs)}`);
}

/** A value as a line can show it. */
function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value);
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
