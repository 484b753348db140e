// The rows of the bench: what each is measured in, and what it is to reach.

/** @typedef {{ unit: string, atLeast?: number, atMost?: number }} Goal */
/**
 * @typedef {object} Row
 * @property {string} name
 * @property {string} unit of `ours` and `reference_value`
 * @property {number | null} ours null when it could not be measured
 * @property {string} reference what it is compared with
 * @property {number | null} reference_value
 * @property {number | null} ratio ours / reference_value
 * @property {boolean} durable whether ours was on the disk when it counted
 */

/** @type {Readonly<Record<string, Goal>>} */
export const GOALS = {
  "commit:isomorphic-git": { unit: "commits/s", atLeast: 30 },
  "commit:fast-import": { unit: "commits/s", atLeast: 10 },
  "commit:cpu": { unit: "commits/s", atLeast: 0.35 },
  "commit-1:append": { unit: "commits/s", atLeast: 0.4 },
  "merge:git": { unit: "merges/s", atLeast: 15 },
  "merge:documents": { unit: "ms", atMost: 1.5 },
  "merge:open-runs": { unit: "ms", atMost: 1.2 },
  "http-patch:commit": { unit: "requests/s", atLeast: 0.5 },
  "enqueue:commit": { unit: "jobs/s", atLeast: 0.5 },
  "auth:open": { unit: "requests/s", atLeast: 0.95 },
  events: { unit: "merges/s", atLeast: 0.8 },
  "run-cycle:git": { unit: "cycles/s", atLeast: 8 },
  "list:healthz": { unit: "ms", atMost: 5 },
  "read:echo": { unit: "requests/s", atLeast: 0.4 },
  "history:git-log": { unit: "histories/s", atLeast: 10 },
  "blame:git-blame": { unit: "blames/s", atLeast: 5 },
  "start:time": { unit: "s", atMost: 1 },
  "start:memory": { unit: "MB", atMost: 1 },
  "clone:plain": { unit: "s", atMost: 1.2 },
  "push:http-backend": { unit: "ms", atMost: 1.3 },
  "push-50": { unit: "ms", atMost: 2 },
  "fetch:http-backend": { unit: "ms", atMost: 1.1 },
  "dispatch:spawn": { unit: "jobs/s", atLeast: 0.6 },
  "queue-view:healthz": { unit: "ms", atMost: 5 },
  "reorder:enqueue": { unit: "ms", atMost: 3 },
  "poll:undici": { unit: "ms", atMost: 1.3 },
  "invoke:undici": { unit: "invocations/s", atLeast: 0.5 },
  "validate:ajv": { unit: "documents/s", atLeast: 0.5 },
};

const measured = (value) => (Number.isFinite(value) ? value : null);

/** Makes a row; what was not measured (undefined, NaN) is null. @returns {Row} */
export function row(name, { ours, reference, value, durable }) {
  const { unit } = GOALS[name];
  return {
    name,
    unit,
    ours: measured(ours),
    reference,
    reference_value: measured(value),
    ratio: measured(ours / value),
    durable,
  };
}

/** Tells whether a row reaches its goal. @param {Row} row */
export function reached({ name, ratio }) {
  const { atLeast = -Infinity, atMost = Infinity } = GOALS[name];
  return ratio !== null && ratio >= atLeast && ratio <= atMost;
}

function number(value) {
  if (value === null) return "–";
  return value >= 1000 ? Math.round(value).toLocaleString("en-US") : String(Number(value.toPrecision(3)));
}

const HEADINGS = ["name", "unit", "ours", "reference", "its value", "ratio", "reach", "", "durable"];

/** The rows as a Markdown table, which also reads well in a terminal. @param {readonly Row[]} rows */
export function table(rows) {
  const lines = rows.map((row) => {
    const { atLeast, atMost } = GOALS[row.name];
    const reach = atLeast === undefined ? `≤ ${atMost}` : `≥ ${atLeast}`;
    const values = [
      row.name,
      row.unit,
      number(row.ours),
      row.reference,
      number(row.reference_value),
      number(row.ratio),
    ];
    return [...values, reach, reached(row) ? "met" : "not met", row.durable ? "yes" : "–"];
  });
  const widths = HEADINGS.map((heading, column) =>
    Math.max(heading.length, ...lines.map((line) => line[column].length)),
  );
  const format = (cells) => `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(" | ")} |\n`;
  return [HEADINGS, widths.map((width) => "-".repeat(width)), ...lines].map(format).join("");
}
