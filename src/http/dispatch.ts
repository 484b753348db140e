import { answerAgain, answerAgainAtOnce } from "../actions/answer-again.ts";
import { requireJobRecord, requireTemplate } from "../actions/require-job.ts";
import { answerTypes, bodyTypes, operation } from "../contract/operations.ts";
import { RuntreeError } from "../domain/errors.ts";
import { findRun } from "../store/run-view.ts";
import type { Store } from "../store/store.ts";
import type { Admission } from "./admission.ts";
import { authorize } from "./authenticate.ts";
import type { Answer, Call, Handlers, Stream } from "./handler.ts";
import { jobAnswer, madeJobAnswer, madeTemplateAnswer, templateAnswer } from "./job-handlers.ts";
import { presentProblem } from "./problem.ts";
import { entityTags, type RawRequest, understand, type UnderstoodRequest } from "./request.ts";
import { laterAnswer, madeRunAnswer, runAnswer } from "./run-answers.ts";

/** An answer ready for any transport. Header names as they are written; a null body is none. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | null;
  /** Goes on with the answer after its head, for as long as it likes, in place of a body. */
  readonly stream?: Stream;
  /** The error behind a problem, for the log. */
  readonly error?: unknown;
}

/** Answers requests by the table of operations, for HTTP and for a command line that works on the repository itself. */
export class Dispatcher {
  readonly #store: Store;
  readonly #handlers: Handlers;
  /** Idempotency keys of requests that are at work. */
  readonly #atWork = new Set<string>();

  readonly #admission: Admission | null;

  constructor(store: Store, handlers: Handlers, admission: Admission | null = null) {
    this.#store = store;
    this.#handlers = handlers;
    this.#admission = admission;
  }

