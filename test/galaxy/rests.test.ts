import { describe, expect, test } from "vitest";
import { workflowServerFault } from "../../src/domain/workflow-server.ts";
import type { GalaxyClient } from "../../src/galaxy/galaxy-client.ts";
import { GALAXY_LIMITS } from "../../src/galaxy/galaxy-limits.ts";
import { retryAfterMs } from "../../src/galaxy/retry-after.ts";
import { jittered, ServerRest } from "../../src/galaxy/server-rest.ts";
import { clientOf, handClock, says, smallServer } from "./small-server.ts";

const GOOD = says({ version_major: "26.1", version_minor: null });
const BAD = says({}, 500);

/** How a call fared: `answered`, or the reason of its fault. */
async function fared(client: GalaxyClient): Promise<string> {
  return client.version().then(
    () => "answered",
    (error: unknown) => workflowServerFault(error)?.reason ?? "",
  );
}

/** How a call that acts fared. */
async function acted(client: GalaxyClient): Promise<string> {
  return client.createHistory("a").then(
    () => "answered",
    (error: unknown) => workflowServerFault(error)?.reason ?? "",
  );
}

describe("Retry-After", () => {
  const now = Date.UTC(2026, 0, 1, 12);
  test.each([
    ["0", 0],
    ["120", 120_000],
    [" 5 ", 5000],
    ["Thu, 01 Jan 2026 12:00:30 GMT", 30_000],
    ["Thursday, 01-Jan-26 12:00:30 GMT", 30_000],
    ["Thu, 01 Jan 2026 11:00:00 GMT", 0],
    [undefined, null],
    ["", null],
    ["soon", null],
    ["-1", null],
    ["1.5", null],
    ["1e3", null],
    ["99999999999999", null],
    ["2026-01-01T12:00:30Z", null],
    ["Thu, 99 Jan 2026 12:00:30 GMT", null],
  ])("%j asks to wait %j ms", (header, ms) => {
    expect(retryAfterMs(header, now)).toBe(ms);
  });
});

describe("a server that fails", () => {
  test("rests after failures in a row, and an answer in between, even a refusal, begins the count again", async () => {
    const hand = handClock();
    const server = await smallServer(BAD);
    const client = clientOf(server.url, { failures: 3 }, { clock: hand.clock });
    expect([await fared(client), await fared(client)]).toEqual(["refused", "refused"]);
    server.answer = says({}, 404);
    await fared(client);
    server.answer = BAD;
    expect(client.restsUntil).toBeLessThanOrEqual(hand.now);
    for (const _ of [1, 2, 3]) expect(await fared(client)).toBe("refused");
    expect(client.restsUntil).toBeGreaterThan(hand.now);
    expect([await fared(client), await acted(client)]).toEqual(["resting", "resting"]);
    expect(server.asked).toHaveLength(6);
  });

  test("rests longer each time, by chance, and never longer than 30 seconds; an answer ends that", () => {
    for (const random of [() => 0, () => 0.5, () => 0.999]) {
      const hand = handClock();
      const rest = new ServerRest({ ...GALAXY_LIMITS, failures: 1 }, { clock: hand.clock, random });
      const rests = Array.from({ length: 12 }, () => {
        expect(rest.mayAsk()).toBe(true);
        rest.failed();
        const ms = rest.until - hand.now;
        hand.now = rest.until;
        return ms;
      });
      expect(rests).toEqual(rests.toSorted((left, right) => left - right));
      expect(rests[0]).toBe(jittered(1000, random));
      expect(rests.at(-1)).toBe(jittered(30_000, random));
      expect(rests.at(-1)).toBeLessThanOrEqual(30_000);
      expect(rest.mayAsk()).toBe(true);
      rest.answered();
      rest.failed();
      expect(rest.until - hand.now).toBe(rests[0]);
    }
  });

  test("is asked by one request at first when its rest is over, and by all when that is answered", async () => {
    const hand = handClock();
    const server = await smallServer(BAD);
    const client = clientOf(server.url, { failures: 1 }, { clock: hand.clock });
    await fared(client);
    hand.now = client.restsUntil;
    expect((await Promise.all([fared(client), fared(client), fared(client)])).toSorted()).toEqual([
      "refused",
      "resting",
      "resting",
    ]);
    hand.now = client.restsUntil;
    server.answer = GOOD;
    expect((await Promise.all([fared(client), fared(client)])).toSorted()).toEqual(["answered", "resting"]);
    expect(await Promise.all([fared(client), fared(client)])).toEqual(["answered", "answered"]);
    expect(client.restsUntil).toBeLessThanOrEqual(hand.now);
  });

  test.each(["failed", "asked"] as const)("that %s rests no longer than it may when the clock is put back", (how) => {
    const hand = handClock();
    const rest = new ServerRest({ ...GALAXY_LIMITS, failures: 1 }, { clock: hand.clock, random: () => 0.5 });
    if (how === "failed") rest.failed();
    else rest.askedToRest(60_000);
    hand.now -= 86_400_000;
    expect(rest.mayAsk()).toBe(false);
    hand.now += how === "failed" ? GALAXY_LIMITS.mostRestMs : GALAXY_LIMITS.mostAskedRestMs;
    expect(rest.mayAsk()).toBe(true);
  });

  test("rests once, however many requests were under way", async () => {
    const hand = handClock();
    const server = await smallServer(BAD);
    const client = clientOf(server.url, { failures: 2, restMs: 1000 }, { clock: hand.clock });
    await Promise.all(Array.from({ length: 8 }, () => fared(client)));
    expect(client.restsUntil - hand.now).toBe(750);
  });

  test("is not asked again by a call that reads once it rests", async () => {
    const server = await smallServer(BAD);
    const client = clientOf(server.url, { failures: 2, retries: 2 }, { clock: handClock().clock });
    expect(await fared(client)).toBe("refused");
    expect(server.asked).toHaveLength(2);
  });
});

