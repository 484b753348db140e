import { readdirSync, writeFileSync } from "node:fs";
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
    expect(await serve(data, env)).toMatchObject({ code: 2, err: expect.stringMatching(JSON_ERROR) });
    expect(readdirSync(data)).toEqual([]);
    expect(await runtree(["init", "--data", data], { env })).toMatchObject({ code: 0 });
  });
});

test("the address of a Galaxy's API is as good as its own", async () => {
  const { url, key } = await startCounting();
  const env = { RUNTREE_PORT: "0", RUNTREE_GALAXY_URL: `${url}/api/`, RUNTREE_GALAXY_KEY: key };
  const { out } = await runtree(["doctor", "--json", "--data", temporaryFolder()], { env });
  expect(JSON.parse(out).findings).toContainEqual(expect.objectContaining({ what: "galaxy default", ok: true }));
});

describe("runtree doctor, with a Galaxy", () => {
  const wrong = { RUNTREE_GALAXY_KEY: "wrong" };
  test.each<[string, Record<string, string>, boolean, string]>([
    ["that is well", {}, true, "takes the key"],
    ["that has what may be invoked", { RUNTREE_GALAXY_WORKFLOWS: COUNT }, true, "takes the key"],
    ["that is away", { RUNTREE_GALAXY_URL: AWAY }, false, `${AWAY}: `],
    ["that does not take the key", wrong, false, "401"],
    ["that does not take it for what may be invoked", { ...wrong, RUNTREE_GALAXY_WORKFLOWS: COUNT }, false, "401"],
    ["without a workflow that may be invoked", { RUNTREE_GALAXY_WORKFLOWS: `${COUNT},Assemble` }, false, '"Assemble"'],
    ["without a key", { RUNTREE_GALAXY_KEY: "" }, false, "RUNTREE_GALAXY_KEY"],
  ])("%s, says so", async (_, settings, ok, words) => {
    const { url, key } = await startCounting();
    const env = { RUNTREE_PORT: "0", RUNTREE_GALAXY_URL: url, RUNTREE_GALAXY_KEY: key, ...settings };
    const { code, out } = await runtree(["doctor", "--json", "--data", temporaryFolder()], {
      env: Object.fromEntries(Object.entries(env).filter(([, value]) => value !== "")),
    });
    expect(code).toBe(ok ? 0 : 1);
    const found = expect.objectContaining({ what: "galaxy default", ok, words: expect.stringContaining(words) });
    expect(JSON.parse(out).findings).toContainEqual(found);
    expect(out).not.toContain(key);
  });

  test("tells a rule for looking that is none", async () => {
    const env = { RUNTREE_PORT: "0", RUNTREE_POLL: "often" };
    const { code, out } = await runtree(["doctor", "--json", "--data", temporaryFolder()], { env });
    expect(code).toBe(1);
    expect(JSON.parse(out).findings).toContainEqual(expect.objectContaining({ what: "poll", ok: false }));
  });
});
