// `npm start`: installs and builds what is missing, then serves. Flags go to `runtree serve`.
import { build, install, requireNode } from "./prepare.mjs";

requireNode();
install();
build();
process.argv.splice(2, 0, "serve");
await import("../dist/cli/main.js");
