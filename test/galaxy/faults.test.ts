import { createServer } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import type { RuntreeError } from "../../src/domain/errors.ts";
import { workflowServerFault } from "../../src/domain/workflow-server.ts";
import type { GalaxyClient } from "../../src/galaxy/galaxy-client.ts";
import { type Answering, clientOf, listening, says, smallServer } from "./small-server.ts";

const ID = "f2db41e1fa331b3e";

/** The calls of the matrix; only the first three may be repeated. */
const CALLS: Readonly<Record<string, (client: GalaxyClient) => Promise<unknown>>> = {
  list: (client) => client.invocationsIn(ID),
  show: (client) => client.invocation(ID),
  summary: (client) => client.jobsSummary(ID),
  invoke: (client) => client.invoke(ID, { history_id: ID, inputs: {} }),
  cancel: (client) => client.cancel(ID),
};
const ACTS = new Set(["invoke", "cancel"]);

interface Outcome {
  readonly code: "galaxy_error" | "galaxy_timeout";
  readonly reason: string;
  readonly sent: boolean;
  /** Whether an invoke or a cancel that failed so may have been done. */
  readonly done: "none" | "unknown";
  /** Whether a call that only reads is made again. */
  readonly again: boolean;
  readonly status?: number;
}

const UNSENT = { code: "galaxy_error", sent: false, done: "none", again: true } as const;
const UNANSWERED = { code: "galaxy_timeout", sent: true, done: "unknown", again: true } as const;
const REFUSED = { code: "galaxy_error", reason: "refused", sent: true } as const;

function raw(status: number, type: string, body: string): Answering {
  return (_request, response) => response.writeHead(status, { "content-type": type }).end(body);
}

function refusal(status: number, headers: Readonly<Record<string, string>> = {}): Answering {
  return says({ err_code: status * 1000 + 1, err_msg: "No." }, status, headers);
}

/** What a server may do with a request that it was sent, and what comes of it. */
const FAULTS: Readonly<Record<string, readonly [Answering, Outcome]>> = {
  "no answer": [() => undefined, { ...UNANSWERED, reason: "timeout" }],
  "a connection broken off": [(request) => request.socket.destroy(), { ...UNANSWERED, reason: "broken" }],
  "an answer cut off": [
    (request, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("{", () => request.socket.destroy());
    },
    { ...UNANSWERED, reason: "broken" },
  ],
  "an answer that drips": [
    (_request, response) => {
      response.writeHead(200);
      const drip = setInterval(() => response.write(" "), 20);
      response.on("close", () => clearInterval(drip));
    },
    { ...UNANSWERED, reason: "timeout" },
  ],
  "an empty answer": [raw(200, "application/json", ""), { ...UNANSWERED, reason: "unreadable" }],
  "a page for people": [raw(200, "text/html", "<html>"), { ...UNANSWERED, reason: "unreadable" }],
  "half of the JSON": [raw(200, "application/json", '{"id": "f2'), { ...UNANSWERED, reason: "unreadable" }],
  "a list where one thing is due, and the reverse": [
    (request, response) =>
      says(request.url?.includes("/invocations?") === true ? { id: ID } : [{ id: ID }, { id: ID }])(request, response),
    { ...UNANSWERED, reason: "unreadable" },
  ],
  "an object of something else": [says({ hello: "world" }), { ...UNANSWERED, reason: "unreadable" }],
  "100 MB": [
    (_request, response) => {
      const chunk = Buffer.alloc(65_536, " ");
      let left = 100_000_000 / chunk.length;
      const more = (): void => {
        while (left-- > 0 && response.write(chunk));
        if (left <= 0) response.end();
      };
      response.on("drain", more);
      more();
    },
    { ...UNANSWERED, again: false, reason: "too_large" },
  ],
  "100 MB told beforehand": [
    (_request, response) => response.writeHead(200, { "content-length": "100000000" }).write("{"),
    { ...UNANSWERED, again: false, reason: "too_large" },
  ],
  "a redirect": [
    (_request, response) => response.writeHead(302, { location: "/elsewhere" }).end(),
    { ...REFUSED, done: "unknown", again: false, status: 302 },
  ],
  "400": [refusal(400), { ...REFUSED, done: "none", again: false, status: 400 }],
  "401": [refusal(401), { ...REFUSED, done: "none", again: false, status: 401 }],
  "403": [refusal(403), { ...REFUSED, done: "none", again: false, status: 403 }],
  "404": [refusal(404), { ...REFUSED, done: "none", again: false, status: 404 }],
  "409": [refusal(409), { ...REFUSED, done: "none", again: false, status: 409 }],
  "429": [refusal(429), { ...REFUSED, done: "none", again: false, status: 429 }],
  "429 with a time": [refusal(429, { "retry-after": "2" }), { ...REFUSED, done: "none", again: false, status: 429 }],
  "429 with nonsense": [
    refusal(429, { "retry-after": "soon" }),
    { ...REFUSED, done: "none", again: false, status: 429 },
  ],
  "500": [refusal(500), { ...REFUSED, done: "unknown", again: true, status: 500 }],
  "502 by a proxy": [raw(502, "text/html", "<h1>"), { ...REFUSED, done: "unknown", again: true, status: 502 }],
  "503": [refusal(503), { ...REFUSED, done: "unknown", again: true, status: 503 }],
  "503 with a time": [refusal(503, { "retry-after": "2" }), { ...REFUSED, done: "unknown", again: false, status: 503 }],
  "504 by a proxy": [raw(504, "text/html", "<h1>"), { ...REFUSED, done: "unknown", again: true, status: 504 }],
};

