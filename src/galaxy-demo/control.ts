import type Router from "@koa/router";
import { isArray, isObject, type Json } from "../domain/json.ts";
import type { Parts } from "./app.ts";
import { isFaultRule } from "./faults.ts";
import { readJsonBody } from "./json-body.ts";
import { invalid } from "./refused.ts";
import { jsonReply } from "./reply.ts";
import { send } from "./send.ts";

function listOf(body: Json | undefined): object[] {
  if (!isArray(body) || !body.every(isObject)) throw invalid("A list of objects is needed.");
  return [...body];
}

/** What the stand-in is told to do, and what it has seen. It is no part of Galaxy's wire. */
export function addControl(router: Router, { galaxy, faults, traffic }: Omit<Parts, "key">): void {
  const state = (): unknown => ({
    version: galaxy.version,
    now: new Date(galaxy.now()).toISOString(),
    requests: traffic.all,
    faults: faults.rules,
    outcomes: galaxy.outcomes,
  });
  const change = (path: string, apply: (body: Json | undefined) => void): void => {
    router.put(path, async (context) => {
      apply(await readJsonBody(context.req));
      send(context.res, jsonReply(200, state()));
    });
  };
  router.get("/_demo", (context) => send(context.res, jsonReply(200, state())));
  change("/_demo/faults", (body) => {
    const rules = listOf(body).map((each) => {
      if (isFaultRule(each)) return each;
      throw invalid("A fault names a `fault` and an `operation`.");
    });
    faults.clear();
    for (const rule of rules) faults.add(rule);
  });
  change("/_demo/outcomes", (body) => {
    galaxy.outcomes = listOf(body);
  });
  change("/_demo/forward", (body) => {
    const seconds = isObject(body) ? body["seconds"] : undefined;
    if (typeof seconds !== "number" || !(seconds >= 0)) throw invalid("`seconds` is a number from 0.");
    galaxy.forward(seconds * 1000);
  });
}
