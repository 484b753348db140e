import { chmodSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../support/folders.ts";
import { type Ended, startProgram } from "../support/program.ts";
import { startServer } from "../support/server.ts";

const key = async (data: string, ...args: string[]): Promise<Ended> =>
  startProgram(["key", ...args, "--data", data]).ended;

const create = ["create", "--role", "agent", "--name", "ada"];

test("a key is made, shown once, listed without its secret, and revoked", async () => {
  const data = temporaryFolder();
  const made = await key(data, ...create, "--expires", "2d", "--json");
  expect([made.code, made.err]).toEqual([0, expect.stringContaining("cannot be shown again")]);
  const { id, key: secret, ...rest } = JSON.parse(made.out);
  expect(rest).toEqual({ name: "ada", role: "agent", expires_at: expect.stringMatching(/^\d{4}-.*Z$/) });
  expect(Date.parse(rest.expires_at) - Date.now()).toBeGreaterThan(1.9 * 86_400_000);
  expect(secret).toMatch(/^[A-Za-z0-9_-]+$/);
  const plain = await key(data, ...create);
  expect(plain.out).toMatch(/^runtree_\w+_[\w-]{43}\n$/);
  const { key: _, ...forEver } = JSON.parse((await key(data, ...create, "--json")).out);
  expect(forEver).toEqual({ id: expect.any(String), name: "ada", role: "agent" });
  const list = await key(data, "list", "--json");
  expect(JSON.parse(list.out).items).toMatchObject([{ id, name: "ada", revoked_at: null }, { expires_at: null }, {}]);
  expect(list.out).not.toMatch(/sha256/);
  expect((await key(data, "list")).out).toMatch(/^ID +ROLE +STATE/);
  expect((await key(data, "revoke", id)).code).toBe(0);
  expect((await key(data, "revoke", id, "--json")).code).toBe(0);
  expect((await key(data, "list")).out).toMatch(new RegExp(`^${id} +agent +revoked `, "m"));
});

test("commands send the key of the environment, and end with 5 without one or with one that may not", async () => {
  const server = await startServer();
  const agent = (await key(server.data, ...create)).out.trim();
  const reader = (await key(server.data, "create", "--role", "reader", "--name", "eve")).out.trim();
  const start = async (env: Record<string, string>): Promise<unknown[]> => {
    const { code, err } = await startProgram(["run", "start", "--url", server.url], undefined, env).ended;
    return [code, err];
  };
  expect(await start({ RUNTREE_KEY: agent })).toEqual([0, ""]);
  expect(await start({})).toEqual([5, expect.stringContaining("needs a key")]);
  expect(await start({ RUNTREE_KEY: reader })).toEqual([5, expect.stringContaining("role agent")]);
});

describe("refused", () => {
  test.each([
    ["a role that is none", ["create", "--role", "king", "--name", "a"], 2],
    ["no name", ["create", "--role", "agent"], 2],
    ["an empty name", ["create", "--role", "agent", "--name", ""], 2],
    ["a name that would break an author", ["create", "--role", "agent", "--name", "a <b@c>"], 2],
    ["a name with a line break", ["create", "--role", "agent", "--name", "a\nb"], 2],
    ["the name of who has none", ["create", "--role", "agent", "--name", "Local"], 2],
    ["an end in the past", [...create, "--expires", "2020-01-01T00:00:00Z"], 2],
    ["an end that is no time", [...create, "--expires", "soon"], 2],
    ["a key that is not there", ["revoke", "0123456789ab"], 6],
  ])("%s", async (_, args, code) => {
    const data = temporaryFolder();
    const ended = await key(data, ...args);
    expect([ended.code, ended.out]).toEqual([code, ""]);
    expect(JSON.parse((await key(data, "list", "--json")).out).items).toEqual([]);
  });

  test("while another process writes keys, with what to do if none does", async () => {
    const data = temporaryFolder();
    writeFileSync(`${data}/keys.json.lock`, "");
    expect((await key(data, ...create)).err).toContain(`remove ${data}/keys.json.lock`);
  });

  test("a file of keys that cannot be read, which is left as it is", async () => {
    const data = temporaryFolder();
    writeFileSync(`${data}/keys.json`, '{"format": 1}');
    expect(await key(data, ...create)).toMatchObject({ code: 2, err: expect.stringContaining("keys.json") });
  });
});

test("keys that are made at once are all kept, or refused", async () => {
  const data = temporaryFolder();
  const ended = await Promise.all(Array.from({ length: 5 }, async () => key(data, ...create)));
  const made = ended.filter(({ code }) => code === 0).length;
  expect(JSON.parse((await key(data, "list", "--json")).out).items).toHaveLength(made);
  expect(made).toBeGreaterThan(0);
});

test("doctor tells how many keys there are, and when others can read them", async () => {
  const data = temporaryFolder();
  const doctor = async (): Promise<{ findings: { what: string; ok: boolean; words: string }[] }> =>
    JSON.parse((await startProgram(["doctor", "--data", data, "--json"]).ended).out);
  const keys = async (): Promise<unknown> => (await doctor()).findings.find(({ what }) => what === "keys");
  expect(await keys()).toMatchObject({ ok: true, words: expect.stringMatching(/^none/) });
  await key(data, ...create);
  expect(await keys()).toMatchObject({ ok: true, words: "1 key, of which 1 can be used" });
  chmodSync(`${data}/keys.json`, 0o640);
  expect(await keys()).toMatchObject({ ok: false, words: expect.stringContaining(`chmod 600 ${data}/keys.json`) });
});
