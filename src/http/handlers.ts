import { cancelRun } from "../actions/cancel-run.ts";
import { putConfiguration, putSchema, type SentSettings } from "../actions/change-settings.ts";
import { runCommits, runDiff, runValidations } from "../actions/describe-run.ts";
import { ifTip, type PatchRun, patchRun } from "../actions/patch-run.ts";
import { previewRun } from "../actions/preview-run.ts";
import { commitAt } from "../actions/commit-at.ts";
import { documentBlame, documentHistory } from "../actions/document-history.ts";
import { listCollections, listDocuments, readDocument, readState } from "../actions/read-documents.ts";
import { listSchemas, readSchema } from "../actions/read-schemas.ts";
import { requireRun } from "../actions/refusal.ts";
import { requireJobRecord } from "../actions/require-job.ts";
import { type ResolveRun, resolveRun } from "../actions/resolve-run.ts";
import { revertRun } from "../actions/revert-run.ts";
import { type StartRun, startRun } from "../actions/start-run.ts";
import type { QueryOf } from "../contract/operations.ts";
import { openApi } from "../contract/openapi.ts";
import { FORMAT } from "../domain/configuration.ts";
import { RuntreeError } from "../domain/errors.ts";
import type { Json } from "../domain/json.ts";
import { LOST } from "../domain/layout.ts";
import { readTime } from "../domain/time.ts";
import { SHAPE_FILES } from "../schema/shapes.ts";
import { PROGRAM } from "../store/program.ts";
import { artifactsOf, readArtifact } from "../store/run-artifacts.ts";
import { readBlob } from "../store/documents.ts";
import type { RunFilter } from "../store/run-filter.ts";
import type { Store } from "../store/store.ts";
import { ASSET_HEADERS, docsAsset, docsPage, PAGE_HEADERS } from "./docs-page.ts";
import { patchAsked } from "./patch-asked.ts";
import type { Answer, Call, Handlers, Service } from "./handler.ts";
import { invocationHandlers } from "./invocation-handlers.ts";
import { jobHandlers } from "./job-handlers.ts";
import { listAnswer } from "./list-answer.ts";
import { badCursor, pageLinks, pageMembers, pageOf } from "./paging.ts";
import { refused } from "./refused.ts";
import { presentedRun } from "./present.ts";
import { NO_LOGS, runLogAnswer } from "./run-log.ts";
import { laterAnswer, madeRunAnswer, runAnswer } from "./run-answers.ts";

/** A page of runs in the form of a list; `again` names the runs once more. */
function pageOfRuns(
  store: Store,
  path: string,
  filter: RunFilter,
  query: QueryOf<"listRuns">,
  again?: string,
): Answer<never> {
  const page = pageOf(query);
  const selected = store.runs.select(filter, page);
  if (selected === null) throw badCursor();
  const { total, ids, more } = selected;
  const jsonOf = (id: string): Buffer | null => {
    const view = store.runs.view(id);
    return view === null ? null : presentedRun(store, view);
  };
  const listed = { path, query, page, items: ids, total, more, idOf: (id: string) => id, jsonOf };
  return listAnswer(again === undefined ? listed : { ...listed, again });
}

/** What a query filters by; the members that ask for a page are no filters, and stay without meaning. */
function filterOf(query: QueryOf<"listJobRuns">, jobs: RunFilter["jobs"]): RunFilter {
  const { start_date, end_date, ...same } = query;
  return {
    ...same,
    ...(jobs === undefined ? {} : { jobs }),
    ...(start_date === undefined ? {} : { start: momentOf("start_date", start_date) }),
    ...(end_date === undefined ? {} : { end: momentOf("end_date", end_date) }),
  };
}

function momentOf(name: string, text: string): number {
  const moment = readTime(text);
  if (moment !== null) return moment;
  throw refused(`/${name}`, `${name} is no time that can be read.`);
}

function sentSettings({
  body,
  notices,
  ifMatch,
}: Pick<Call<"putSchema">, "body" | "notices" | "ifMatch">): SentSettings {
  return { value: body as Json, notices, precondition: ifTip(ifMatch) };
}

/** Refuses to be called ready while something that was acknowledged lies beside its branch, until a person has seen to it. */
function requireNothingLost(store: Store): void {
  const [ref] = store.repository.refs(LOST).keys();
  if (ref === undefined) return;
  const words =
    `Something moved a branch beside Runtree; what was acknowledged is kept at ${ref}. Look at it with stock git, ` +
    `submit again what is missing, and remove the ref: RUNTREE_MAINTENANCE=1 git update-ref -d ${ref}`;
  throw new RuntreeError("busy", words, { ref });
}

/** The part of a server that an operation needs. Throws `not_found` where there is no server. */
function ofServer<Part>(part: Part | undefined): Part {
  if (part === undefined) throw new RuntreeError("not_found", "Only a server has this; ask one by --url.");
  return part;
}

