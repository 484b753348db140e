import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../support/folders.ts";
import { COUNT, startCounting } from "../support/invocations.ts";
import { type Ended, runtree } from "../support/program.ts";

const AWAY = "http://127.0.0.1:9";
const JSON_ERROR = /"code":"bad_configuration"/;

/** A data directory whose configuration names a Galaxy `eu`. */
function configured(settings: object): string {
  const data = temporaryFolder();
  const galaxy = { eu: { key_env: "EU_KEY", ...settings } };
  writeFileSync(join(data, "runtree.config.json"), JSON.stringify({ galaxy }));
  return data;
}

async function serve(data: string, env: Record<string, string> = {}): Promise<Ended> {
  return runtree(["serve", "--json", "--port", "0", "--data", data], { env });
}

describe("the key of a Galaxy", () => {
  test("is needed by the server alone, not by whoever works beside it", async () => {
    const data = configured({ url: AWAY });
    expect(await runtree(["init", "--data", data])).toMatchObject({ code: 0 });
    expect(await runtree(["status", "--data", data])).toMatchObject({ code: 0 });
    expect(await serve(data)).toMatchObject({ code: 2, err: expect.stringMatching(JSON_ERROR) });
  });

  test.each<[string, Record<string, string>]>([
    ["an address without a key", { RUNTREE_GALAXY_URL: AWAY }],
    ["a key without an address", { RUNTREE_GALAXY_KEY: "key" }],
  ])("%s keeps a server from starting, and nobody else", async (_, env) => {
    const data = temporaryFolder();
    expect(await runtree(["init", "--data", data], { env })).toMatchObject({ code: 0 });
    expect(await serve(data, env)).toMatchObject({ code: 2, err: expect.stringMatching(JSON_ERROR) });
  });
});
