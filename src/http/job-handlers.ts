import { cancelJob } from "../actions/cancel-job.ts";
import { deleteJob, type PatchJob, patchJob } from "../actions/change-job.ts";
import { archiveTemplate, createTemplate, patchTemplate } from "../actions/change-template.ts";
import { checkDuplicate } from "../actions/check-duplicate.ts";
import { type CreateJob, createJob } from "../actions/create-job.ts";
import { reorderQueue } from "../actions/order-queue.ts";
import { queueStats } from "../actions/read-queue.ts";
import { type Galaxies, NO_GALAXIES, rehearsed, requestInvocation } from "../actions/request-invocation.ts";
import { requireJobRecord, requireTemplate } from "../actions/require-job.ts";
import { retryJob } from "../actions/retry-job.ts";
import type { QueryOf } from "../contract/operations.ts";
import type { Wire } from "../contract/wire.ts";
import { DEFAULT_GALAXY } from "../domain/galaxy-servers.ts";
import { JOB_STATUSES, type JobRecord, type JobStatus } from "../domain/job.ts";
import type { TemplateRecord } from "../domain/job-template.ts";
import type { JobFilter, JobRow } from "../store/job-row.ts";
import type { Store } from "../store/store.ts";
import type { Answer, Handlers, Service } from "./handler.ts";
import { jobAsked } from "./job-asked.ts";
import { joined, listAnswer, thatFit } from "./list-answer.ts";
import { badCursor, pageLinks, pageOf } from "./paging.ts";
import { presentJob, presentTemplate } from "./present-job.ts";
import { presentedQueue } from "./presented-queue.ts";
import { refused } from "./refused.ts";

type JobAnswer = Answer<Wire<"job#Job">>;

/** A job as it is now. */
export function jobAnswer(store: Store, job: JobRecord, warnings: readonly string[] = []): JobAnswer {
  return { body: presentJob(store, job, warnings) };
}

/** A job that was made just now, or by an earlier try of the same request. */
export function madeJobAnswer(store: Store, job: JobRecord, warnings: readonly string[] = []): JobAnswer {
  return { ...jobAnswer(store, job, warnings), headers: { Location: `/jobs/${encodeURIComponent(job.id)}` } };
}

/** A template as it is now. */
export function templateAnswer(template: TemplateRecord): Answer<Wire<"template#Template">> {
  return { body: presentTemplate(template) };
}

/** The same for one that was made just now. */
export function madeTemplateAnswer(template: TemplateRecord): Answer<Wire<"template#Template">> {
  return { ...templateAnswer(template), headers: { Location: `/templates/${encodeURIComponent(template.id)}` } };
}

/**
 * The same job, which would wait for ever where its template's Galaxy is none of the server's: `galaxy_not_configured`.
 * Without a server, a job waits for one whatever it is.
 */
function configured(store: Store, galaxies: Galaxies | undefined, job: CreateJob): CreateJob {
  const template = store.templates.find(job.template_id ?? "");
  if (template?.executor === "galaxy") galaxies?.allowed(template.server ?? DEFAULT_GALAXY);
  return job;
}

/** Other words for the statuses of jobs (WIRE §7). */
const OTHER_WORDS: Readonly<Record<string, JobStatus>> = {
  created: "queued",
  pending: "queued",
  started: "running",
  in_progress: "running",
  succeeded: "completed",
  success: "completed",
};

function statusAsked(text: string): JobStatus {
  const word = text.toLowerCase();
  const status = OTHER_WORDS[word] ?? JOB_STATUSES.find((each) => each === word);
  if (status !== undefined) return status;
  throw refused("/status", `There is no status "${text.slice(0, 100)}" of jobs: ${JOB_STATUSES.join(", ")}.`);
}

function filterOf(query: QueryOf<"listJobs">, aliases: Readonly<Record<string, string>>): JobFilter {
  const { status, type, template_id, executor, retry_of, schedule_id, group_id, dataset_id, workflow_name } = query;
  const named = type === undefined ? undefined : Object.hasOwn(aliases, type) ? aliases[type] : type;
  const isNone =
    [schedule_id, group_id].some((value) => value !== undefined) ||
    (named !== undefined && template_id !== undefined && named !== template_id);
  const template = template_id ?? named;
  return {
    ...(status === undefined ? {} : { status: statusAsked(status) }),
    ...(template === undefined ? {} : { template }),
    ...(executor === undefined ? {} : { executor }),
    ...(dataset_id === undefined ? {} : { dataset: dataset_id }),
    ...(workflow_name === undefined ? {} : { workflow: workflow_name }),
    ...(retry_of === undefined ? {} : { retryOf: retry_of }),
    ...(isNone ? { any: false } : {}),
  };
}

function queueAnswer(store: Store, query: QueryOf<"getQueue">): Answer<never> {
  const page = pageOf(query);
  const rows = store.jobs.queue.slice(page.offset, page.offset + page.limit);
  const { body, taken } = presentedQueue(store, rows);
  const found = { total: store.jobs.queue.length, last: null, taken };
  return { body, headers: pageLinks("/queue", query, page, found) };
}

