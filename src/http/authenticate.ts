import type { IncomingHttpHeaders } from "node:http";
import type { Operation } from "../contract/operation.ts";
import { RuntreeError } from "../domain/errors.ts";
import { ANONYMOUS, isAtLeast, LOCAL, type Principal } from "../domain/roles.ts";
import type { Executions } from "../store/executions.ts";
import type { KeyRing } from "../store/key-ring.ts";
import { findRun } from "../store/run-view.ts";
import type { Store } from "../store/store.ts";

/** The key that a request brings: `X-API-Key`, a bearer token, or a password of Basic; null when it brings none. */
function givenKey(headers: IncomingHttpHeaders): string | null {
  const own = headers["x-api-key"];
  if (typeof own === "string" && own !== "") return own;
  const [scheme = "", value = ""] = (headers.authorization ?? "").split(/ +(.*)/, 2);
  if (value !== "" && scheme.toLowerCase() === "bearer") return value;
  if (value === "" || scheme.toLowerCase() !== "basic") return null;
  const pair = Buffer.from(value, "base64").toString("utf8");
  return pair.includes(":") ? pair.slice(pair.indexOf(":") + 1) : null;
}

/**
 * Who asks for an operation. The token of a process at work is always known. While there are no keys everybody is
 * `local`; then a key is needed, unless the operation needs none, or reads and `anonymousRead` is on. Throws `unauthorized`.
 */
export function authenticate(
  ring: KeyRing,
  executions: Pick<Executions, "identify">,
  { role, method }: Pick<Operation, "role" | "method">,
  headers: IncomingHttpHeaders,
  anonymousRead: boolean,
): Principal {
  const key = givenKey(headers);
  const process = key === null ? null : executions.identify(key);
  if (process !== null) return process;
  if (!ring.closed) return LOCAL;
  if (role === null) return ANONYMOUS;
  if (key !== null) return ring.identify(key);
  if (anonymousRead && method === "GET") return ANONYMOUS;
  throw new RuntreeError(
    "unauthorized",
    "This server needs a key: send it as X-API-Key, as Authorization: Bearer or, from git, as the password. `runtree key create` makes one.",
  );
}

/** Throws `forbidden` when a principal may not do an operation, or not to the run it names. What is not there is for others to say. */
export function authorize(
  store: Store,
  { role, ownRun, method }: Operation,
  principal: Principal,
  params: Readonly<Record<string, string>>,
): void {
  if (principal.onlyRun !== undefined && method !== "GET" && params["run_id"] !== principal.onlyRun) {
    const words = `This token is good for run ${principal.onlyRun} only.`;
    throw new RuntreeError("forbidden", words, { run_id: principal.onlyRun });
  }
  if (role !== null && !isAtLeast(principal.role, role)) {
    const words = `This needs a key with the role ${role}; that of ${principal.name} is ${principal.role}.`;
    throw new RuntreeError("forbidden", words, { role });
  }
  if (ownRun !== true || isAtLeast(principal.role, "steward")) return;
  const id = params["run_id"] ?? "";
  const made = store.runs.openedBy(id) ?? findRun(store.repository, id)?.record.created_by;
  if (made === undefined || made === principal.name) return;
  const words = `Run ${params["run_id"]} was made by ${made}; only they and stewards may change it, not ${principal.name}.`;
  throw new RuntreeError("forbidden", words, { made_by: made });
}
