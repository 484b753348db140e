// `npm test`: everything CI runs. Arguments go to vitest, and then only the tests run.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { build, install, requireNode, run, tool } from "./prepare.mjs";

/** Memory that Linux has a folder for, and how many bytes of it have to be free. */
const MEMORY = "/dev/shm";
const ROOM = 4 * 1024 ** 3;

/** Where temporary folders of tests go: into memory where there is room and programs may be run, as they are synced very often. */
function temporaryFolders() {
  const { TMPDIR } = process.env;
  if (TMPDIR !== undefined) return { TMPDIR };
  let tried = null;
  try {
    const { bavail, bsize } = statfsSync(MEMORY);
    if (bavail * bsize < ROOM) return {};
    tried = mkdtempSync(`${MEMORY}/runtree-`);
    writeFileSync(`${tried}/program`, "#!/bin/sh\n", { mode: 0o755 });
    return spawnSync(`${tried}/program`).status === 0 ? { TMPDIR: MEMORY } : {};
  } catch {
    return {};
  } finally {
    if (tried !== null) rmSync(tried, { recursive: true });
  }
}

requireNode();
install();
build();
const only = process.argv.slice(2);
if (only.length === 0) {
  run(tool("oxfmt"), ["--check", "."]);
  run(tool("oxlint"), []);
  run(tool("tsc"), ["--project", "test/tsconfig.json"]);
  run(process.execPath, ["scripts/generate-shapes.mjs", "--check"]);
  run(tool("knip"), []);
}
run(tool("vitest"), ["run", ...only], { stdio: "inherit", env: { ...process.env, ...temporaryFolders() } });
