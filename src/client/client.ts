import {
  answerTypes,
  operation,
  type OPERATIONS,
  type OperationId,
  type ParamsOf,
  type QueryOf,
  type RequestOf,
} from "../contract/operations.ts";
import type { Wire } from "../contract/wire.ts";
import { type ErrorCode, RuntreeError } from "../domain/errors.ts";

/** The content type of an answer that does not end. */
const STREAM = "text/event-stream";

/** A request as any transport carries it. */
export interface ClientRequest {
  readonly operation: OperationId;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  /** The answer is wanted piece by piece as it comes, until this ends it. */
  readonly follow?: AbortSignal;
}

export interface ClientReply {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The body as it came, where it need not be text. */
  readonly bytes?: Uint8Array;
  /** In place of the body of a good answer that is wanted piece by piece; it ends with the answer or the signal. */
  readonly pieces?: AsyncIterable<string>;
}

/** Carries requests to a Runtree: over HTTP, or to a repository opened in this process. Throws `unreachable`. */
export type Transport = (request: ClientRequest) => Promise<ClientReply>;

type Table = typeof OPERATIONS;
type ResponseOf<Id extends OperationId> = Wire<Table[Id]["response"]>;
type None = Readonly<Record<never, never>>;

/** A member that may be left out where nothing has to be in it. */
type Member<Name extends string, Value> = None extends Value
  ? { readonly [Key in Name]?: Value }
  : { readonly [Key in Name]: Value };

/** The body of an operation: none, one that may be left out of a POST, or one that is needed. */
type BodyMember<Id extends OperationId> = [RequestOf<Id>] extends [never]
  ? { readonly body?: never }
  : Table[Id]["method"] extends "POST"
    ? Member<"body", Wire<RequestOf<Id>>>
    : { readonly body: Wire<RequestOf<Id>> };

/** What a call of an operation takes: parameters of the path and the query, the body, and headers (names in lower case). */
export type Arguments<Id extends OperationId> = Member<"params", ParamsOf<Id>> &
  BodyMember<Id> & {
    readonly query?: Partial<QueryOf<Id>>;
    readonly headers?: Readonly<Record<string, string>>;
  };

/** Arguments, which may be left out where none of them is needed. */
type MaybeArguments<Id extends OperationId> = None extends Arguments<Id> ? [Arguments<Id>?] : [Arguments<Id>];

/** Operations that give a list page by page. */
export type PagedOperationId = {
  [Id in OperationId]: Table[Id] extends { query: { cursor: unknown } } ? Id : never;
}[OperationId];

/** Operations whose answers may grow while they are read. */
export type GrowingOperationId = {
  [Id in OperationId]: Table[Id] extends { produces: typeof STREAM } | { query: { follow: unknown } } ? Id : never;
}[OperationId];

/** What a list consists of. */
export type ItemOf<Id extends PagedOperationId> = ResponseOf<Id>["items"][number];

/** The same as for a page, but that `limit` is how many are asked for at a time. */
export type ItemArguments<Id extends PagedOperationId> = Member<"params", ParamsOf<Id>> & {
  readonly query?: Omit<Partial<QueryOf<Id>>, "cursor" | "offset" | "page" | "page_size">;
  readonly headers?: Readonly<Record<string, string>>;
};
type MaybeItemArguments<Id extends PagedOperationId> =
  None extends ItemArguments<Id> ? [ItemArguments<Id>?] : [ItemArguments<Id>];

/**
 * An answer of the wire: its status, its headers, and its body in the operation's shape. The body is null where there is
 * none, which is so when an `if-none-match` is answered with 304.
 */
export interface ClientAnswer<Body> extends Omit<ClientReply, "body" | "pieces"> {
  readonly body: Body;
}

/** Arguments of any operation. */
interface AnyArguments {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Calls operations by id; parameters and answers are typed by the table. A problem is thrown as a RuntreeError with its code and `data.problem`. */
export class RuntreeClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Calls an operation. An array as the body of `patchRun` is a JSON Patch, an object a merge patch. */
  async call<Id extends OperationId>(id: Id, ...given: MaybeArguments<Id>): Promise<ClientAnswer<ResponseOf<Id>>> {
    if (operation(id).produces === STREAM)
      throw new RuntreeError("bad_request", `${id} has no end: follow it instead.`, { operation: id });
    const { reply, value } = await this.#ask(id, given[0] ?? {});
    return { ...reply, body: value as ResponseOf<Id> };
  }

