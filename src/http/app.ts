import { randomUUID } from "node:crypto";
import Router from "@koa/router";
import Koa from "koa";
import type { Logger } from "pino";
import { operation, OPERATIONS, type OperationId } from "../contract/operations.ts";
import { type ErrorCode, RuntreeError } from "../domain/errors.ts";
import { LOCAL, type Principal } from "../domain/roles.ts";
import type { Executions } from "../store/executions.ts";
import type { KeyRing } from "../store/key-ring.ts";
import { authenticate } from "./authenticate.ts";
import { hasBody, readBody } from "./body.ts";
import { GIT_PATH, type GitDoorParts, gitReply, gitRoutes } from "./git-door.ts";
import { isLoopback } from "./loopback.ts";
import { type Dispatcher, problemReply, type Reply } from "./dispatch.ts";
import type { Metrics } from "./metrics.ts";
import type { RequestRate } from "./request-rate.ts";
import { traceOf } from "./trace.ts";
import type { UnreadAnswers } from "./unread.ts";

/** What another server is at fault for, or who set this one up: where it was thrown here tells nobody anything. */
const ELSEWHERE: ReadonlySet<ErrorCode> = new Set(["galaxy_error", "galaxy_timeout", "galaxy_not_configured"]);

export interface AppOptions {
  readonly dispatcher: Dispatcher;
  readonly log: Logger;
  /** Bytes of a request body. */
  readonly maxBody: number;
  /** How long (s) a body may take to arrive. */
  readonly requestSeconds: number;
  readonly ring: KeyRing;
  /** Whose processes may send their tokens. */
  readonly executions: Pick<Executions, "identify">;
  readonly anonymousRead: boolean;
  readonly rate: RequestRate;
  readonly metrics: Pick<Metrics, "answered">;
  readonly unread: UnreadAnswers;
  /** The address that is served. */
  readonly host: string;
  /** The repository for stock git; null where there is none on a disk. */
  readonly git: Omit<GitDoorParts, "ring" | "anonymousRead" | "admit"> | null;
}

/** The native routes are there with and without this prefix. */
const PREFIX = "/api/v2";
/** What is scheduled is there with this one, too (seed 004). */
const SCHEDULER = "/scheduler";
const SCHEDULED = /^\/(?:jobs|queue|templates)(?:\/|$)/;
/** As much as an operation without a body looks at, to refuse one. */
const NO_BODY_BYTES = 1024;
const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;

function requestIdOf(context: Koa.Context): string {
  const given = context.get("X-Request-Id");
  return REQUEST_ID.test(given) ? given : randomUUID();
}

function send(context: Koa.Context, { status, headers, body, stream, error }: Reply, unread: UnreadAnswers): void {
  unread.watch(context.res, body?.length ?? 0);
  context.state["error"] = error;
  context.status = status;
  for (const name of Object.keys(headers)) context.res.setHeader(name, headers[name] ?? "");
  if (stream === undefined) {
    context.body = body;
    return;
  }
  // Koa would take a missing body for an answer without one.
  context.respond = false;
  if (context.method === "HEAD") context.res.end();
  else stream(context.res);
}

/** The routes of an operation's path. One has both with and without a prefix: the router tries all there are. */
function routesOf(path: string): string[] {
  // A path of a file takes all that is left.
  const route = path.replace(/\{path\}$/, "*path").replace(/\{(\w+)\}/g, ":$1");
  return [`{${PREFIX}}${route}`, ...(SCHEDULED.test(path) ? [`${SCHEDULER}${route}`] : [])];
}