/** Makes the handlers. */
export function makeHandlers({ git, requireRoom, events, metrics, logs = NO_LOGS, ...service }: Service): Handlers {
  const memory = git === null;
  const document = Buffer.from(JSON.stringify(openApi(SHAPE_FILES, PROGRAM.version)));
  return {
    ...jobHandlers(service),
    ...invocationHandlers(),

    startRun: async ({ store, author, params, body, notices, later }) => {
      const view = await startRun(store, author, { ...body, job_id: params.job_id, notices, later } as StartRun);
      return later ? laterAnswer(store, view) : madeRunAnswer(store, view);
    },

    listJobRuns: async ({ store, params, query, prefix }) => {
      requireJobRecord(store, params.job_id);
      const path = `${prefix}/jobs/${encodeURIComponent(params.job_id)}/runs`;
      return pageOfRuns(store, path, filterOf(query, store.jobs.chainOf(params.job_id)), query, "runs");
    },

    listRuns: async ({ store, query, prefix }) =>
      pageOfRuns(store, `${prefix}/runs`, filterOf(query, undefined), query),

    getRun: async ({ store, params }) => runAnswer(store, requireRun(store, params.run_id)),

    patchRun: async ({ store, author, params, query, body, notices, ifMatch, later }) => {
      const asked = { ...patchAsked(query.done, body), notices, later } as PatchRun;
      const view = await patchRun(store, author, params.run_id, asked, ifTip(ifMatch));
      return later && view.record.status === "merging" ? laterAnswer(store, view) : runAnswer(store, view);
    },

    runDiff: async ({ store, params }) => ({ body: runDiff(store, params.run_id) }),

    runCommits: async ({ store, params }) => ({ body: { items: runCommits(store, params.run_id) } }),

    runValidations: async ({ store, params }) => ({ body: { items: runValidations(store, params.run_id) } }),

    getRunLog: async ({ store, params, query }) =>
      runLogAnswer(logs, store, requireRun(store, params.run_id), query.follow),

    listRunArtifacts: async ({ store, params }) => {
      const artifacts = artifactsOf(store, requireRun(store, params.run_id));
      const read = store.reader();
      return { body: { items: artifacts.map((each) => ({ ...each, size: readBlob(read, each.oid).length })) } };
    },

    getRunArtifact: async ({ store, params }) => {
      const found = readArtifact(store, requireRun(store, params.run_id), params.path);
      if (found === null)
        throw new RuntreeError("not_found", `Run ${params.run_id} brought no file ${params.path.slice(0, 200)} along.`);
      return { body: found.bytes, etag: found.oid, headers: { "Content-Disposition": "attachment" } };
    },

    previewRun: async ({ store, params }) => ({ body: await previewRun(store, params.run_id) }),

    resolveRun: async ({ store, author, params, body, ifMatch }) =>
      runAnswer(store, await resolveRun(store, author, params.run_id, body as ResolveRun, ifTip(ifMatch))),

    cancelRun: async ({ store, author, params, body, ifMatch }) =>
      runAnswer(store, await cancelRun(store, author, params.run_id, body.reason, ifTip(ifMatch))),

    revertRun: async ({ store, author, params, body, later }) => {
      const view = await revertRun(store, author, params.run_id, { ...body, later });
      return later ? laterAnswer(store, view) : madeRunAnswer(store, view);
    },

    putSchema: async ({ store, author, params, ...sent }) =>
      runAnswer(store, await putSchema(store, author, params.run_id, params.name, sentSettings(sent))),

    putConfiguration: async ({ store, author, params, ...sent }) =>
      runAnswer(store, await putConfiguration(store, author, params.run_id, sentSettings(sent))),

    listCollections: async ({ store }) => ({
      body: { items: listCollections(store) },
      headers: { "Runtree-Commit": commitAt(store, undefined) },
    }),

    listDocuments: async ({ store, params, query, prefix }) => {
      const page = pageOf(query);
      const { commit, total, items, more } = listDocuments(store, params.collection, { ...page, at: query.at });
      const found = { total, last: more ? (items.at(-1)?.id ?? null) : null };
      const path = `${prefix}/documents/${encodeURIComponent(params.collection)}`;
      return {
        body: { items, ...pageMembers(page, found) },
        headers: { "Runtree-Commit": commit, ...pageLinks(path, query, page, found) },
      };
    },

    getDocument: async ({ store, params, query }) => {
      const { commit, etag, bytes } = readDocument(store, params.collection, params.id, query.at);
      return { body: bytes, etag, headers: { "Runtree-Commit": commit } };
    },

    listSchemas: async ({ store }) => ({ body: { items: listSchemas(store) } }),

    getSchema: async ({ store, params }) => {
      const { etag, bytes } = readSchema(store, params.name);
      return { body: bytes, etag };
    },

    documentHistory: async ({ store, params }) => ({
      body: { items: documentHistory(store, params.collection, params.id) },
    }),

    documentBlame: async ({ store, params }) => ({
      body: { blame: documentBlame(store, params.collection, params.id) },
    }),

    getState: async ({ store, query }) => {
      const state = readState(store, query.at);
      return { body: state, headers: { "Runtree-Commit": state.commit } };
    },

    getOpenApi: async () => ({ body: document }),

    getDocs: async ({ prefix }) => ({ body: docsPage(prefix), headers: PAGE_HEADERS }),

    getDocsAsset: async ({ params }) => {
      const { type, etag, bytes } = docsAsset(params.asset);
      return { type, body: bytes, etag, headers: ASSET_HEADERS };
    },

    followEvents: async ({ principal, lastEventId }) => {
      const streams = ofServer(events);
      const headers = { "Cache-Control": "no-store", "X-Accel-Buffering": "no" };
      return { body: "", headers, stream: (response) => streams.follow(response, principal, lastEventId) };
    },

    getMetrics: async () => ({ body: Buffer.from(await ofServer(metrics).text()) }),

    getHealth: async () => ({ body: { status: "ok" } }),

    getReadiness: async ({ store }) => {
      requireNothingLost(store);
      requireRoom?.();
      return { body: { status: "ready", memory, main: store.main.catchUp(), open_runs: store.runs.openCount() } };
    },

    getVersion: async () => ({
      body: { name: PROGRAM.name, version: PROGRAM.version, format: FORMAT, node: process.version, git, memory },
    }),
  };
}
