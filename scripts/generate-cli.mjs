// Writes docs/cli.md from what the commands say of themselves.
import { writeFileSync } from "node:fs";
import { build } from "./prepare.mjs";

build();
const { manual } = await import("../dist/cli/manual.js");
writeFileSync(new URL("../docs/cli.md", import.meta.url), await manual());
