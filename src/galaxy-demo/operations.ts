import { isObject, type Json } from "../domain/json.ts";
import type { Galaxy } from "./galaxy.ts";
import { listedHistory, shownHistory } from "./histories.ts";
import { type Detail, listedInvocation, shownInvocation, shownRequest } from "./invocation-view.ts";
import { shownCompletion, summarizeJobs, summarizeSteps } from "./job-summary.ts";
import { missing } from "./refused.ts";
import { OWNER } from "./user.ts";
import { type ListedWorkflow, listedWorkflow, shownWorkflow } from "./workflow-view.ts";
import type { Wire } from "./wire.ts";

/** A request as an operation sees it. */
export interface Request {
  readonly id: string;
  readonly query: URLSearchParams;
  readonly body: Json | undefined;
}

export interface Operation {
  readonly method: "get" | "post" | "delete";
  readonly path: string;
  /** Whether it may be asked without a key. */
  readonly open?: boolean;
  readonly answer: (galaxy: Galaxy, request: Request) => unknown;
}

function flag(query: URLSearchParams, name: string): boolean {
  return query.get(name)?.toLowerCase() === "true";
}

function detailOf(query: URLSearchParams): Detail {
  return { steps: flag(query, "step_details"), jobStates: flag(query, "legacy_job_state") };
}

/** A part of a list, by `limit` and `offset`. */
function paged<Item>(items: readonly Item[], query: URLSearchParams): Item[] {
  const from = Number(query.get("offset") ?? 0);
  return items.slice(from, from + Number(query.get("limit") ?? items.length));
}

function memberOf(body: Json | undefined, name: string): Json | undefined {
  return isObject(body) ? body[name] : undefined;
}

/** The calls of Galaxy that the stand-in answers, by the names that faults and counts have for them. */
export const OPERATIONS = {
  version: {
    method: "get",
    path: "/api/version",
    open: true,
    answer: ({ version }: Galaxy) => ({ version_major: version, version_minor: "0" }),
  },
  user: {
    method: "get",
    path: "/api/users/current",
    answer: (): Wire["DetailedUserModel"] => OWNER,
  },
  workflows: {
    method: "get",
    path: "/api/workflows",
    answer: ({ workflows }: Galaxy, { query }: Request): ListedWorkflow[] =>
      paged(workflows.search(query.get("search") ?? ""), query).map(listedWorkflow),
  },
  workflow: {
    method: "get",
    path: "/api/workflows/:id",
    answer: ({ workflows }: Galaxy, { id, query }: Request): Wire["StoredWorkflowDetailed"] =>
      shownWorkflow(workflows.get(id, flag(query, "instance"))),
  },
  import: {
    method: "post",
    path: "/api/workflows",
    answer: (galaxy: Galaxy, { body }: Request): ListedWorkflow => {
      const file = memberOf(body, "workflow");
      if (file === undefined) throw missing("A workflow is needed.");
      return listedWorkflow(galaxy.workflows.import(file, galaxy.now()));
    },
  },
  create_history: {
    method: "post",
    path: "/api/histories",
    answer: (galaxy: Galaxy, { body }: Request): Wire["HistoryDetailed"] => {
      const name = memberOf(body, "name");
      const given = typeof name === "string" && name !== "" ? name : "Unnamed history";
      return shownHistory(galaxy.histories.create(given, galaxy.now()));
    },
  },
  histories: {
    method: "get",
    path: "/api/histories",
    answer: ({ histories }: Galaxy, { query }: Request): Wire["HistorySummary"][] => {
      const values = query.getAll("qv");
      const filters = query.getAll("q").map((q, at) => [q, values[at] ?? ""] as const);
      return paged(histories.list(filters), query).map(listedHistory);
    },
  },
  history: {
    method: "get",
    path: "/api/histories/:id",
    answer: ({ histories }: Galaxy, { id }: Request): Wire["HistoryDetailed"] => shownHistory(histories.get(id)),
  },
  delete_history: {
    method: "delete",
    path: "/api/histories/:id",
    answer: ({ histories }: Galaxy, { id }: Request): Wire["HistoryDetailed"] => {
      const history = histories.get(id);
      history.deleted = true;
      return shownHistory(history);
    },
  },
  invoke: {
    method: "post",
    path: "/api/workflows/:id/invocations",
    answer: (
      galaxy: Galaxy,
      { id, body }: Request,
    ): Wire["WorkflowInvocationResponse"] | Wire["WorkflowInvocationResponse"][] => {
      const now = galaxy.now();
      const workflow = galaxy.workflows.get(id, memberOf(body, "instance") === true);
      const made = galaxy.invocations.invoke(workflow, body, now);
      const shown = made.map((each) => shownInvocation(each, { steps: false, jobStates: false }, now));
      const [only] = shown;
      return memberOf(body, "batch") === true || only === undefined ? shown : only;
    },
  },
  list: {
    method: "get",
    path: "/api/invocations",
    answer: (galaxy: Galaxy, { query }: Request): Wire["WorkflowInvocationResponse"][] => {
      const now = galaxy.now();
      const asked = {
        historyId: query.get("history_id"),
        workflowId: query.get("workflow_id"),
        nested: query.get("include_nested_invocations")?.toLowerCase() !== "false",
        ended: query.get("include_terminal")?.toLowerCase() !== "false",
      };
      const listed = paged(galaxy.invocations.list(asked, now), query);
      return query.get("view") === "element"
        ? listed.map((each) => shownInvocation(each, detailOf(query), now))
        : listed.map((each) => listedInvocation(each, now));
    },
  },
  show: {
    method: "get",
    path: "/api/invocations/:id",
    answer: (galaxy: Galaxy, { id, query }: Request): Wire["WorkflowInvocationResponse"] =>
      shownInvocation(galaxy.invocations.get(id, galaxy.now()), detailOf(query), galaxy.now()),
  },
  summary: {
    method: "get",
    path: "/api/invocations/:id/jobs_summary",
    answer: (galaxy: Galaxy, { id }: Request): Wire["InvocationJobsResponse"] =>
      summarizeJobs(galaxy.invocations.get(id, galaxy.now()), galaxy.now()),
  },
  step_summary: {
    method: "get",
    path: "/api/invocations/:id/step_jobs_summary",
    answer: (galaxy: Galaxy, { id }: Request): ReturnType<typeof summarizeSteps> =>
      summarizeSteps(galaxy.invocations.get(id, galaxy.now()), galaxy.now()),
  },
  completion: {
    method: "get",
    path: "/api/invocations/:id/completion",
    answer: (galaxy: Galaxy, { id }: Request): Wire["WorkflowInvocationCompletionResponse"] | null =>
      shownCompletion(galaxy.invocations.get(id, galaxy.now()), galaxy.now()),
  },
  request: {
    method: "get",
    path: "/api/invocations/:id/request",
    answer: (galaxy: Galaxy, { id }: Request): Wire["WorkflowInvocationRequestModel"] =>
      shownRequest(galaxy.invocations.get(id, galaxy.now())),
  },
  cancel: {
    method: "delete",
    path: "/api/invocations/:id",
    answer: (galaxy: Galaxy, { id, query }: Request): Wire["WorkflowInvocationResponse"] => {
      const now = galaxy.now();
      return shownInvocation(galaxy.invocations.cancel(id, now), detailOf(query), now);
    },
  },
} as const satisfies Readonly<Record<string, Operation>>;

export type OperationName = keyof typeof OPERATIONS;

export const OPERATION_NAMES: readonly OperationName[] = Object.keys(OPERATIONS) as OperationName[];
