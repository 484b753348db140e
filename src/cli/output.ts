import { RuntreeError } from "../domain/errors.ts";
import type { Conflict, Violation } from "../domain/verdict.ts";

/** Writes data for people or, with --json, for programs. */
export function printData(json: boolean, value: unknown, text: string): void {
  process.stdout.write(
    json ? `${JSON.stringify(value, null, 2)}\n` : text === "" || text.endsWith("\n") ? text : `${text}\n`,
  );
}

/** Lines up rows in columns; the last column is not padded. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function shown(value: unknown): string {
  return value === undefined ? "absent" : JSON.stringify(value);
}

/** One line for a violation, as a push prints it. */
export function violationLine({ code, collection, id, pointer, message }: Violation): string {
  return `${code} ${collection === null ? "request" : `${collection}/${id}`} ${pointer || '""'}: ${message}`;
}

/** One line for a conflict, with the run and author of each side. */
export function conflictLine({
  collection,
  id,
  pointer,
  kind,
  base,
  ours,
  theirs,
  ours_run,
  ours_author,
  theirs_author,
}: Conflict): string {
  const sides = `base ${shown(base)}, ours ${shown(ours)} (${ours_run ?? "main"}, ${ours_author}), theirs ${shown(theirs)} (${theirs_author})`;
  return `merge_conflict ${collection}/${id} ${pointer || '""'}: ${kind}: ${sides}`;
}

/** What a person reads of an error: what happened, then each violation and conflict on a line. */
export function errorText(error: unknown): string {
  if (!(error instanceof RuntreeError))
    return `runtree: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  const source = (error.data["problem"] ?? error.data) as {
    errors?: readonly Violation[];
    conflicts?: readonly Conflict[];
  };
  return [
    `runtree: ${error.message}`,
    ...(source.errors ?? []).map((violation) => `  ${violationLine(violation)}`),
    ...(source.conflicts ?? []).map((conflict) => `  ${conflictLine(conflict)}`),
  ].join("\n");
}
