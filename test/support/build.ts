import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Builds before any test runs: the schema worker and the command line are tested as they ship. */
export default function build(): void {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  execFileSync(process.execPath, [`${root}/node_modules/typescript/bin/tsc`], { cwd: root, stdio: "inherit" });
}
