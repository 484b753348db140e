import { createHash } from "node:crypto";
import type { ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import type { Operation } from "../contract/operation.ts";
import { MAX_IDEMPOTENCY_KEY, type Parameter } from "../contract/parameters.ts";
import { bodyTypes, operation, type OperationId } from "../contract/operations.ts";
import { RuntreeError } from "../domain/errors.ts";
import { PRIORITIES } from "../domain/job.ts";
import { isObject, type Json } from "../domain/json.ts";
import { type ReadJson, readJson } from "../domain/json-door.ts";
import type { Principal } from "../domain/roles.ts";
import { formatPointer } from "../domain/pointer.ts";
import { doorViolation, type Notice } from "../domain/verdict.ts";
import { refused } from "./refused.ts";
import { schemaProblem } from "../schema/problem.ts";
import { checkShape } from "../schema/shapes.ts";

/** A request before it is understood, whatever brought it. Header names are in lower case. */
export interface RawRequest {
  readonly operation: OperationId;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
  readonly principal: Principal;
  readonly requestId: string;
  /** What stands before the path, for links: empty or `/api/v2`. */
  readonly prefix?: string;
}

/** A request as its operation understands it. */
export interface UnderstoodRequest {
  readonly query: Readonly<Record<string, unknown>>;
  readonly body: Json | undefined;
  readonly notices: readonly Notice[];
  /** Entity tags without quotes; null when the header is absent. */
  readonly ifMatch: readonly string[] | null;
  readonly idempotency: { readonly key: string; readonly body: string } | null;
  readonly lastEventId: string | null;
  /** Done is said, and the client would rather be answered before the run is judged. */
  readonly later: boolean;
}

const ajv = new Ajv2020({ useDefaults: true, allErrors: true, strict: false, logger: false });
addFormats.default(ajv);

/** Compiled when an operation is first asked for: all of them take a while, and a command line asks for one. */
const queryValidators = new Map<OperationId, ValidateFunction>();

function queryValidator(id: OperationId): ValidateFunction {
  const known = queryValidators.get(id);
  if (known !== undefined) return known;
  const parameters = Object.entries(operation(id).query ?? {});
  const properties = Object.fromEntries(parameters.map(([name, parameter]) => [name, parameterSchema(parameter)]));
  const made = ajv.compile({ type: "object", properties, additionalProperties: false });
  queryValidators.set(id, made);
  return made;
}

function parameterSchema({ description: _, ...schema }: Parameter): object {
  return schema;
}

const INTEGER = /^-?\d+$/;

/** The value that a parameter's text stands for; a text that stands for none is left for the schema to refuse. */
function parameterValue(parameter: Parameter | undefined, text: unknown): unknown {
  if (typeof text !== "string") return text;
  if (parameter?.type === "integer" && INTEGER.test(text)) return Number(text);
  if (parameter?.type === "boolean" && (text === "true" || text === "false")) return text === "true";
  return text;
}

function understandQuery({ operation: id, query }: RawRequest): Readonly<Record<string, unknown>> {
  const validate = queryValidator(id);
  const { query: known = {} } = operation(id);
  const values: Record<string, unknown> = Object.fromEntries(
    Object.entries(query).map(([name, text]) => [
      name,
      parameterValue(Object.hasOwn(known, name) ? known[name] : undefined, text),
    ]),
  );
  if (validate(values)) return values;
  const errors = (validate.errors ?? []).map((error) => {
    const extra = (error.params as { additionalProperty?: string }).additionalProperty;
    const name = extra ?? error.instancePath.slice(1);
    const words =
      extra !== undefined
        ? `There is no query parameter ${extra.slice(0, 100)}.`
        : Array.isArray(values[name])
          ? `${name} may stand there once.`
          : `${name} ${schemaProblem(error).message}.`;
    return doorViolation("schema", extra === undefined ? error.instancePath : formatPointer([extra]), words);
  });
  throw new RuntreeError("bad_request", errors[0]?.message ?? "The query cannot be understood.", { errors });
}

function header(request: RawRequest, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === "string" ? value : value?.join(", ");
}

/** The content type of a body that is there, without its parameters. Throws `unsupported_media_type`. */
function bodyType(request: RawRequest, known: Operation): string {
  const given = (header(request, "content-type") ?? "").toLowerCase();
  const [type = "", ...parameters] = given.split(";").map((part) => part.trim());
  const charset = parameters
    .find((part) => part.startsWith("charset="))
    ?.slice("charset=".length)
    .replaceAll('"', "");
  const plain = (charset === undefined || charset === "utf-8") && header(request, "content-encoding") === undefined;
  const accepts = bodyTypes(known);
  if (accepts.includes(type) && plain) return type;
  throw new RuntreeError(
    "unsupported_media_type",
    `Send the body as ${accepts.join(" or ")}, in UTF-8 and not compressed.`,
    { accepts },
  );
}

/** What an operation without a body may be sent all the same: programs that always send JSON send an empty object. */
const NO_BODY = /^(?:\{\s*\})?$/;

/** What members must be, where a schema can say it only in a pattern. */
const PLAINER: Readonly<Record<string, string>> = {
  "/priority": `must be 0 to 100, or ${Object.keys(PRIORITIES).join(", ")}`,
};

/**
 * The body as JSON, in the shape of its type; none for an operation without one. An absent body of a POST counts as an
 * empty object. Throws `unsupported_media_type`, `malformed_json`, `validation_failed`, `bad_request` for a body too many.
 */
function understandBody(request: RawRequest, known: Operation): { body: Json | undefined; notices: readonly Notice[] } {
  if (known.request === undefined) {
    if (!NO_BODY.test(request.body.toString("latin1").trim())) throw refused("", "This operation takes no body.");
    return { body: undefined, notices: [] };
  }
  const absent = request.body.length === 0 && known.method === "POST";
  const type = absent ? "" : bodyType(request, known);
  const shape = known.requests?.[type] ?? known.request;
  const { value, violations, notices } = absent ? EMPTY : readJson(request.body);
  if (violations.length > 0)
    throw new RuntreeError("validation_failed", `The request is refused: ${violations[0]?.message}`, {
      errors: violations,
    });
  const problems = checkShape(shape, value);
  if (problems.length > 0) {
    const errors = problems.map(({ pointer, message, schema_pointer }) => ({
      ...doorViolation("schema", pointer, PLAINER[pointer] ?? message),
      schema_pointer,
    }));
    throw new RuntreeError(
      "validation_failed",
      `The request is refused: ${errors[0]?.pointer || "the body"} ${errors[0]?.message}.`,
      { errors },
    );
  }
  return { body: value, notices };
}

const EMPTY: ReadJson = { value: {}, violations: [], notices: [] };

/** Entity tags of a conditional header, weak or strong, without quotes; null when the header is absent. */
export function entityTags(value: string | undefined): string[] | null {
  if (value === undefined) return null;
  return value.split(",").map((tag) =>
    tag
      .trim()
      .replace(/^W\//, "")
      .replace(/^"(.*)"$/, "$1"),
  );
}

/** A longer header is passed over, as any preference may be. */
const LONGEST_PREFERENCE = 1000;

/** Tells whether `Prefer` (RFC 7240) has `respond-async` among its preferences. */
function prefersLater(request: RawRequest): boolean {
  const given = header(request, "prefer") ?? "";
  if (given.length > LONGEST_PREFERENCE) return false;
  const preferences = given.replace(/"(?:[^"\\]|\\.)*"/g, '""').split(",");
  return preferences.some((each) => each.split(/[;=]/)[0]?.trim().toLowerCase() === "respond-async");
}

function digest(...parts: readonly (string | Buffer)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part).update("\0");
  return hash.digest("base64url");
}

