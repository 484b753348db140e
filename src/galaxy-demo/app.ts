import Router from "@koa/router";
import Koa from "koa";
import { systemCode } from "../domain/errors.ts";
import { addControl } from "./control.ts";
import { type Faults, hasEffect } from "./faults.ts";
import { faultyReply } from "./faulty-reply.ts";
import type { Galaxy } from "./galaxy.ts";
import { readJsonBody } from "./json-body.ts";
import { type Operation, OPERATION_NAMES, type OperationName, OPERATIONS, type Request } from "./operations.ts";
import { notFound, Refused } from "./refused.ts";
import { errorReply, jsonReply, type Reply } from "./reply.ts";
import { misbehave, send } from "./send.ts";
import type { Traffic } from "./traffic.ts";

/** What a stand-in is made of. */
export interface Parts {
  readonly galaxy: Galaxy;
  readonly faults: Faults;
  readonly traffic: Traffic;
  readonly key: string;
}

function requireKey(given: string, key: string): void {
  if (given === "") throw new Refused(403, 403001, "API authentication required for this request");
  if (given !== key) throw new Refused(401, 401001, "Provided API key is not valid.");
}

function refusal(error: unknown): Reply {
  if (error instanceof Refused) return errorReply(error);
  throw error;
}

function answer(operation: Operation, galaxy: Galaxy, request: Request): Reply {
  try {
    return jsonReply(200, operation.answer(galaxy, request));
  } catch (error) {
    return refusal(error);
  }
}

async function serve(context: Koa.Context, name: OperationName, parts: Parts): Promise<void> {
  const operation: Operation = OPERATIONS[name];
  const { galaxy, faults, traffic, key } = parts;
  const id = (context["params"] as { readonly id?: string }).id ?? "";
  const body = await readJsonBody(context.req);
  // Counted when its effect is there, in the same turn, so that whoever waits for the count sees it.
  traffic.count(name);
  if (operation.open !== true) requireKey(context.get("x-api-key"), key);
  const rule = faults.take(name, id);
  const request = { id, query: context.URL.searchParams, body };
  const good = rule === null || hasEffect(rule) ? answer(operation, galaxy, request) : jsonReply(200, {});
  const reply = rule === null ? good : faultyReply(rule, good);
  if (reply !== null) send(context.res, reply);
  else if (rule !== null) await misbehave(context.res, rule, good);
}

/** What the system says of clients that went away. */
const GONE: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE", "ERR_STREAM_PREMATURE_CLOSE"]);

/** The Koa application of a stand-in. */
export function makeApp(parts: Parts): Koa {
  const app = new Koa();
  const router = new Router();
  app.on("error", (error: Error) => {
    if (!GONE.has(systemCode(error) ?? "")) process.stderr.write(`galaxy-demo: ${error.stack ?? error.message}\n`);
  });
  app.use(async (context, next) => {
    // Faults need the response itself.
    context.respond = false;
    try {
      await next();
    } catch (error) {
      // Who went away while asking hears nothing.
      if (!context.req.destroyed || context.req.complete) send(context.res, refusal(error));
    }
  });
  for (const name of OPERATION_NAMES) {
    const { method, path } = OPERATIONS[name];
    router[method](path, async (context) => serve(context, name, parts));
  }
  addControl(router, parts);
  app.use(router.routes());
  app.use(() => {
    throw notFound("No such object found.");
  });
  return app;
}
