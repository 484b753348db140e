// Brings a clone to where it can run: installs what the lock file says and builds. Does nothing that is done already.
// Uses nothing but Node itself, as nothing is installed when it first runs.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));
const installed = join(root, "node_modules", ".runtree-lock");

/** Runs a program of the project's; ends this one with its exit code when it fails. */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: ["ignore", 2, 2], ...options });
  if (result.error !== undefined) {
    console.error(`runtree: ${command} could not be run: ${result.error.message}`);
    process.exit(1);
  }
  if (result.status !== 0) process.exit(result.status ?? 1);
}

/** The path of a program that a package brought. */
export function tool(name) {
  return join(root, "node_modules", ".bin", name);
}

function newest(folder) {
  let time = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    time = Math.max(time, entry.isDirectory() ? newest(path) : statSync(path).mtimeMs);
  }
  return time;
}

/** Installs the packages of the lock file unless they are there. */
export function install() {
  const lock = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
  if (existsSync(installed) && readFileSync(installed, "utf8") === lock) return;
  console.error("runtree: installing packages");
  run("npm", ["ci", "--no-audit", "--no-fund"], { shell: process.platform === "win32" });
  writeFileSync(installed, lock);
}

/** Builds `dist/` unless it is newer than everything it is made from. */
export function build() {
  const stamp = join(root, "dist", ".tsbuildinfo");
  const sources = Math.max(newest(join(root, "src")), statSync(join(root, "tsconfig.json")).mtimeMs);
  if (existsSync(join(root, "dist", "cli", "main.js")) && statSync(stamp, { throwIfNoEntry: false })?.mtimeMs > sources)
    return;
  console.error("runtree: building");
  run(tool("tsc"), []);
}

/** Refuses a Node that is too old, before anything fails less clearly. */
export function requireNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  console.error(`runtree: Node ${process.versions.node} is too old; install Node 20.19 or newer.`);
  process.exit(1);
}
