import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { spaceWords } from "../../src/cli/doctor.ts";
import { temporaryFolder } from "../support/folders.ts";
import { runtree } from "../support/program.ts";
import { startServer } from "../support/server.ts";

interface Finding {
  readonly what: string;
  readonly ok: boolean;
  readonly words: string;
}

async function finding(
  what: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<Finding & { code: number | null }> {
  const { code, out } = await runtree(["doctor", "--json", ...args], { env });
  const { findings } = JSON.parse(out) as { findings: Finding[] };
  return { ok: false, words: "", ...findings.find((each) => each.what === what), what, code };
}

/** A port of this machine that something else listens on: it takes connections and says this, or nothing. */
async function takenPort(says: string): Promise<number> {
  const server = createServer((socket) => void (says === "" ? undefined : socket.end(says))).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

describe("runtree doctor", () => {
  test("tells the server that answers at the configured address", async () => {
    const server = await startServer();
    const RUNTREE_PORT = new URL(server.url).port;
    expect(await finding("server", ["--data", server.data], { RUNTREE_PORT })).toMatchObject({
      code: 0,
      ok: true,
      words: expect.stringMatching(`^${server.url} is served by runtree \\d`),
    });
    await server.stop();
    expect(await finding("server", ["--data", server.data], { RUNTREE_PORT })).toMatchObject({
      ok: true,
      words: `${server.url} is free`,
    });
  });

  test.each([
    ["speaks something else", "SSH-2.0-none\r\n"],
    ["is no Runtree", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"],
    ["says nothing", ""],
  ])("tells that the port is taken by something that %s", async (_, says) => {
    const port = await takenPort(says);
    const found = await finding("server", ["--data", temporaryFolder()], { RUNTREE_PORT: String(port) });
    expect(found).toMatchObject({ code: 1, ok: false, words: expect.stringContaining("is taken by another program") });
  });

  test("tells an address that this machine does not have, and takes any free port for free", async () => {
    const data = ["--data", temporaryFolder()];
    const elsewhere = await finding("server", data, { RUNTREE_HOST: "192.0.2.1" });
    expect(elsewhere).toMatchObject({ code: 1, ok: false, words: expect.stringContaining("EADDRNOTAVAIL") });
    expect(await finding("server", data, { RUNTREE_PORT: "0" })).toMatchObject({ ok: true });
  });

  test("tells how much space is free, and when it is little", async () => {
    const found = await finding("disk", ["--data", `${temporaryFolder()}/not/made`], { RUNTREE_PORT: "0" });
    expect(found.words).toMatch(/\d+\.\d GB free/);
    expect(spaceWords(1_000_000_000)).toBe("1.0 GB free");
    expect(() => spaceWords(999_999_999)).toThrow("make room");
  });
});

describe("runtree status", () => {
  test("says where it looked: a server's address, or a data directory", async () => {
    const server = await startServer();
    const told = await runtree(["status", "--url", server.url]);
    expect(told.out).toMatch(new RegExp(`^server +${server.url}\n`));
    const byVariable = await runtree(["status", "--json"], { env: { RUNTREE_URL: server.url } });
    expect(JSON.parse(byVariable.out)).toMatchObject({ target: { url: server.url }, open_runs: 0 });
    const beside = await runtree(["status", "--data", server.data]);
    expect(beside.out).toMatch(new RegExp(`^data +${server.data}, read directly\n`));
    const read = await runtree(["status", "--json", "--data", "."], { cwd: server.data });
    expect(JSON.parse(read.out)).toMatchObject({ target: { data: server.data } });
  });
});