/** Servers that no request ever reaches. */
const UNREACHED: Readonly<Record<string, () => Promise<string>>> = {
  "nobody listens": async () => {
    const server = createServer();
    const address = await listening(server);
    await new Promise((resolve) => server.close(resolve));
    return `http://${address}`;
  },
  // A label this long is no name, so that nobody is asked for it.
  "a name that is not known": async () => `http://${"a".repeat(64)}.invalid`,
  "no TLS where it should be": async () => `https://${new URL((await smallServer(says({}))).url).host}`,
  "a connection that is never made": async () => {
    const server = createServer((socket) => onTestFinished(() => void socket.destroy()));
    return `https://${await listening(server)}`;
  },
};

async function failure(made: Promise<unknown>): Promise<RuntreeError> {
  const error: unknown = await made.then(
    (value) => expect.fail(`answered ${JSON.stringify(value)}`),
    (error: unknown) => error,
  );
  return error as RuntreeError;
}

function outcomeOf(error: RuntreeError): object {
  const { reason, sent, effect, status } = workflowServerFault(error) ?? {};
  return { code: error.code, reason, sent, effect, status };
}

function expected({ code, reason, sent, done, status }: Outcome, call: string): object {
  return { code, reason, sent, effect: ACTS.has(call) ? done : "none", status };
}

describe.each(Object.entries(FAULTS))("when a server answers with %s", (_, [answering, outcome]) => {
  test.each(Object.entries(CALLS))(
    "%s says what is known, and only a call that reads is repeated",
    async (name, call) => {
      const server = await smallServer(answering);
      const client = clientOf(server.url, { retries: 1, answerMs: outcome.reason === "timeout" ? 100 : 10_000 });
      expect(outcomeOf(await failure(call(client)))).toEqual(expected(outcome, name));
      expect(server.asked).toHaveLength(outcome.again && !ACTS.has(name) ? 2 : 1);
    },
  );
});

describe.each(Object.entries(UNREACHED))("when %s", (_, server) => {
  test.each(Object.entries(CALLS))("%s was not sent", async (name, call) => {
    const error = await failure(call(clientOf(await server())));
    expect(outcomeOf(error)).toEqual(expected({ ...UNSENT, reason: "unreachable" }, name));
  });
});

test("what waits for a connection until its time is over was not sent, and is not sent later", async () => {
  const server = await smallServer(() => undefined);
  const client = clientOf(server.url, { connections: 1, answerMs: 200 });
  const first = failure(CALLS["invoke"]?.(client) ?? Promise.resolve());
  const second = failure(client.createHistory("later"));
  await expect.poll(() => server.asked.length).toBe(1);
  // Nothing happens until both are over: the connection is not free for the second in between.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
  expect(outcomeOf(await first)).toMatchObject({ reason: "timeout", sent: true, effect: "unknown" });
  expect(outcomeOf(await second)).toMatchObject({ reason: "unreachable", sent: false, effect: "none" });
  server.answer = says({ version_major: "26.1", version_minor: "0" });
  expect(await client.version()).toBe("26.1.0");
  expect(server.asked).toEqual([`POST /api/workflows/${ID}/invocations`, "GET /api/version"]);
});

