import { BODY, type Operation } from "./operation.ts";
import { ON_SERVER, PAGE, REHEARSE } from "./parameters.ts";

/** What can be done with invocations of Galaxy workflows. */
export const INVOCATION_OPERATIONS = {
  listInvocations: {
    method: "GET",
    path: "/invocations",
    summary: "List invocations of Galaxy workflows, newest first.",
    role: "reader",
    query: {
      ...PAGE,
      dataset_id: { type: "string", description: "Invocations for this dataset." },
      ...ON_SERVER,
    },
    success: 200,
    response: "invocation#InvocationList",
    problems: [],
  },
  getInvocation: {
    method: "GET",
    path: "/invocations/{invocation_id}",
    summary: "Read an invocation as Galaxy last told it.",
    role: "reader",
    query: ON_SERVER,
    success: 200,
    response: "invocation#Invocation",
    problems: ["not_found", "ambiguous"],
  },
  cancelInvocation: {
    method: "POST",
    path: "/invocations/{invocation_id}/cancel",
    summary: "Cancel an invocation: its job and run at once, and what Galaxy does for them by the next sweeps.",
    role: "steward",
    query: { ...REHEARSE, ...ON_SERVER },
    request: "job#JobReason",
    success: 200,
    response: "invocation#Invocation",
    problems: [...BODY, "not_found", "ambiguous", "job_not_queued"],
    rehearsable: true,
  },
} as const satisfies Record<string, Operation>;