  /**
   * Gives the text of an answer piece by piece as it comes, until it ends or `signal` ends it. Resolves when the server
   * has begun to answer. Throws as `call` does; a piece that does not come as the server is gone throws `unreachable`.
   */
  async follow<Id extends GrowingOperationId>(
    id: Id,
    signal: AbortSignal,
    ...given: MaybeArguments<Id>
  ): Promise<AsyncIterable<string>> {
    const { reply } = await this.#ask(id, given[0] ?? {}, signal);
    return reply.pieces ?? wholeAtOnce(reply.body);
  }

  /**
   * Goes through all items of a list, page after page by cursor: none comes twice, none is left out, also while others
   * are added.
   */
  async *items<Id extends PagedOperationId>(
    id: Id,
    ...given: MaybeItemArguments<Id>
  ): AsyncGenerator<ItemOf<Id>, void, undefined> {
    const { query, ...same } = (given[0] ?? {}) as AnyArguments;
    for (let cursor: string | null = ""; cursor !== null;) {
      const asked = [{ ...same, query: { ...query, cursor } }] as unknown as MaybeArguments<Id>;
      const { body } = await this.call(id, ...asked);
      yield* body.items as readonly ItemOf<Id>[];
      cursor = body.next_cursor ?? null;
    }
  }

  /** Sends a request and reads its answer, all of it or, where that is to be followed, its beginning. */
  async #ask(id: OperationId, given: object, follow?: AbortSignal): Promise<{ reply: ClientReply; value: unknown }> {
    const { params = {}, query = {}, body, headers = {} } = given as AnyArguments;
    const asked = Object.entries(query).filter(([, value]) => value !== undefined);
    const reply = await this.#transport({
      operation: id,
      params,
      query: Object.fromEntries(asked.map(([name, value]) => [name, String(value)])),
      headers: body === undefined ? headers : { "content-type": contentType(id, body), ...headers },
      body: body === undefined ? null : JSON.stringify(body),
      ...(follow === undefined ? {} : { follow }),
    });
    const value = parse(id, reply);
    if (reply.status >= 400) throw problemError(reply, value);
    return { reply, value };
  }
}

/** The content type of an answer that need not be text. */
const BYTES = "application/octet-stream";

/** A reply that came all at once, as its transport hands it on. */
export function wholeReply(id: OperationId, head: Omit<ClientReply, "body">, bytes: Uint8Array): ClientReply {
  const isText = head.status >= 400 || !answerTypes(operation(id)).includes(BYTES);
  return isText ? { ...head, body: new TextDecoder().decode(bytes) } : { ...head, body: "", bytes };
}

/** An answer that came all at once, as pieces. */
async function* wholeAtOnce(body: string): AsyncGenerator<string> {
  yield body;
}

/** The content type of a body: an array is of the kind that is no object, where the operation has one. */
function contentType(id: OperationId, body: unknown): string {
  const [other = "application/json"] = Object.keys(operation(id).requests ?? {});
  return Array.isArray(body) ? other : "application/json";
}

/** The value of a body: JSON, or the text of an operation that gives one; null when there is none. */
function parse(id: OperationId, { body, bytes, status, headers }: ClientReply): unknown {
  if (bytes !== undefined) return new TextDecoder().decode(bytes);
  const given = headers["content-type"] ?? "";
  const texts = answerTypes(operation(id)).filter((type) => type !== "application/json");
  if (status < 400 && texts.some((type) => given === type || given.startsWith(`${type};`))) return body;
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

/** Parameters that would lead to another path. */
const NO_PARAMETERS: ReadonlySet<string> = new Set(["", ".", ".."]);

/** The path of a request, with its parameters and query in place. Throws `not_found` for parameters that no path can hold. */
export function requestPath({ operation: id, params, query }: ClientRequest): string {
  const path = operation(id).path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = params[name] ?? "";
    if (NO_PARAMETERS.has(value)) throw new RuntreeError("not_found", `There is no ${name} "${value}".`, { name });
    return encodeURIComponent(value);
  });
  const search = new URLSearchParams(query).toString();
  return search === "" ? path : `${path}?${search}`;
}
