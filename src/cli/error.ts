import type { Wire } from "../contract/wire.ts";
import { type ErrorCode, RuntreeError } from "../domain/errors.ts";
import { listed, type Conflict, type Violation } from "../domain/verdict.ts";
import { conflictLine, violationLine } from "./output.ts";
import { escaped, plain } from "./plain.ts";

/** What --json prints of an error, on stderr and on one line. */
interface ErrorShape {
  readonly code: string;
  readonly detail: string;
  readonly errors?: readonly Violation[];
  readonly conflicts?: readonly Conflict[];
  /** The run as the refused request left it. */
  readonly run?: Wire<"run#Run">;
  /** The job and the run that the request made before it failed, and what Galaxy said. */
  readonly job_id?: string;
  readonly run_id?: string;
  readonly galaxy?: Wire<"problem#Problem">["galaxy"];
}

/** What is told of an error besides its words: by a server in its problem, by this process in its data. */
function findings(error: RuntreeError): Omit<ErrorShape, "code" | "detail"> {
  const problem = error.data["problem"] as Wire<"problem#Problem"> | undefined;
  const { errors, conflicts } = (problem ?? error.data) as Pick<ErrorShape, "errors" | "conflicts">;
  return {
    ...(errors === undefined ? {} : { errors: listed(errors).violations }),
    ...(conflicts === undefined ? {} : { conflicts }),
    ...(problem?.run === undefined ? {} : { run: problem.run }),
    ...(problem?.job_id === undefined ? {} : { job_id: problem.job_id }),
    ...(problem?.run_id === undefined ? {} : { run_id: problem.run_id }),
    ...(problem?.galaxy === undefined ? {} : { galaxy: problem.galaxy }),
  };
}

/** What to do next at a terminal, where the server's words are for every client. */
const NEXT: Partial<Record<ErrorCode, string>> = {
  unauthorized: "Put a key of this server into the variable RUNTREE_KEY.",
  job_not_found: "`runtree job list` lists the jobs.",
  template_not_found: "`runtree template list` lists the templates.",
  galaxy_timeout: "What became of it is found out by the server: `runtree job wait` waits for that.",
  merge_conflict: "Settle the conflicts with `runtree run resolve` (--help says how), then say done again.",
};

/** What a person reads of an error: what happened, then each violation and conflict on a line. */
export function errorText(error: unknown): string {
  if (!(error instanceof RuntreeError))
    return escaped(`runtree: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  const { errors = [], conflicts = [], job_id } = findings(error);
  const next = error.data["hint"] ?? NEXT[error.code];
  return [
    `runtree: ${plain(error.message)}`,
    // Of a single member the first line says it all.
    ...errors
      .filter(({ collection, message }) => collection !== null || !error.message.includes(message))
      .map((violation) => `  ${violationLine(violation)}`),
    ...conflicts.map((conflict) => `  ${conflictLine(conflict)}`),
    ...(job_id === undefined ? [] : [plain(`  job ${job_id}`)]),
    ...(typeof next === "string" ? [`runtree: ${plain(next)}`] : []),
  ].join("\n");
}

/** What a program reads of an error: one line of JSON, with the code and words that a problem of the wire has. */
export function errorJson(error: unknown): string {
  const known = error instanceof RuntreeError;
  const shape: ErrorShape = {
    code: known ? error.code : "internal",
    detail: error instanceof Error ? error.message : String(error),
    ...(known ? findings(error) : {}),
  };
  return escaped(JSON.stringify({ error: shape }));
}
