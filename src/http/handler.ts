import type { ServerResponse } from "node:http";
import type { OPERATIONS, OperationId, ParamsOf, QueryOf, RequestOf } from "../contract/operations.ts";
import type { Galaxies } from "../actions/request-invocation.ts";
import type { Wire } from "../contract/wire.ts";
import type { Principal } from "../domain/roles.ts";
import type { Notice } from "../domain/verdict.ts";
import type { Authorship } from "../store/authorship.ts";
import type { RunView } from "../store/run-view.ts";
import type { Store } from "../store/store.ts";
import type { EventStreams } from "./events.ts";
import type { Metrics } from "./metrics.ts";
import type { LogReading } from "./run-log.ts";

/** What a handler gets: validated input, and the store to act on. */
export interface Call<Id extends OperationId> {
  readonly store: Store;
  readonly principal: Principal;
  readonly author: Authorship;
  readonly params: ParamsOf<Id>;
  readonly query: QueryOf<Id>;
  readonly body: [RequestOf<Id>] extends [never] ? undefined : Wire<RequestOf<Id>>;
  readonly notices: readonly Notice[];
  readonly ifMatch: readonly string[] | null;
  /** The run may be judged after the answer. */
  readonly later: boolean;
  /** The event after which a stream goes on; null to begin now. */
  readonly lastEventId: string | null;
  /** What stands before the path, for links. */
  readonly prefix: string;
}

/** What a handler gives: the body (bytes are as they are sent), and headers; `etag` without quotes. */
export interface Answer<Body> {
  /** The operation's own unless stated. */
  readonly status?: number;
  /** The content type, where the operation has several. */
  readonly type?: string;
  readonly body: Body | Buffer;
  readonly etag?: string;
  /** The run that the answer shows. */
  readonly view?: RunView;
  readonly headers?: Readonly<Record<string, string>>;
  /** In place of a body. */
  readonly stream?: Stream;
}

/** What goes on writing to a response after its head. */
export type Stream = (response: ServerResponse) => void;

/** What a server adds to its store; a command line on a repository has none of it. */
export interface Service {
  /** The version that `/version` tells; null for a store in memory, which git cannot see. */
  readonly git: string | null;
  /** Throws `disk_full` while there is too little room. */
  readonly requireRoom?: () => void;
  readonly events?: Pick<EventStreams, "follow">;
  readonly metrics?: Pick<Metrics, "text">;
  readonly logs?: LogReading;
  /** Names of templates by what older programs call them. */
  readonly aliases?: Readonly<Record<string, string>>;
  /** The Galaxies of the configuration; none where there is no server to ask them. */
  readonly galaxies?: Galaxies;
}

type ResponseOf<Id extends OperationId> = Wire<(typeof OPERATIONS)[Id]["response"]>;

/** One handler for each operation of the table; the compiler requires them all. */
export type Handlers = { readonly [Id in OperationId]: (call: Call<Id>) => Promise<Answer<ResponseOf<Id>>> };
