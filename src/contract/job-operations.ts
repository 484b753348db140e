import { BODY, KEYED, type Operation } from "./operation.ts";
import { REHEARSE } from "./parameters.ts";

/** What can be done with jobs. */
export const JOB_OPERATIONS = {
  createJob: {
    method: "POST",
    path: "/jobs",
    summary: "Register a job for agents.",
    role: "agent",
    query: REHEARSE,
    request: "job#CreateJob",
    success: 201,
    response: "job#Job",
    problems: [...BODY, ...KEYED, "ambiguous_job"],
    idempotent: true,
    rehearsable: true,
  },
  getJob: {
    method: "GET",
    path: "/jobs/{job_id}",
    summary: "Read a job.",
    role: "reader",
    success: 200,
    response: "job#Job",
    problems: ["job_not_found"],
  },
} as const satisfies Record<string, Operation>;
