// Writes docs/openapi.json, the document that `GET /openapi.json` answers with, from the table of operations and schemas/.
import { writeFileSync } from "node:fs";
import { build } from "./prepare.mjs";

build();
const { openApi } = await import("../dist/contract/openapi.js");
const { SHAPE_FILES } = await import("../dist/schema/shapes.js");
const { PROGRAM } = await import("../dist/store/program.js");
const text = JSON.stringify(openApi(SHAPE_FILES, PROGRAM.version), null, 2);
writeFileSync(new URL("../docs/openapi.json", import.meta.url), `${text}\n`);
