import { plain } from "./plain.ts";

/** A column of a list is not made narrower than this, however narrow the terminal is. */
const NARROWEST = 8;

/** Between two columns. */
const GAP = "  ";

/** The columns of the terminal that data goes to; null when it goes to a file or another program. */
export function terminalWidth(): number | null {
  return process.stdout.isTTY ? process.stdout.columns : null;
}

/** How many columns a text takes, as near as it can be told without tables of wide characters. */
function lengthOf(text: string): number {
  return [...text].length;
}

/** A text in so many columns: filled up with space, or cut with `…`. */
function fitted(text: string, width: number): string {
  const length = lengthOf(text);
  return length <= width ? text + " ".repeat(width - length) : `${[...text].slice(0, width - 1).join("")}…`;
}

/** The widths that columns get in so many columns of a terminal: the last gives way first, then whichever is widest. */
function shrunk(wanted: readonly number[], width: number): number[] {
  const widths = [...wanted];
  const last = widths.length - 1;
  const over = (): number => widths.reduce((sum, each) => sum + each, GAP.length * last) - width;
  if (over() > 0) widths[last] = Math.max(Math.min(NARROWEST, widths[last] ?? 0), (widths[last] ?? 0) - over());
  while (over() > 0) {
    const widest = Math.max(...widths);
    if (widest <= NARROWEST) break;
    widths[widths.indexOf(widest)] = widest - 1;
  }
  return widths;
}

function linedUp(rows: readonly (readonly string[])[], width: number | null): string {
  const cells = rows.map((row) => row.map(plain));
  const wanted = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((row) => lengthOf(row[column] ?? ""))));
  const widths = width === null ? wanted : shrunk(wanted, width);
  return cells
    .map((row) =>
      row
        .map((cell, column) => fitted(cell, widths[column] ?? 0))
        .join(GAP)
        .trimEnd(),
    )
    .join("\n");
}

/** Lines up a list in columns, cut to what the terminal has; `width` is null where nothing is to be cut. */
export function table(rows: readonly (readonly string[])[], width: number | null = terminalWidth()): string {
  return linedUp(rows, width);
}

/** Lines up names and what is said of each; nothing is cut, as each is said once. */
export function facts(rows: readonly (readonly string[])[]): string {
  return linedUp(rows, null);
}
