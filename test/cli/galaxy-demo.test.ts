import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { temporaryFolder } from "../support/folders.ts";
import { askGalaxy, chainFile } from "../support/galaxy.ts";

const PROGRAM = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** Starts the command on a free port; its first line as JSON. */
async function startDemo(
  ...flags: string[]
): Promise<{ child: ChildProcess; url: string; key: string; workflows: string[] }> {
  const child = spawn(process.execPath, [PROGRAM, "galaxy-demo", "--port", "0", "--json", ...flags], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  const { listening, ...rest } = JSON.parse(line) as { listening: string; key: string; workflows: string[] };
  return { child, url: listening, ...rest };
}

test.each(["SIGTERM", "SIGINT"] as const)("it serves workflows of folders on loopback until %s", async (signal) => {
  const [one, two] = [temporaryFolder(), temporaryFolder()];
  writeFileSync(join(one, "a.ga"), JSON.stringify(chainFile("first")));
  writeFileSync(join(one, "notes.txt"), "not a workflow");
  writeFileSync(join(two, "b.ga"), JSON.stringify(chainFile("second")));
  const { child, url, key, workflows } = await startDemo("--key", "ours", "--workflows", one, two);
  expect([new URL(url).hostname, key, workflows]).toEqual(["127.0.0.1", "ours", ["first", "second"]]);
  expect((await askGalaxy({ url, key }, "GET", "/api/workflows?search=name:'second'")).body).toHaveLength(1);
  child.kill(signal);
  expect(await once(child, "exit")).toEqual([0, null]);
});

/** The code of what the command says when it cannot start. */
function refusal(...flags: string[]): unknown {
  const { stderr } = spawnSync(process.execPath, [PROGRAM, "galaxy-demo", "--json", ...flags], { encoding: "utf8" });
  return (JSON.parse(stderr) as { error: { code: string } }).error.code;
}

test("what it cannot start with is said so", async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "bad.ga"), "{}");
  const { url } = await startDemo();
  expect(refusal("--port", "0", "--workflows", folder)).toBe("bad_request");
  expect(refusal("--port", "0", "--workflows", join(folder, "nowhere"))).toBe("bad_request");
  expect(refusal("--port", "99999")).toBe("bad_request");
  expect(refusal("--port", "0", "--seconds", "-1")).toBe("bad_request");
  expect(refusal("--port", new URL(url).port)).toBe("busy");
});
