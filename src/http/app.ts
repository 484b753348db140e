import { randomUUID } from "node:crypto";
import Router from "@koa/router";
import Koa from "koa";
import type { Logger } from "pino";
import { operation, OPERATIONS, type OperationId } from "../contract/operations.ts";
import { RuntreeError } from "../domain/errors.ts";
import { hasBody, readBody } from "./body.ts";
import { isLoopback } from "./loopback.ts";
import { type Dispatcher, problemReply, type Reply } from "./dispatch.ts";

export interface AppOptions {
  readonly dispatcher: Dispatcher;
  readonly log: Logger;
  /** Bytes of a request body. */
  readonly maxBody: number;
  /** Who an unkeyed request is. */
  readonly principal: string;
  /** The address that is served. */
  readonly host: string;
}

/** The native routes are there with and without this prefix. */
const PREFIX = "/api/v2";
const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;

function requestIdOf(context: Koa.Context): string {
  const given = context.get("X-Request-Id");
  return REQUEST_ID.test(given) ? given : randomUUID();
}

function send(context: Koa.Context, { status, headers, body, error }: Reply): void {
  context.state["error"] = error;
  context.status = status;
  for (const name of Object.keys(headers)) context.res.setHeader(name, headers[name] ?? "");
  context.body = body;
}

/** The Koa application: routes from the table of operations, one line of log a request, every error a problem. */
export function makeApp({ dispatcher, log, maxBody, principal, host }: AppOptions): Koa {
  const app = new Koa();
  const router = new Router();
  for (const id of Object.keys(OPERATIONS) as OperationId[]) {
    const { method, path } = operation(id);
    // One route for both: the router tries all there are.
    const route = `{${PREFIX}}${path.replace(/\{(\w+)\}/g, ":$1")}`;
    router.register(route, [method], async (context: Koa.Context & { params: Record<string, string> }) => {
      const requestId = context.state["requestId"] as string;
      const body = hasBody(context.req) ? await readBody(context.req, maxBody) : Buffer.alloc(0);
      const { params, headers } = context;
      const query = context.querystring === "" ? {} : context.query;
      const prefix = context.path.startsWith(`${PREFIX}/`) ? PREFIX : "";
      const asked = { operation: id, params, query, headers, body, principal, requestId, prefix };
      send(context, await dispatcher.answer(asked));
    });
  }

  app.use(async (context, next) => {
    const started = performance.now();
    const requestId = requestIdOf(context);
    context.state["requestId"] = requestId;
    context.set("X-Request-Id", requestId);
    try {
      refuseForeign(context, host);
      await next();
      if (context.status === 404 && context.body == null) throw notFound(context, router);
    } catch (error) {
      send(context, problemReply(error, requestId, null));
    }
    const { method, path, status } = context;
    const line = {
      request_id: requestId,
      method,
      path,
      status,
      ms: Math.round((performance.now() - started) * 10) / 10,
    };
    if (status >= 500) log.error({ ...line, err: context.state["error"] }, "request failed");
    else log.info(line, "request");
  });
  app.use(router.routes());
  app.on("error", (error: unknown) => log.warn({ err: error }, "connection"));
  return app;
}

/**
 * Refuses requests that a web page of another origin sends, or one that lets its own name lead here: it would read and
 * write as the person at this machine. Programs send no Origin. Throws `forbidden`.
 */
function refuseForeign(context: Koa.Context, host: string): void {
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
