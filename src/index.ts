export {
  RuntreeClient,
  type Arguments,
  type ClientAnswer,
  type ClientReply,
  type ClientRequest,
  type GrowingOperationId,
  type ItemArguments,
  type ItemOf,
  type PagedOperationId,
  type Transport,
} from "./client/client.ts";
export { httpTransport } from "./client/http-transport.ts";
export type { Operation } from "./contract/operation.ts";
export { OPERATIONS, type OperationId } from "./contract/operations.ts";
export type { Wire } from "./contract/wire.ts";
export { type ErrorCode, hasCode, RuntreeError } from "./domain/errors.ts";
