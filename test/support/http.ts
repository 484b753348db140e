import { expect } from "vitest";
import { commonProblems } from "../../src/contract/operation.ts";
import { answerTypes, operation, type OperationId } from "../../src/contract/operations.ts";
import type { ErrorCode } from "../../src/domain/errors.ts";
import { checkShape, type ShapeName } from "../../src/schema/shapes.ts";
import type { TestServer } from "./server.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // The tests look into answers of every shape; each is checked against its schema first.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any;
}

export interface Request {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON; text or bytes are sent as they are, as JSON unless `headers` say otherwise. */
  readonly body?: unknown;
  readonly prefix?: string;
}

/**
 * Calls an operation over real HTTP and checks the answer against the contract: the status and shape of success, or a
 * problem with a code that the operation (or every one) may answer.
 */
export async function call(server: Pick<TestServer, "url">, id: OperationId, request: Request = {}): Promise<Answer> {
  const known = operation(id);
  const path = known.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(request.params?.[name] ?? ""));
  const search = new URLSearchParams(request.query).toString();
  const raw = typeof request.body === "string" || request.body instanceof Uint8Array;
  const reply = await fetch(`${server.url}${request.prefix ?? ""}${path}${search && `?${search}`}`, {
    method: known.method,
    headers: { ...(request.body === undefined ? {} : { "content-type": "application/json" }), ...request.headers },
    ...(request.body === undefined ? {} : { body: raw ? (request.body as string) : JSON.stringify(request.body) }),
  });
  const endless = reply.headers.get("content-type")?.startsWith("text/event-stream") === true;
  const text = endless ? "" : await reply.text();
  if (endless) await reply.body?.cancel();
  const json = /[/+]json\b/.test(reply.headers.get("content-type") ?? "");
  const body: unknown = text === "" ? (endless ? "" : null) : json ? JSON.parse(text) : text;
  expect(reply.headers.get("x-request-id")).toBeTruthy();
  if (reply.status < 300) {
    const later = known.asynchronous === true && reply.status === 202;
    if (!later) expect(reply.status).toBe(known.success);
    if (reply.status === 204) expect([text, reply.headers.get("content-type")]).toEqual(["", null]);
    const types = reply.status === 204 ? [null] : answerTypes(known).map((type) => `${type}; charset=utf-8`);
    expect(types).toContain(reply.headers.get("content-type"));
    expect(checkShape(known.response as ShapeName, body)).toEqual([]);
    const promised = {
      etag: known.tagged,
      "runtree-commit": known.atCommit,
      location: known.success === 201 || later,
      "preference-applied": later,
    };
    for (const [name, there] of Object.entries(promised))
      expect([name, reply.headers.has(name)]).toEqual([name, there ?? false]);
  } else if (reply.status !== 304) expectProblem(id, reply, body);
  return { status: reply.status, headers: reply.headers, body };
}

function expectProblem(id: OperationId, reply: Response, body: unknown): void {
  expect(reply.headers.get("content-type")).toMatch(/^application\/problem\+json/);
  expect(checkShape("problem#Problem", body)).toEqual([]);
  const { code, status, errors } = body as { code: ErrorCode; status: number; errors?: unknown[] };
  expect([...commonProblems(operation(id)), ...operation(id).problems]).toContain(code);
  expect(status).toBe(reply.status);
  if (status === 422) expect(errors?.length).toBeGreaterThan(0);
}
