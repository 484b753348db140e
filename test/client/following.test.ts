import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { eventsIn, type ServerEvent } from "../../src/client/server-events.ts";
import { hasCode, httpTransport, RuntreeClient } from "../../src/index.ts";
import { enqueue, jobEnded, makeTemplate, SCRIPTS } from "../support/jobs.ts";
import { startServer, startServerForFile, type TestServer } from "../support/server.ts";

let server: TestServer;
let client: RuntreeClient;
beforeAll(() =>
  startServerForFile(
    (started) => {
      server = started;
      client = new RuntreeClient(httpTransport(server.url));
    },
    [],
    SCRIPTS,
  ),
);

async function codeOf(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
  } catch (error) {
    return hasCode(error, "unreachable") ? "unreachable" : hasCode(error, "run_not_found") ? "run_not_found" : "other";
  }
  return "none";
}

async function textOf(pieces: AsyncIterable<string>): Promise<string> {
  let text = "";
  for await (const piece of pieces) text += piece;
  return text;
}

const never = (): AbortSignal => new AbortController().signal;

test("a log is followed to its end, and one of a run that is none is refused as ever", async () => {
  await makeTemplate(server, "brings");
  const { run_id } = await jobEnded(server, await enqueue(server, "brings"));
  const asked = { params: { run_id }, query: { follow: true } };
  expect(await textOf(await client.follow("getRunLog", never(), asked))).toBe("brought\n");
  expect(await codeOf(() => client.follow("getRunLog", never(), { params: { run_id: "nope" } }))).toBe("run_not_found");
});

test("events are told from when the answer begins, until the signal ends it", async () => {
  const ending = new AbortController();
  const pieces = await client.follow("followEvents", ending.signal);
  await client.call("startRun", { params: { job_id: "custom" }, body: {} });
  const types: string[] = [];
  for await (const events of eventsIn(pieces)) {
    types.push(...events.map(({ type }) => type));
    if (types.includes("run.created")) ending.abort();
  }
  expect(types).toContain("run.created");
});

test("what is followed ends when the server is stopped, and throws when it dies", async () => {
  for (const [how, code] of [
    ["stop", "none"],
    ["kill", "unreachable"],
  ] as const) {
    const other = await startServer();
    const pieces = await new RuntreeClient(httpTransport(other.url)).follow("followEvents", never());
    const outcome = codeOf(() => textOf(pieces));
    await other[how]();
    expect([how, await outcome]).toEqual([how, code]);
  }
});

test("events are the same however their text is cut", async () => {
  const event = fc.record({
    type: fc.constantFrom("run.created", "job.updated"),
    data: fc.dictionary(fc.stringMatching(/^[a-z:\n]{1,4}$/), fc.oneof(fc.string(), fc.integer())),
  });
  const frames = fc.array(fc.oneof(event, fc.constantFrom(": heartbeat", "retry: 1000")), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(frames, fc.array(fc.nat(40)), async (given, cuts) => {
      let text = given
        .map((frame) =>
          typeof frame === "string"
            ? `${frame}\n\n`
            : `id: 1\nevent: ${frame.type}\ndata: ${JSON.stringify(frame.data)}\n\n`,
        )
        .join("");
      const pieces: string[] = [];
      for (const cut of cuts) {
        pieces.push(text.slice(0, cut));
        text = text.slice(cut);
      }
      async function* cutUp(): AsyncGenerator<string> {
        yield* [...pieces, text];
      }
      const seen: ServerEvent[] = [];
      for await (const events of eventsIn(cutUp())) seen.push(...events);
      expect(seen).toEqual(given.filter((frame) => typeof frame !== "string"));
    }),
  );
});
