// `npm test`: everything CI runs. Arguments go to vitest, and then only the tests run.
import { build, install, requireNode, run, tool } from "./prepare.mjs";

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
run(tool("vitest"), ["run", ...only], { stdio: "inherit" });