/** The Koa application: routes from the table of operations, one line of log a request, every error a problem. */
export function makeApp({
  dispatcher,
  log,
  maxBody,
  requestSeconds,
  ring,
  executions,
  anonymousRead,
  rate,
  metrics,
  unread,
  host,
  git,
}: AppOptions): Koa {
  const app = new Koa();
  const router = new Router();
  const count = async (context: Koa.Context, principal: Principal): Promise<void> =>
    rate.count(principal, context.req.socket.remoteAddress ?? "", (name, value) => context.res.setHeader(name, value));
  const admit = async (context: Koa.Context, principal: Principal): Promise<void> => {
    refuseForeign(context, principal, host);
    await count(context, principal);
  };
  const routes = git === null ? [] : gitRoutes({ ...git, ring, anonymousRead, admit });
  for (const { method, path, answer } of routes) router.register(`{${PREFIX}}${path}`, [method], answer);
  for (const id of Object.keys(OPERATIONS) as OperationId[]) {
    const known = operation(id);
    router.register(
      routesOf(known.path),
      [known.method],
      async (context: Koa.Context & { params: Record<string, string> }) => {
        const requestId = context.state["requestId"] as string;
        context.state["operation"] = id;
        const principal = authenticate(ring, executions, known, context.headers, anonymousRead);
        context.state["principal"] = principal.name;
        if (principal === LOCAL || known.role !== null) refuseForeign(context, principal, host);
        if (known.role !== null) await count(context, principal);
        const body = hasBody(context.req)
          ? await readBody(context.req, known.request === undefined ? NO_BODY_BYTES : maxBody, requestSeconds)
          : Buffer.alloc(0);
        const { params, headers } = context;
        const query = context.querystring === "" ? {} : context.query;
        const prefix = [PREFIX, SCHEDULER].find((each) => context.path.startsWith(`${each}/`)) ?? "";
        const asked = { operation: id, params, query, headers, body, principal, requestId, prefix };
        send(context, await dispatcher.answer(asked), unread);
      },
    );
  }

  app.use(async (context, next) => {
    const started = performance.now();
    const requestId = requestIdOf(context);
    context.state["requestId"] = requestId;
    context.set("X-Request-Id", requestId);
    const trace = traceOf(context.get("traceparent"));
    if (trace !== null) context.set("traceparent", trace.parent);
    try {
      await next();
      if (context.respond !== false && context.status === 404 && context.body == null) throw notFound(context, router);
    } catch (error) {
      const isGit = context.path.replace(PREFIX, "").startsWith(`${GIT_PATH}/`);
      const reply = isGit
        ? gitReply(error, requestId, context.get("User-Agent"))
        : problemReply(error, requestId, null);
      send(context, reply, unread);
    }
    const { method, path, status } = context;
    const ms = performance.now() - started;
    metrics.answered((context.state["operation"] as string | undefined) ?? "none", status, ms);
    const line = {
      request_id: requestId,
      ...(trace === null ? {} : { trace_id: trace.id }),
      principal: context.state["principal"] as string | undefined,
      method,
      path,
      status,
      ms: Math.round(ms * 10) / 10,
    };
    const error = context.state["error"] as unknown;
    if (error instanceof RuntreeError && ELSEWHERE.has(error.code))
      log.warn({ ...line, code: error.code, detail: error.message }, "request failed elsewhere");
    else if (status >= 500) log.error({ ...line, err: error }, "request failed");
    else log.info(line, "request");
  });
  app.use(router.routes());
  app.on("error", (error: unknown) => log.warn({ err: error }, "connection"));
  return app;
}

/**
 * Refuses requests that a web page of another origin sends, or one that lets its own name lead here: it would read and
 * write as the person at this machine. A page has no key, and programs send no Origin. Throws `forbidden`.
 */
function refuseForeign(context: Koa.Context, { key }: Principal, host: string): void {
  if (key !== null || !isLoopback(host)) return;
  const sentTo = context.get("Host").toLowerCase();
  const name = sentTo.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  if (sentTo !== "" && name !== host && !isLoopback(name)) {
    throw new RuntreeError("forbidden", `This server answers to ${host}, not to ${name.slice(0, 100)}.`);
  }
  const origin = context.get("Origin").toLowerCase();
  if (origin !== "" && origin !== `http://${sentTo}`) {
    throw new RuntreeError("forbidden", `Pages of ${origin.slice(0, 100)} may not use this server.`);
  }
}

/** What a request that no route took means: another method would do, or nothing is here. */
function notFound(context: Koa.Context, router: Router): RuntreeError {
  const methods = [...new Set(router.match(context.path, context.method).path.flatMap((layer) => layer.methods))];
  if (methods.length === 0) return new RuntreeError("not_found", `There is nothing at ${context.path}.`);
  context.set("Allow", methods.join(", "));
  return new RuntreeError("method_not_allowed", `${context.path} takes ${methods.join(", ")}.`, { methods });
}
