import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { makeApp } from "./app.ts";
import { Faults } from "./faults.ts";
import { Galaxy, type GalaxyOptions } from "./galaxy.ts";
import { Traffic } from "./traffic.ts";

/** The key that is good where no other is given. */
export const DEMO_KEY = "galaxy-demo-key";

export interface DemoOptions extends GalaxyOptions {
  /** 0 (the default): any free one. */
  readonly port?: number;
  readonly key?: string;
}

/** A stand-in that listens. */
export interface GalaxyDemo {
  readonly url: string;
  readonly key: string;
  /** What it holds: workflows to import, how jobs end, the clock. */
  readonly galaxy: Galaxy;
  readonly faults: Faults;
  readonly traffic: Traffic;
  /** Ends it and whatever still waits for an answer. */
  close(): Promise<void>;
}

/** Starts a stand-in Galaxy, on loopback only. */
export async function startGalaxyDemo({ port = 0, key = DEMO_KEY, ...options }: DemoOptions): Promise<GalaxyDemo> {
  const parts = { galaxy: new Galaxy(options), faults: new Faults(), traffic: new Traffic(), key };
  const answer = makeApp(parts).callback();
  const server = createServer((request, response) => void answer(request, response));
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const { port: listening } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${listening}`,
    ...parts,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
