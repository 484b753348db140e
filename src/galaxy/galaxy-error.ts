import { RuntreeError } from "../domain/errors.ts";
import type { WorkflowServerFault } from "../domain/workflow-server.ts";

/** How much is kept of what a server says about an error, in characters. */
const MOST_WORDS = 1000;

type Reason = Exclude<WorkflowServerFault["reason"], "refused">;

const WORDS: Readonly<Record<Reason, string>> = {
  unreachable: "cannot be reached",
  resting: "did not answer lately and is not asked for a while",
  timeout: "did not answer in time",
  broken: "broke off before it had answered",
  unreadable: "answered with something that cannot be read",
  too_large: "answered with more than is read",
  closed: "is not asked any more, because Runtree is stopping",
};

/** The error of a call without a known answer: `galaxy_timeout` if it was sent, `galaxy_error` if it never was. */
export function noAnswer(
  fault: Omit<WorkflowServerFault, "reason"> & { readonly reason: Reason },
  cause?: unknown,
): RuntreeError {
  const why = cause instanceof Error && cause.message !== "" ? ` (${cause.message.trim()})` : "";
  return new RuntreeError(
    fault.sent ? "galaxy_timeout" : "galaxy_error",
    `Galaxy "${fault.server}" ${WORDS[fault.reason]}${why}.`,
    { ...fault },
    cause,
  );
}

/** The error of a call that the server answered with a status of error, with what it says about it. */
export function refused(
  fault: Omit<WorkflowServerFault, "reason" | "err_code" | "err_msg"> & { readonly status: number },
  body: unknown,
): RuntreeError {
  const { err_code: code, err_msg: message } = (typeof body === "object" && body !== null ? body : {}) as {
    err_code?: unknown;
    err_msg?: unknown;
  };
  const words = typeof message === "string" ? message.slice(0, MOST_WORDS).replaceAll(/\p{Surrogate}/gu, "\uFFFD") : "";
  const number = typeof code === "number" && Number.isSafeInteger(code) ? code : null;
  // Its words may end as a sentence does.
  const said = words.trim().replace(/\.+$/, "");
  const told = `${number === null ? "" : ` (${number})`}${said === "" ? "" : `: ${said}`}`;
  const hint = fault.status === 401 ? "; whoever runs this server gives it another key for that Galaxy" : "";
  return new RuntreeError("galaxy_error", `Galaxy "${fault.server}" answered ${fault.status}${told}${hint}.`, {
    ...fault,
    reason: "refused",
    ...(number === null ? {} : { err_code: number }),
    ...(words === "" ? {} : { err_msg: words }),
  });
}
