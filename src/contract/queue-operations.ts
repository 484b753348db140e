import { BODY, KEYED, type Operation } from "./operation.ts";
import { PAGE, REHEARSE } from "./parameters.ts";

const { limit, offset } = PAGE;

/** What a change of one job's place may be answered. */
const OF_QUEUED = [...BODY, ...KEYED, "job_not_found", "job_not_queued"] as const;

/** What can be done with the queue. */
export const QUEUE_OPERATIONS = {
  getQueue: {
    method: "GET",
    path: "/queue",
    summary: "Read what runs, and what waits, in the order of dispatch.",
    role: "reader",
    query: { limit, offset },
    success: 200,
    response: "job#Queue",
    problems: [],
  },
  getQueueStats: {
    method: "GET",
    path: "/queue/stats",
    summary: "Count what waits, runs and ended.",
    role: "reader",
    success: 200,
    response: "job#QueueStats",
    problems: [],
  },
  reorderQueue: {
    method: "POST",
    path: "/queue/reorder",
    summary: "Put some jobs first, in this order, within their priorities.",
    role: "steward",
    query: REHEARSE,
    request: "job#ReorderQueue",
    success: 200,
    response: "job#Queue",
    problems: [...BODY, "job_not_found", "job_not_queued"],
    rehearsable: true,
  },
  prioritizeJob: {
    method: "POST",
    path: "/queue/{job_id}/priority",
    summary: "Give a queued job another priority, behind those that have it.",
    role: "steward",
    query: REHEARSE,
    request: "job#PrioritizeJob",
    success: 200,
    response: "job#Job",
    problems: OF_QUEUED,
    idempotent: true,
    rehearsable: true,
  },
  moveJob: {
    method: "POST",
    path: "/queue/{job_id}/move",
    summary: "Move a queued job among those of its priority.",
    role: "steward",
    query: REHEARSE,
    request: "job#MoveJob",
    success: 200,
    response: "job#Job",
    problems: OF_QUEUED,
    idempotent: true,
    rehearsable: true,
  },
} as const satisfies Record<string, Operation>;