/**
 * The key of a repeated request, hashed with its scope (principal, method, path, rehearsals apart), and the hash of the
 * body and of what the query adds to it.
 */
function understandIdempotency(request: RawRequest, known: Operation): UnderstoodRequest["idempotency"] {
  const key = header(request, "idempotency-key");
  if (key === undefined || known.idempotent !== true) return null;
  if (key === "" || key.length > MAX_IDEMPOTENCY_KEY)
    throw refused("/Idempotency-Key", `An Idempotency-Key has 1 to ${MAX_IDEMPOTENCY_KEY} characters.`);
  const path = known.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(request.params[name] ?? ""));
  const more = Object.entries(request.query).filter(([name]) => name !== "dryRun");
  const body = digest(request.body, ...more.map(([name, value]) => `${name}=${String(value)}`));
  return { key: digest(request.principal.name, known.method, path, key), body };
}

/**
 * Reads a request by the table of operations. Throws `bad_request` (query, headers), `unsupported_media_type`,
 * `malformed_json`, `validation_failed` (body).
 */
export function understand(request: RawRequest): UnderstoodRequest {
  const known = operation(request.operation);
  const query = understandQuery(request);
  const idempotency = understandIdempotency(request, known);
  const understood = understandBody(request, known);
  const done = query["done"] === true || (isObject(understood.body) && understood.body["done"] === true);
  return {
    query,
    ...understood,
    later: known.asynchronous === true && done && query["dryRun"] !== true && prefersLater(request),
    ifMatch: known.conditional === true ? entityTags(header(request, "if-match")) : null,
    idempotency,
    lastEventId: header(request, "last-event-id") ?? null,
  };
}
