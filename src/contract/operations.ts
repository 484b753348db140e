import { DOCUMENT_OPERATIONS } from "./document-operations.ts";
import { INVOCATION_OPERATIONS } from "./invocation-operations.ts";
import { JOB_OPERATIONS } from "./job-operations.ts";
import type { Operation } from "./operation.ts";
import type { ParameterValue } from "./parameters.ts";
import { QUEUE_OPERATIONS } from "./queue-operations.ts";
import { RUN_OPERATIONS } from "./run-operations.ts";
import { SERVICE_OPERATIONS } from "./service-operations.ts";
import type { Shapes } from "./shapes.ts";
import { TEMPLATE_OPERATIONS } from "./template-operations.ts";

/** Every operation of the wire: this table is the only place where paths, statuses and shapes are written. */
export const OPERATIONS = {
  ...RUN_OPERATIONS,
  ...JOB_OPERATIONS,
  ...QUEUE_OPERATIONS,
  ...TEMPLATE_OPERATIONS,
  ...INVOCATION_OPERATIONS,
  ...DOCUMENT_OPERATIONS,
  ...SERVICE_OPERATIONS,
} as const satisfies Record<string, Operation>;

export type OperationId = keyof typeof OPERATIONS;
type Table = typeof OPERATIONS;

/** The query of an operation: parameters with a default are always there, others may be absent. */
export type QueryOf<Id extends OperationId> = Table[Id] extends { query: infer Query }
  ? {
      readonly [Name in keyof Query as Query[Name] extends { default: unknown } ? Name : never]: ParameterValue<
        Query[Name]
      >;
    } & {
      readonly [Name in keyof Query as Query[Name] extends { default: unknown } ? never : Name]?: ParameterValue<
        Query[Name]
      >;
    }
  : Readonly<Record<never, never>>;

type BracedNames<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | BracedNames<Rest>
  : never;

/** The path parameters of an operation. */
export type ParamsOf<Id extends OperationId> = { readonly [Name in BracedNames<Table[Id]["path"]>]: string };

/** The shapes of an operation's request body, one for each kind of it; never when it has none. */
export type RequestOf<Id extends OperationId> =
  | (Table[Id] extends { request: infer Name extends keyof Shapes } ? Name : never)
  | (Table[Id] extends { requests: Readonly<Record<string, infer Name extends keyof Shapes>> } ? Name : never);

/** An operation by id, without the narrowness of the table's type. */
export function operation(id: OperationId): Operation {
  return OPERATIONS[id];
}

/** The content types that an operation's answer may have. */
export function answerTypes({ produces = "application/json" }: Operation): readonly string[] {
  return typeof produces === "string" ? [produces] : produces;
}

/** The content types that an operation takes a body in. */
export function bodyTypes({ accepts = ["application/json"], requests = {} }: Operation): readonly string[] {
  return [...accepts, ...Object.keys(requests)];
}
