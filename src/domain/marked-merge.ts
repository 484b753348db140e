import { byUnit, canonicalJson, isArray, isObject, type Json, type JsonObject, sameJson } from "./json.ts";
import { mergeDocuments, type PolicyAt } from "./merge.ts";
import { memberOf } from "./pointer.ts";
import type { FieldConflict } from "./verdict.ts";

/** The text of a merged document, and what is left to settle in it by hand. */
export interface MarkedMerge {
  readonly text: string;
  readonly conflicts: readonly FieldConflict[];
}

/** What each side has at one place of a document; an absent member is not there on that side. */
type Sides = Pick<FieldConflict, "ours" | "theirs">;

/** Stand-ins for values that both sides changed, and what each side has there. */
type Marks = Map<Json, Sides>;

/** One line of either side, null where that side has none here. The same on both is no conflict. */
type Row = readonly [ours: string | null, theirs: string | null];

function mark(marks: Marks, sides: Sides): Json {
  // An object of its own is equal to nothing that a document holds.
  const standIn = {};
  marks.set(standIn, sides);
  return standIn;
}

/** Two objects as one, with a stand-in wherever they differ. */
function marked(ours: JsonObject, theirs: JsonObject, marks: Marks): JsonObject {
  const members = [...new Set([...Object.keys(ours), ...Object.keys(theirs)])].map((key): [string, Json] => {
    const [left, right] = [memberOf(ours, key), memberOf(theirs, key)];
    if (left !== undefined && sameJson(left, right)) return [key, left];
    if (isObject(left) && isObject(right)) return [key, marked(left, right, marks)];
    return [
      key,
      mark(marks, { ...(left === undefined ? {} : { ours: left }), ...(right === undefined ? {} : { theirs: right }) }),
    ];
  });
  return Object.fromEntries(members);
}

/** The lines of a value that one side has; none when it is absent. */
function linesOf(value: Json | undefined, indent: string): string[] {
  if (value === undefined) return [];
  return canonicalJson(value)
    .trimEnd()
    .split("\n")
    .map((line, at) => (at === 0 ? line : indent + line));
}

/** Changes one line of each side that has one: the first or the last. */
function changed(rows: readonly Row[], end: "first" | "last", change: (line: string, side: 0 | 1) => string): Row[] {
  const places = ([0, 1] as const).map((side) => {
    const there = (row: Row): boolean => row[side] !== null;
    return end === "first" ? rows.findIndex(there) : rows.findLastIndex(there);
  });
  return rows.map(([ours, theirs], at) => [
    ours !== null && at === places[0] ? change(ours, 0) : ours,
    theirs !== null && at === places[1] ? change(theirs, 1) : theirs,
  ]);
}

/** The rows of a value, stand-ins included. Whatever side is taken at each of them, JSON remains. */
function rowsOf(value: Json, marks: Marks, indent: string): Row[] {
  const sides = marks.get(value);
  if (sides !== undefined) {
    return [
      ...linesOf(sides.ours, indent).map((line): Row => [line, null]),
      ...linesOf(sides.theirs, indent).map((line): Row => [null, line]),
    ];
  }
  const deeper = `${indent}  `;
  const members: [string, Json][] = isArray(value)
    ? value.map((item) => ["", item])
    : isObject(value)
      ? Object.keys(value)
          .sort(byUnit)
          .map((key) => [`${JSON.stringify(key)}: `, value[key] ?? null])
      : [];
  if (members.length === 0) return linesOf(value, indent).map((line) => [line, line]);
  const inside = members.map(([name, member]) =>
    changed(rowsOf(member, marks, deeper), "first", (line) => deeper + name + line),
  );
  const last = ([0, 1] as const).map((side) => inside.findLastIndex((rows) => rows.some((row) => row[side] !== null)));
  const [open, close] = isArray(value) ? ["[", "]"] : ["{", "}"];
  const begin = last.map((at) => (at < 0 ? open + close : open));
  const end = last.map((at) => (at < 0 ? null : indent + close));
  return [
    [begin[0] ?? null, begin[1] ?? null],
    ...inside.flatMap((rows, at) =>
      changed(rows, "last", (line, side) => (at < (last[side] ?? -1) ? `${line},` : line)),
    ),
    [end[0] ?? null, end[1] ?? null],
  ];
}

/** Rows as lines; where the sides differ, what each has stands between markers as git writes them. */
function textOf(rows: readonly Row[], names: readonly [ours: string, theirs: string]): string {
  const lines: string[] = [];
  const apart: [ours: string[], theirs: string[]] = [[], []];
  const settle = (): void => {
    const [ours, theirs] = apart.map((side) => side.splice(0)) as [string[], string[]];
    if (ours.length + theirs.length > 0)
      lines.push(`<<<<<<< ${names[0]}`, ...ours, "=======", ...theirs, `>>>>>>> ${names[1]}`);
  };
  for (const [ours, theirs] of rows) {
    if (ours !== null && ours === theirs) {
      settle();
      lines.push(ours);
      continue;
    }
    if (ours !== null) apart[0].push(ours);
    if (theirs !== null) apart[1].push(theirs);
  }
  settle();
  return `${lines.join("\n")}\n`;
}

/**
 * Merges three versions of a document (a null base is absent) by the rules of the gate into canonical JSON. What both
 * sides changed stands there as each side has it, between conflict markers around just these lines: whichever side is
 * taken at each, JSON remains.
 */
export function mergeMarked(
  base: JsonObject | null,
  ours: JsonObject,
  theirs: JsonObject,
  policyAt: PolicyAt,
  names: readonly [ours: string, theirs: string],
): MarkedMerge {
  const marks: Marks = new Map();
  const conflicts: FieldConflict[] = [];
  const settle = (conflict: FieldConflict): { value: Json } => {
    conflicts.push(conflict);
    return { value: mark(marks, conflict) };
  };
  const { value = null } = mergeDocuments(base, ours, theirs, { policyAt, settle });
  if (conflicts.length === 0) return { text: canonicalJson(value), conflicts };
  // Two whole documents to choose from: only the lines that differ are worth a look.
  const whole = marks.has(value) ? marked(ours, theirs, marks) : value;
  return { text: textOf(rowsOf(whole, marks, ""), names), conflicts };
}