test("a refusal keeps Galaxy's number and words, and drops what is too much", async () => {
  const server = await smallServer(says({ err_code: 400_008, err_msg: `bad ${"x".repeat(5000)}` }, 400));
  const fault = workflowServerFault(await failure(clientOf(server.url).version()));
  expect(fault).toMatchObject({ server: "small", call: "version", status: 400, err_code: 400_008 });
  expect(fault?.err_msg).toHaveLength(1000);
});

test("words of a Galaxy that end as a sentence does are told as one", async () => {
  const server = await smallServer(says({ err_code: 401_001, err_msg: "Provided API key is not valid." }, 401));
  const { message, data } = await failure(clientOf(server.url).version());
  expect(message).toMatch(/is not valid[^.]*\.$/);
  expect(data["err_msg"]).toBe("Provided API key is not valid.");
});

test("an endless answer to a refusal is given up, and the status stands", async () => {
  const server = await smallServer((_request, response) => {
    response.writeHead(403);
    const more = (): void => {
      while (response.write("x".repeat(65_536)));
    };
    response.on("drain", more);
    more();
  });
  expect(outcomeOf(await failure(clientOf(server.url).version()))).toMatchObject({ reason: "refused", status: 403 });
});

test.each(["", "..", "a/b", "a?b", "a b", "%2e", "x".repeat(200)])(
  "%j is refused as an id without being sent",
  async (id) => {
    const server = await smallServer(says({}));
    const client = clientOf(server.url);
    for (const made of [
      client.workflow(id),
      client.look(id),
      client.cancel(id),
      client.dataset(id),
      client.jobsSummary(id),
    ])
      expect(outcomeOf(await failure(made))).toMatchObject({ reason: "refused", status: 400, sent: false });
    expect(server.asked).toEqual([]);
  },
);

test.each([
  ["ftp://galaxy.example", "key"],
  ["galaxy.example", "key"],
  ["http://user:pass@galaxy.example", "key"],
  ["http://galaxy.example/?a=1", "key"],
  ["http://galaxy.example", ""],
  ["http://galaxy.example", "a\nb"],
])("%s with the key %j is no configuration", (url, key) => {
  expect(() => clientOf(url, {}, { key })).toThrow(expect.objectContaining({ code: "bad_configuration" }));
});

test("nothing an error tells holds the key", async () => {
  const server = await smallServer(says({ err_msg: "No." }, 500));
  const error = await failure(clientOf(server.url, {}, { key: "very-secret" }).version());
  expect(JSON.stringify([error.message, error.data, String(error.cause)])).not.toContain("very-secret");
});

test.each([
  ["an error", 403],
  ["what cannot be read", 200],
])("a key that the server repeats in %s is told to nobody", async (_, status) => {
  const key = "0123456789abcdef";
  const answer: Answering = (request, response) =>
    raw(
      status,
      "text/plain",
      status === 200 ? `No ${key}` : `{"err_msg":"No key ${request.headers["x-api-key"]}."}`,
    )(request, response);
  const error = await failure(clientOf((await smallServer(answer)).url, {}, { key }).version());
  const told = JSON.stringify([error.message, error.data, String(error.cause)]);
  expect(told).not.toContain(key.slice(0, 6));
});

test("words that are cut off are cut between characters", async () => {
  const server = await smallServer(says({ err_msg: `${"x".repeat(999)}\u{1F600}` }, 400));
  const { err_msg: words = "" } = workflowServerFault(await failure(clientOf(server.url).version())) ?? {};
  expect([words.length, words.search(/\p{Surrogate}/u)]).toEqual([1000, -1]);
});

test("what is under way when the client closes fails as closed, and so does what comes later", async () => {
  const server = await smallServer(() => undefined);
  const client = clientOf(server.url, { answerMs: 10_000, retries: 2 });
  const waiting = failure(client.version());
  await expect.poll(() => server.asked.length).toBe(1);
  await client.close();
  expect(outcomeOf(await waiting)).toMatchObject({ reason: "closed", sent: true });
  expect(outcomeOf(await failure(client.version()))).toMatchObject({ reason: "closed", sent: false });
  expect(server.asked).toHaveLength(1);
});