  /** Answers one request; errors become problems. */
  async answer(request: RawRequest): Promise<Reply> {
    try {
      authorize(this.#store, operation(request.operation), request.principal, request.params);
      const understood = understand(request);
      const answer = await this.#once(request, understood);
      return this.#reply(request, answer);
    } catch (error) {
      return problemReply(error, request.requestId, this.#store, request);
    }
  }

  /** Carries a request out, unless its idempotency key says that this happened already. */
  async #once(request: RawRequest, understood: UnderstoodRequest): Promise<Answer<unknown>> {
    const { idempotency, query } = understood;
    if (idempotency === null || query["dryRun"] === true) return this.#call(request, understood);
    const known = this.#store.requests.find(idempotency.key);
    if (known !== null && known.body !== idempotency.body) {
      throw new RuntreeError(
        "idempotency_key_reused",
        "This Idempotency-Key came with another body before; use a new key.",
      );
    }
    if (this.#atWork.has(idempotency.key)) {
      throw new RuntreeError(
        "request_in_progress",
        "The request with this Idempotency-Key is still at work; try again shortly.",
      );
    }
    const { success, response } = operation(request.operation);
    const made = success === 201;
    // What opened a job's run with the job is answered with the job.
    const isOfJob = response === "job#Job";
    // A run that went with a main that somebody moved back is to be made again.
    if (known?.run != null && !isOfJob && findRun(this.#store.repository, known.run) !== null) {
      const author = { principal: request.principal.name, idempotency };
      if (understood.later) return laterAnswer(this.#store, answerAgainAtOnce(this.#store, author, known.run));
      const view = await answerAgain(this.#store, author, known.run, known);
      return made ? madeRunAnswer(this.#store, view) : runAnswer(this.#store, view);
    }
    if (known?.job != null) {
      const job = requireJobRecord(this.#store, known.job);
      return made ? madeJobAnswer(this.#store, job) : jobAnswer(this.#store, job);
    }
    if (known?.template != null) {
      const template = requireTemplate(this.#store, known.template);
      return made ? madeTemplateAnswer(template) : templateAnswer(template);
    }
    this.#atWork.add(idempotency.key);
    try {
      const answer = await this.#call(request, understood);
      const { view } = answer;
      if (view !== undefined) {
        this.#store.requests.noteUnwritten(
          idempotency.key,
          idempotency.body,
          view.record.id,
          view.head,
          this.#store.clock(),
        );
      }
      return answer;
    } finally {
      this.#atWork.delete(idempotency.key);
    }
  }

  async #call(
    request: RawRequest,
    { query, body, notices, ifMatch, idempotency, lastEventId, later }: UnderstoodRequest,
  ): Promise<Answer<unknown>> {
    const rehearsing = query["dryRun"] === true;
    const store = rehearsing ? this.#store.rehearse() : this.#store;
    const author = { principal: request.principal.name, idempotency: rehearsing ? null : idempotency };
    const { principal, params, prefix = "" } = request;
    const call = { store, author, principal, params, query, body, notices, ifMatch, lastEventId, later, prefix };
    // The table ties each id to its input; here the id is only known as one of them.
    const handler = this.#handlers[request.operation] as unknown as (call: Call<never>) => Promise<Answer<unknown>>;
    const work = async (): Promise<Answer<unknown>> => handler(call as unknown as Call<never>);
    try {
      return await (this.#admission?.admit(operation(request.operation), principal, work) ?? work());
    } catch (error) {
      // A refused rehearsal shows a run that only the rehearsal knows.
      if (rehearsing && error instanceof RuntreeError) throw new Rehearsed(error, store);
      throw error;
    }
  }

  #reply(request: RawRequest, { status, type, body, etag, stream, headers = {} }: Answer<unknown>): Reply {
    const known = operation(request.operation);
    const { method, success } = known;
    const tagged = etag === undefined ? headers : { ...headers, ETag: `"${etag}"` };
    const had = entityTags(String(request.headers["if-none-match"] ?? "") || undefined);
    if (method === "GET" && etag !== undefined && had !== null && (had.includes(etag) || had.includes("*"))) {
      return { status: 304, headers: tagged, body: null };
    }
    const typed = { "Content-Type": `${type ?? answerTypes(known)[0]}; charset=utf-8`, ...tagged };
    if (success === 204) return { status: success, headers: tagged, body: null };
    if (stream !== undefined) return { status: success, headers: typed, body: null, stream };
    const bytes = Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
    return { status: status ?? success, headers: typed, body: bytes };
  }
}

/** An error of a rehearsal, with the store that knows its run. */
class Rehearsed extends Error {
  readonly error: RuntreeError;
  readonly store: Store;

  constructor(error: RuntreeError, store: Store) {
    super(error.message);
    this.error = error;
    this.store = store;
  }
}

/** The reply that tells an error. */
export function problemReply(thrown: unknown, requestId: string, known: Store | null, request?: RawRequest): Reply {
  const rehearsed = thrown instanceof Rehearsed;
  const [error, store] = rehearsed ? [thrown.error, thrown.store] : [thrown, known];
  const problem = presentProblem(error, requestId, store);
  const accepted = request === undefined ? undefined : operation(request.operation);
  return {
    status: problem.status,
    headers: {
      "Content-Type": "application/problem+json; charset=utf-8",
      ...(problem.run === undefined || rehearsed ? {} : { Location: problem.run.links.self }),
      ...(problem.code === "unsupported_media_type" && accepted?.method === "PATCH"
        ? { "Accept-Patch": bodyTypes(accepted).join(", ") }
        : {}),
      ...(problem.status === 401 ? { "WWW-Authenticate": 'Bearer realm="runtree"' } : {}),
      ...(problem.status === 408 ? { Connection: "close" } : {}),
      ...(problem.status === 503 ? { "Retry-After": "1" } : {}),
      ...(problem.code === "rate_limited" && error instanceof RuntreeError
        ? { "Retry-After": String(error.data["retry_after_s"]) }
        : {}),
    },
    body: Buffer.from(JSON.stringify(problem)),
    error,
  };
}