describe("a server that asks for a rest", () => {
  test.each([
    [429, "7", 7000],
    [503, "7", 7000],
    [429, "Thu, 01 Jan 2026 00:00:20 GMT", 20_000],
    [429, "0", 1000],
    [429, "86400", 300_000],
    [429, "soon", 750],
    [429, undefined, 750],
  ])("with %i and %j is left alone for %i ms", async (status, header, ms) => {
    const hand = handClock();
    const headers: Record<string, string> = header === undefined ? {} : { "retry-after": header };
    const server = await smallServer(says({}, status, headers));
    const client = clientOf(server.url, { retries: 2 }, { clock: hand.clock });
    expect(await fared(client)).toBe("refused");
    expect(client.restsUntil - hand.now).toBe(ms);
    server.answer = GOOD;
    hand.now = client.restsUntil - 1;
    expect(await fared(client)).toBe("resting");
    hand.now = client.restsUntil;
    expect(await fared(client)).toBe("answered");
    expect(server.asked).toHaveLength(2);
  });

  test("is left alone for that long even if another request is answered meanwhile", () => {
    const hand = handClock();
    const rest = new ServerRest(GALAXY_LIMITS, { clock: hand.clock, random: () => 0 });
    expect([rest.mayAsk(), rest.mayAsk()]).toEqual([true, true]);
    rest.askedToRest(5000);
    rest.answered();
    expect(rest.until - hand.now).toBe(5000);
  });

  test("has its time told to whoever asked", async () => {
    const hand = handClock();
    const server = await smallServer(says({}, 429, { "retry-after": "7" }));
    const client = clientOf(server.url, {}, { clock: hand.clock });
    const waits = [];
    for (const _ of [1, 2]) {
      const error: unknown = await client.createHistory("a").catch((error: unknown) => error);
      waits.push(workflowServerFault(error)?.retry_after_ms);
    }
    expect(waits).toEqual([7000, 7000]);
  });
});

describe("a call that reads", () => {
  test("is made three times at most, and its answer is taken whenever it comes", async () => {
    const server = await smallServer(BAD);
    const client = clientOf(server.url, { retries: 2, failures: 100 });
    expect(await fared(client)).toBe("refused");
    expect(server.asked).toHaveLength(3);
    let left = 2;
    server.answer = (request, response) => (left-- > 0 ? request.socket.destroy() : GOOD(request, response));
    expect(await fared(client)).toBe("answered");
    expect(server.asked).toHaveLength(6);
  });

  test("is not made again when its time would be over by then", async () => {
    const server = await smallServer(BAD);
    const client = clientOf(server.url, { retries: 2, retryMs: 400, callMs: 250 });
    expect(await fared(client)).toBe("refused");
    expect(server.asked).toHaveLength(1);
  });

  test("gives a server no more time than is left of its own", async () => {
    const server = await smallServer(() => undefined);
    const began = performance.now();
    expect(await fared(clientOf(server.url, { retries: 2, answerMs: 10_000, callMs: 150 }))).toBe("timeout");
    expect(performance.now() - began).toBeLessThan(2000);
  });

  test("ends its wait when the client closes", async () => {
    const server = await smallServer(BAD);
    const client = clientOf(server.url, { retries: 1, retryMs: 60_000, callMs: 600_000 });
    const waiting = fared(client);
    await expect.poll(() => server.asked.length).toBe(1);
    await client.close();
    expect(await waiting).toBe("closed");
  });
});

test("a call that acts is made once, whatever comes of it", async () => {
  const server = await smallServer(BAD);
  const client = clientOf(server.url, { retries: 2, failures: 100 });
  expect(await acted(client)).toBe("refused");
  expect(server.asked).toHaveLength(1);
});
