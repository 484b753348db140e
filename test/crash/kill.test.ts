import { once } from "node:events";
import { watch } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { MAIN } from "../../src/domain/layout.ts";
import { randomOf, SEED } from "../support/sample.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { Ledger, work } from "./clients.ts";
import { verify } from "./verification.ts";

/** 300 by `npm run kill`. */
const KILLS = Number(process.env["RUNTREE_KILLS"] ?? 4);
const CLIENTS = 8;

/** More kills than this happen to a new repository: what is verified after each grows with it. */
const KILLS_OF_ONE = 10;

/** Resolves when git's lock on `main` is there or gone: the ref is being moved. */
async function mainIsMoved({ gitDir }: TestServer): Promise<void> {
  const watcher = watch(`${gitDir}/refs/heads`);
  for (let name: unknown = ""; !MAIN.endsWith(String(name).replace(/\.lock$/, "")) || name === "";)
    [, name] = await once(watcher, "change");
  watcher.close();
}

/** Moments to kill a server at. */
const MOMENTS: readonly ((server: TestServer, ledger: Ledger, random: () => number) => Promise<unknown>)[] = [
  async (_, __, random) => pause(random() * 30),
  // In the middle of merges, of many at once where they are quick.
  async (_, ledger, random) => {
    const enough = 1 + Math.floor(random() * 4);
    while (ledger.merging < enough) await pause(1);
    await pause(random() * 8);
  },
  // While main is moved to where stock git looks for it.
  mainIsMoved,
];

/** Kills a server again and again while clients are at work. Returns how often it left something in its journal. */
async function killAgainAndAgain(kills: number, random: () => number): Promise<number> {
  const ledger = new Ledger();
  let server = await startServer();
  let left = 0;
  for (let kill = 0; kill < kills; kill++) {
    const enough = ledger.answers + 1 + Math.floor(random() * 24);
    const clients = Array.from({ length: CLIENTS }, async (_, index) => {
      await work(server, ledger, `s-${kill}-${index}`, randomOf(Math.floor(random() * 2 ** 32)));
    });
    const all = Promise.all(clients);
    while (ledger.answers < enough) await Promise.race([pause(2), all]);
    await Promise.race([MOMENTS[kill % MOMENTS.length]?.(server, ledger, random), all]);
    await server.kill();
    await all;
    expect(ledger.unanswered.length).toBeGreaterThan(0);
    server = await startServer({ data: server.data });
    if (server.log().includes("had left in the journal")) left++;
    await ledger.repeat(server);
    await verify(server, ledger);
  }
  expect(await server.stop()).toBe(0);
  return left;
}

test(
  `whatever ${CLIENTS} clients were told is true after kill -9 and a restart, ${KILLS} times (RUNTREE_TEST_SEED=${SEED})`,
  { timeout: 30_000 + KILLS * 10_000 },
  async () => {
    const random = randomOf(SEED);
    let left = 0;
    for (let kills = 0; kills < KILLS; kills += KILLS_OF_ONE)
      left += await killAgainAndAgain(Math.min(KILLS_OF_ONE, KILLS - kills), random);
    // It was worth trying: settled work would have survived without a journal.
    expect(left).toBeGreaterThan(KILLS / 4);
  },
);
