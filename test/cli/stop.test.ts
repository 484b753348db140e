import { once } from "node:events";
import { createInterface } from "node:readline";
import { describe, expect, test } from "vitest";
import { call } from "../support/http.ts";
import { follow } from "../support/events.ts";
import { temporaryFolder } from "../support/folders.ts";
import { startProgram } from "../support/program.ts";
import { rawConnection } from "../support/raw.ts";
import { startServer, type TestServer } from "../support/server.ts";

/** Longer than signals may be apart to count as one. */
const LATER_MS = 1100;

const later = async (): Promise<void> => new Promise((resolve) => setTimeout(resolve, LATER_MS));

/** A request whose body does not come to an end, so that a stop waits for it. */
async function hold(server: TestServer): Promise<{ let: () => void; answer: () => string; closed: Promise<unknown> }> {
  const head = "POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n";
  const { socket, answer, closed } = rawConnection(server.url, `${head}{`);
  await once(socket, "connect");
  // Answered after that one was read.
  await call(server, "getHealth");
  return { let: () => void socket.write("}"), answer, closed };
}

async function ended(server: TestServer): Promise<readonly [number | null, string]> {
  const lines: string[] = [];
  createInterface({ input: server.process.stdout as NodeJS.ReadableStream }).on("line", (line) => lines.push(line));
  const [code] = (await once(server.process, "exit")) as [number | null];
  return [code, lines.at(-1) ?? ""];
}

describe.each(["SIGTERM", "SIGINT"] as const)("%s", (signal) => {
  test("answers what is at work, ends the streams, says that it stopped, and exits with 0", async () => {
    const server = await startServer();
    const events = await follow(server.url);
    const request = await hold(server);
    const end = ended(server);
    server.process.kill(signal);
    await events.ended;
    request.let();
    expect(await end).toEqual([0, "runtree stopped"]);
    expect(request.answer()).toMatch(/^HTTP\/1.1 422 /);
    expect(events.response.complete).toBe(true);
  });

  test("twice within a second is once", async () => {
    const server = await startServer();
    const request = await hold(server);
    const events = await follow(server.url);
    const end = ended(server);
    server.process.kill(signal);
    await events.ended;
    server.process.kill(signal);
    request.let();
    expect(await end).toEqual([0, "runtree stopped"]);
  });

  test("again later ends at once; what was acknowledged is there after the next start", async () => {
    const server = await startServer();
    const { body } = await call(server, "startRun", { params: { job_id: "custom" }, body: {} });
    await hold(server);
    const end = ended(server);
    server.process.kill(signal);
    await later();
    server.process.kill(signal);
    expect((await end)[0]).toBe(1);
    const again = await startServer({ data: server.data });
    expect((await call(again, "getRun", { params: { run_id: body.id } })).status).toBe(200);
  });
});

test("a request that never ends is cut after a while", { tags: "trial" }, async () => {
  const server = await startServer();
  const request = await hold(server);
  const end = ended(server);
  server.process.kill("SIGTERM");
  expect(await end).toEqual([0, "runtree stopped"]);
  await request.closed;
  expect(request.answer()).toBe("");
});

test("programs are told where the server listens, and that it stopped, in lines of JSON", async () => {
  const command = startProgram(["serve", "--port", "0", "--data", temporaryFolder(), "--json"]);
  const lines = createInterface({ input: command.process.stdout as NodeJS.ReadableStream });
  const [line] = (await once(lines, "line")) as [string];
  const told = JSON.parse(line) as { listening: string; git_dir: string; keys: object };
  expect(told).toMatchObject({ git_dir: expect.stringMatching(/repo\.git$/), keys: { asked_for: false, usable: 0 } });
  expect((await fetch(`${told.listening}/healthz`)).status).toBe(200);
  command.process.kill("SIGTERM");
  const { code, out } = await command.ended;
  expect([code, out.trim().split("\n").at(-1)]).toEqual([0, '{"stopped":true}']);
});

test("people are told how commands reach a server at another port than the usual one", async () => {
  const command = startProgram(["serve", "--port", "0", "--memory", "--data", temporaryFolder()]);
  const lines = createInterface({ input: command.process.stdout as NodeJS.ReadableStream });
  for await (const line of lines) {
    const url = /export RUNTREE_URL=(\S+)/.exec(line)?.[1];
    if (url === undefined) continue;
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    command.process.kill("SIGTERM");
    break;
  }
  expect(await command.ended).toMatchObject({ code: 0, out: expect.stringContaining("RUNTREE_URL") });
});