type JobOperation =
  | "createJob"
  | "listJobs"
  | "getJob"
  | "patchJob"
  | "deleteJob"
  | "cancelJob"
  | "retryJob"
  | "monitorJob"
  | "monitorJobs"
  | "dedupCheck"
  | "postDedupCheck"
  | "getQueue"
  | "getQueueStats"
  | "reorderQueue"
  | "prioritizeJob"
  | "moveJob"
  | "createTemplate"
  | "listTemplates"
  | "getTemplate"
  | "patchTemplate"
  | "archiveTemplate";

/** Makes the handlers of jobs, the queue and templates. */
export function jobHandlers({
  aliases = {},
  galaxies: configuredGalaxies,
}: Pick<Service, "aliases" | "galaxies">): Pick<Handlers, JobOperation> {
  const galaxies = configuredGalaxies ?? NO_GALAXIES;
  const jsonOf =
    (store: Store) =>
    (row: JobRow): Buffer =>
      Buffer.from(JSON.stringify(presentJob(store, store.jobs.read(row))));
  const idOf = ({ id }: Pick<JobRow, "id">): string => id;
  return {
    createJob: async ({ store, author, query: { dryRun, ...query }, body }) => {
      const asked = jobAsked(body, query, aliases);
      const job =
        "invocation" in asked
          ? await requestInvocation(store, dryRun ? rehearsed(galaxies) : galaxies, author, asked.invocation)
          : await createJob(store, author, configured(store, configuredGalaxies, asked.job));
      return madeJobAnswer(store, job, asked.warnings);
    },

    listJobs: async ({ store, query, prefix }) => {
      const page = pageOf(query);
      const selected = store.jobs.select(filterOf(query, aliases), page);
      if (selected === null) throw badCursor();
      const { total, rows, more, queued, running } = selected;
      const members = { queued_count: queued, running_count: running };
      const path = `${prefix}/jobs`;
      const listed = { path, query, page, items: rows, total, more, idOf, jsonOf: jsonOf(store) };
      return listAnswer({ ...listed, again: "jobs", members });
    },

    getJob: async ({ store, params }) => jobAnswer(store, requireJobRecord(store, params.job_id)),

    patchJob: async ({ store, author, params, body }) =>
      jobAnswer(store, await patchJob(store, author, params.job_id, body as PatchJob)),

    deleteJob: async ({ store, author, params }) => {
      await deleteJob(store, author, params.job_id);
      return { body: null };
    },

    cancelJob: async ({ store, author, params, body }) =>
      jobAnswer(store, await cancelJob(store, author, params.job_id, body.reason)),

    retryJob: async ({ store, author, params }) => madeJobAnswer(store, await retryJob(store, author, params.job_id)),

    monitorJob: async ({ store, params }) => jobAnswer(store, requireJobRecord(store, params.job_id)),

    monitorJobs: async ({ store, prefix }) => {
      const { rows } = store.jobs.select({ status: "running" }, { offset: 0, limit: Infinity }) ?? { rows: [] };
      const { taken, pieces } = thatFit(rows, jsonOf(store));
      const page = pageOf({ cursor: "" });
      const found = { total: rows.length, last: taken < rows.length ? (rows[taken - 1]?.id ?? null) : null };
      return {
        body: Buffer.concat([Buffer.from('{"items":['), ...joined(pieces), Buffer.from("]}")]),
        // The rest is a list like any other.
        headers: pageLinks(`${prefix}/jobs`, { status: "running" }, page, found),
      };
    },

    dedupCheck: async ({ store, params }) => ({ body: checkDuplicate(store, params.job_id) }),

    postDedupCheck: async ({ store, params }) => ({ body: checkDuplicate(store, params.job_id) }),

    getQueue: async ({ store, query }) => queueAnswer(store, query),

    getQueueStats: async ({ store }) => ({ body: queueStats(store) }),

    reorderQueue: async ({ store, author, body }) => {
      await reorderQueue(store, author, body.job_ids);
      return queueAnswer(store, {});
    },

    prioritizeJob: async ({ store, author, params, body: { priority } }) =>
      jobAnswer(store, await patchJob(store, author, params.job_id, { priority } as PatchJob)),

    moveJob: async ({ store, author, params, body: { position } }) =>
      jobAnswer(store, await patchJob(store, author, params.job_id, { position })),

    createTemplate: async ({ store, author, body }) =>
      madeTemplateAnswer(await createTemplate(store, author, body as Parameters<typeof createTemplate>[2])),

    listTemplates: async ({ store, query, prefix }) => {
      const { status, executor } = query;
      const all = store.templates
        .all()
        .filter((each) => (status ?? each.status) === each.status && (executor ?? each.executor) === each.executor);
      const page = pageOf(query);
      const after = page.way === "cursor" ? page.after : null;
      const first = after === null ? page.offset : all.findIndex(({ id }) => id === after) + 1;
      if (after !== null && first === 0) throw badCursor();
      return listAnswer({
        path: `${prefix}/templates`,
        query,
        page,
        items: all.slice(first, first + page.limit),
        total: all.length,
        more: first + page.limit < all.length,
        idOf,
        jsonOf: (template) => Buffer.from(JSON.stringify(presentTemplate(template))),
      });
    },

    getTemplate: async ({ store, params }) => templateAnswer(requireTemplate(store, params.template_id)),

    patchTemplate: async ({ store, author, params, body }) =>
      templateAnswer(await patchTemplate(store, author, params.template_id, body)),

    archiveTemplate: async ({ store, author, params }) =>
      templateAnswer(await archiveTemplate(store, author, params.template_id)),
  };
}
