// What the store writes of a run, for runs that fast-import makes: ids, records, commit messages.
import { encodeTime } from "ulid";

/** @typedef {{ id: string, at: number, base: string, number?: number, line: string }} MadeRun */

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";

/** The run id of a time in ms; `number` keeps runs of one millisecond apart. */
export function runIdOf(at, number) {
  let rest = "";
  for (let left = number, place = 0; place < 16; place++, left = Math.floor(left / 32))
    rest = ALPHABET[left % 32] + rest;
  return `${encodeTime(at, 10).toLowerCase()}${rest}`;
}

/** A run's record on its branch. @param {MadeRun} run */
export function openRecord(run, status) {
  const at = new Date(run.at).toISOString();
  const { number = 0 } = run;
  return {
    id: run.id,
    job_id: "custom",
    origin: "rest",
    status: status === "closing" ? "running" : status,
    created_by: "bench",
    created_at: at,
    updated_at: at,
    ...(status === "closing" ? { started_at: at } : {}),
    metadata: { batch: number % 100 },
    contract_id: `contract-${number % 500}`,
    pipeline_name: `pipeline-${number % 20}`,
    pipeline_id: `pipeline-${number % 20}-v${number % 3}`,
    base: run.base,
    submissions: 1,
    validations: 1,
    warnings: [],
    warning_count: 0,
    notices:
      number % 10 === 0
        ? [{ code: "number_rounded", message: "A decimal was kept as the nearest double.", severity: "info" }]
        : [],
  };
}

/** A closed run's record, on `main` (`success`) or in the attic. @param {MadeRun} run */
export function closedRecord(run, tip, status) {
  const at = new Date(run.at + 900).toISOString();
  const { warnings: _, warning_count: __, ...kept } = openRecord(run, "closing");
  const record = { ...kept, status, updated_at: at, completed_at: at, head: tip, warnings: [], warning_count: 0 };
  if (status !== "success") return { ...record, error: { code: status, message: "The pipeline ended early." } };
  const verdict = {
    outcome: "merged",
    run_id: run.id,
    tip,
    main_before: run.base,
    checked: 1,
    violations: [],
    violation_count: 0,
    conflicts: [],
    at,
  };
  return { ...record, validations: 2, merge: { verdict } };
}

const runLines = (run) => `Run-Id: ${run.id}\nJob-Id: custom\n`;

/** Commit messages as the store writes them. */
export const message = {
  /** @param {MadeRun} run */
  submission: (run) =>
    `Start run ${run.id} of custom\n\n${run.line}\n\n${runLines(run)}Submission: 1\nValidation: passed; 0\n`,
  /** @param {MadeRun} run */
  merge: (run) => `Merge run ${run.id} of custom: modify 1\n\n${run.line}\n\n${runLines(run)}Validation: passed; 0\n`,
  /** @param {MadeRun} run */
  attic: (run) => `Keep failed run ${run.id}\n\nThe pipeline ended early.\n\n${runLines(run)}`,
};
