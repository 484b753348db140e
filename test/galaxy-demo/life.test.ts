import { expect, test } from "vitest";
import { chainFile, DATASET, galaxyCaller, startGalaxy } from "../support/galaxy.ts";

test("an invocation goes from new to completed, and its jobs from none to ok", async () => {
  const demo = await startGalaxy({ seconds: 5 });
  const ask = galaxyCaller(demo);
  const { id: workflow } = await ask("POST", "/api/workflows", { workflow: chainFile("chain") });
  const { id } = await ask("POST", `/api/workflows/${workflow}/invocations`, { inputs: { 0: DATASET } });
  const seen: unknown[] = [];
  for (let second = 0; second < 12; second++) {
    const [{ state }, { states }] = [
      await ask("GET", `/api/invocations/${id}`),
      await ask("GET", `/api/invocations/${id}/jobs_summary`),
    ];
    seen.push([state, states]);
    demo.clock.pass(1);
  }
  expect(seen.filter((each, at) => JSON.stringify(each) !== JSON.stringify(seen[at - 1]))).toEqual([
    ["new", {}],
    ["ready", {}],
    ["scheduled", { queued: 1 }],
    ["scheduled", { running: 1 }],
    ["scheduled", { ok: 1 }],
    ["completed", { ok: 1 }],
  ]);
  expect(demo.traffic.of("invoke")).toBe(1);
});
