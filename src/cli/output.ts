import type { Conflict, Violation } from "../domain/verdict.ts";
import { escaped, plain } from "./plain.ts";

/** Writes data for people or, with --json, for programs. */
export function printData(json: boolean, value: unknown, text: string): void {
  const written = json ? JSON.stringify(value, null, 2) : text;
  process.stdout.write(escaped(written === "" || written.endsWith("\n") ? written : `${written}\n`));
}

/** Writes one of many values as they come, each on one line. */
export function printLine(json: boolean, value: unknown, text: string): void {
  process.stdout.write(`${json ? escaped(JSON.stringify(value)) : plain(text)}\n`);
}

/** Writes a piece of a text as it comes, its tabs as they are. */
export function printPiece(text: string): void {
  process.stdout.write(text.split("\t").map(escaped).join("\t"));
}

/** Tells whether a command line asks for JSON, also one that is otherwise not understood. */
export function asksForJson(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  const flags = end < 0 ? args : args.slice(0, end);
  const said = flags.findLast((word) => /^--(no-)?json(=|$)/.test(word));
  return said !== undefined && !/^--no-json$|=false$/.test(said);
}

/** Tells something beside the data: a line for people or, with --json, a line of JSON. */
export function note(message: string): void {
  const line = asksForJson(process.argv) ? JSON.stringify({ note: message }) : `runtree: ${message}`;
  process.stderr.write(`${escaped(line)}\n`);
}

/** A value of a document as a line shows it. */
export function shown(value: unknown): string {
  return value === undefined ? "absent" : plain(JSON.stringify(value));
}

/** One line for a violation, as a push prints it. */
export function violationLine({ code, collection, id, pointer, message }: Violation): string {
  return plain(`${code} ${collection === null ? "request" : `${collection}/${id}`} ${pointer || '""'}: ${message}`);
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
  return plain(`merge_conflict ${collection}/${id} ${pointer || '""'}: ${kind}: ${sides}`);
}
