import { PROBLEMS, wireCode } from "../contract/problems.ts";
import type { Wire } from "../contract/wire.ts";
import { RuntreeError } from "../domain/errors.ts";
import { MAX_LISTED, type Conflict, type Violation } from "../domain/verdict.ts";
import { isRefused, type WorkflowServerFault, workflowServerFault } from "../domain/workflow-server.ts";
import type { RunView } from "../store/run-view.ts";
import type { Store } from "../store/store.ts";
import { presentRun } from "./present.ts";

export type Problem = Wire<"problem#Problem">;

function isView(value: unknown): value is RunView {
  return typeof value === "object" && value !== null && "record" in value && "head" in value;
}

/** The problem that clients see for an error. What is not ours to tell stays in the log. */
export function presentProblem(error: unknown, requestId: string, store: Store | null): Problem {
  const known = error instanceof RuntreeError ? error : new RuntreeError("internal", "", {}, error);
  const code = wireCode(known.code);
  const { errors, conflicts, run, job_id, run_id } = known.data;
  const fault = workflowServerFault(known);
  const { title, status: usual, refused = usual } = PROBLEMS[code];
  // What Galaxy finds wrong is what the client sent.
  const status = fault !== null && isRefused(fault) ? refused : usual;
  const listed = Array.isArray(errors) ? (errors as readonly Violation[]).slice(0, MAX_LISTED) : [];
  return {
    type: `urn:runtree:problem:${code}`,
    title,
    status,
    code,
    detail:
      code === "internal" ? `Something went wrong here; the log has it under request ${requestId}.` : known.message,
    ...(listed.length > 0 || status === 422
      ? { errors: listed.length > 0 ? listed : [asViolation(known.message)] }
      : {}),
    ...(Array.isArray(conflicts) ? { conflicts: conflicts as readonly Conflict[] } : {}),
    ...(isView(run) && store !== null ? { run: presentRun(store, run) } : {}),
    ...(typeof job_id === "string" && fault !== null ? { job_id } : {}),
    ...(typeof run_id === "string" && fault !== null ? { run_id } : {}),
    ...(fault?.reason === "refused" ? { galaxy: asGalaxySaid(fault) } : {}),
    request_id: requestId,
  };
}

function asGalaxySaid({ status, err_code, err_msg }: WorkflowServerFault): NonNullable<Problem["galaxy"]> {
  return { status: status ?? null, code: err_code ?? null, message: err_msg ?? null };
}

/** Every 422 names at least one thing that is wrong. */
function asViolation(message: string): Violation {
  return { code: "schema", collection: null, id: null, pointer: "", message };
}
