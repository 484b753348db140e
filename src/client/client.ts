import {
  operation,
  type OPERATIONS,
  type OperationId,
  type ParamsOf,
  type QueryOf,
  type RequestOf,
} from "../contract/operations.ts";
import type { Wire } from "../contract/wire.ts";
import { type ErrorCode, RuntreeError } from "../domain/errors.ts";

/** A request as any transport carries it. */
export interface ClientRequest {
  readonly operation: OperationId;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

export interface ClientReply {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Carries requests to a Runtree: over HTTP, or to a repository opened in this process. Throws `unreachable`. */
export type Transport = (request: ClientRequest) => Promise<ClientReply>;

type ResponseOf<Id extends OperationId> = Wire<(typeof OPERATIONS)[Id]["response"]>;

export type Arguments<Id extends OperationId> = {
  readonly params: ParamsOf<Id>;
  readonly query?: Partial<QueryOf<Id>>;
  readonly body?: [RequestOf<Id>] extends [never] ? never : Wire<RequestOf<Id>>;
  readonly headers?: Readonly<Record<string, string>>;
};

/** An answer of the wire: its status, its headers, and its body in the operation's shape. */
export interface ClientAnswer<Body> extends Omit<ClientReply, "body"> {
  readonly body: Body;
}

/** Calls operations by id; parameters and answers are typed by the table. A problem is thrown as a RuntreeError with its code and `data.problem`. */
export class RuntreeClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async call<Id extends OperationId>(
    id: Id,
    { params, query = {}, body, headers = {} }: Arguments<Id>,
  ): Promise<ClientAnswer<ResponseOf<Id>>> {
    const given = Object.entries(query).filter(([, value]) => value !== undefined);
    const reply = await this.#transport({
      operation: id,
      params,
      query: Object.fromEntries(given.map(([name, value]) => [name, String(value)])),
      headers: body === undefined ? headers : { "content-type": "application/json", ...headers },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const value = parse(reply);
    if (reply.status >= 400) throw problemError(reply, value);
    return { ...reply, body: value as ResponseOf<Id> };
  }
}

function parse({ body, status }: ClientReply): unknown {
  if (body === "") return null;
  try {
    return JSON.parse(body);
  } catch (error) {
    throw new RuntreeError(
      "unreachable",
      `The server answered ${status} with something that is not JSON; is it a Runtree?`,
      {},
      error,
    );
  }
}

function problemError(reply: ClientReply, value: unknown): RuntreeError {
  const problem = value as Partial<Wire<"problem#Problem">> | null;
  if (typeof problem?.code !== "string") {
    return new RuntreeError("unreachable", `The server answered ${reply.status} without a problem; is it a Runtree?`, {
      status: reply.status,
    });
  }
  return new RuntreeError(problem.code as ErrorCode, problem.detail ?? problem.title ?? problem.code, { problem });
}

/** The path of a request, with its parameters and query in place. */
export function requestPath({ operation: id, params, query }: ClientRequest): string {
  const path = operation(id).path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ""));
  const search = new URLSearchParams(query).toString();
  return search === "" ? path : `${path}?${search}`;
}
