import type { FaultName, FaultRule } from "./faults.ts";
import { errorReply, pageReply, type Reply } from "./reply.ts";

/** A state that no Galaxy has. */
export const UNKNOWN_STATE = "hibernating";

function withRetryAfter(reply: Reply, value: string): Reply {
  return { ...reply, headers: { ...reply.headers, "Retry-After": value } };
}

const TOO_MANY = pageReply(429, "429 Too Many Requests");

/** Every object in an answer that has a state, changed. */
function changed(reply: Reply, change: (member: string) => unknown): Reply {
  const text = JSON.stringify(JSON.parse(reply.text), (member, value: unknown) => {
    if (member === "state" || member === "states" || member === "populated_state") return change(member);
    return value;
  });
  return { ...reply, text };
}

function otherShape(reply: Reply): Reply {
  const value = JSON.parse(reply.text) as unknown;
  return { ...reply, text: JSON.stringify(Array.isArray(value) ? (value[0] ?? {}) : [value]) };
}

type Played = (good: Reply, rule: FaultRule) => Reply;

const PLAYED: Readonly<Partial<Record<FaultName, Played>>> = {
  status_401: () => errorReply({ status: 401, code: 401001, message: "Provided API key is not valid." }),
  status_403: () => errorReply({ status: 403, code: 403002, message: "User cannot access specified item." }),
  status_404: () => errorReply({ status: 404, code: 404001, message: "No such object found." }),
  status_409: () =>
    errorReply({ status: 409, code: 409001, message: "Database conflict prevented fulfilling the request." }),
  status_429: (_, rule) => withRetryAfter(TOO_MANY, rule.retry_after ?? "1"),
  status_429_bad: (_, rule) => withRetryAfter(TOO_MANY, rule.retry_after ?? "in a while"),
  status_429_bare: () => TOO_MANY,
  status_500: () => errorReply({ status: 500, code: 500001, message: "Uncaught exception in exposed API method:" }),
  status_502: () => pageReply(502, "502 Bad Gateway"),
  status_503: (_, rule) => {
    const page = pageReply(503, "503 Service Temporarily Unavailable");
    return rule.retry_after === undefined ? page : withRetryAfter(page, rule.retry_after);
  },
  status_504: () => pageReply(504, "504 Gateway Time-out"),
  html: () => pageReply(200, "Galaxy is being upgraded"),
  empty: (good) => ({ ...good, text: "" }),
  truncated: (good) => ({ ...good, text: good.text.slice(0, good.text.length / 2) }),
  unknown_state: (good) => changed(good, (member) => (member === "states" ? { [UNKNOWN_STATE]: 1 } : UNKNOWN_STATE)),
  backwards: (good) => changed(good, (member) => (member === "states" ? {} : "new")),
  other_shape: otherShape,
};

/** The answer that a fault makes of a good one; null for faults that are no answer, or not one in a piece. */
export function faultyReply(rule: FaultRule, good: Reply): Reply | null {
  return PLAYED[rule.fault]?.(good, rule) ?? null;
}
